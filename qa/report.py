"""Figures of an evaluation: compared with an older report, and shown as tables. Pure but for reading a saved report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qa.errors import InvalidQuestions
from qa.measures import METRICS, exact_mcnemar, mean_intervals
from qa.records import Fit, Report

Figures = Mapping[str, Any]

_DECLINED = {
    "auroc": "AUROC of confidence",
    "recall": "unanswerable declined",
    "false": "answerable declined",
    "ece": "expected calibration error",
    "aurc": "area under risk over coverage",
}
_ANSWERS = {
    "evidence": "evidence marked in a right first hit",
    "span_em": "answer words exact",
    "span_f1": "answer words F1",
}
# A metric's name in a report and in its rows of questions.
_PER_QUESTION = {
    "success@1": "success@1",
    "recall@10": "recall@10",
    "mrr@10": "reciprocal_rank",
    "ndcg@10": "ndcg@10",
}
_NEEDED = {"model", "passages", "questions", "legs", "declined", "answers", "latency_ms", "per_question"}
_NEEDED_ROW = {"id", "question", "expected", "right_passages", "rank", *_PER_QUESTION.values()}
_MOST_LISTED = 10


def read_report(report: Report | Figures | str | Path) -> Figures:
    """Return the figures of a report.

    :param report: a report, its figures, or a file that ``qa evaluate --json`` wrote.
    :raises InvalidQuestions: if the file cannot be read, or something that a comparison needs is missing.
    """
    if isinstance(report, Report):
        return report.figures
    figures = _saved(Path(report)) if isinstance(report, str | Path) else report
    missing = sorted(_NEEDED - figures.keys()) if isinstance(figures, Mapping) else sorted(_NEEDED)
    missing = missing or sorted({name for row in figures["per_question"] for name in _NEEDED_ROW - row.keys()})
    if missing:
        raise InvalidQuestions(
            _where(report),
            f"is not a report: {', '.join(missing)} missing. Run: qa evaluate QUESTIONS --json > OLD.json",
        )
    return figures


def compare(old: Report | Figures | str | Path, new: Report | Figures | str | Path) -> dict[str, Any]:
    """Compare two reports on the questions that they share.

    :param old: a report, its figures, or a file that ``qa evaluate --json`` wrote.
    :param new: likewise.
    :return: ``old`` and ``new`` (model, passages, questions); ``shared``, ``only_old`` and ``only_new`` (counts);
        ``metrics`` and, as each report states them, ``legs``, ``declined``, ``answers`` and ``latency_ms``, each figure
        as old, new and difference (new − old); ``gained`` and ``lost``, the questions whose first hit became right or
        wrong; ``p``, the exact two-sided McNemar test on those.
    :raises InvalidQuestions: if a file is not a report, or the two share no question that has an answer.

    A question is shared when both id and text agree. Metrics are recomputed on shared answerable questions; the
    interval beside a difference is 95 %, by paired bootstrap over questions.
    """
    before, after = read_report(old), read_report(new)
    old_rows, new_rows = _rows(before), _rows(after)
    shared = [key for key in old_rows if key in new_rows]
    both = [(old_rows[key], new_rows[key]) for key in shared]
    pairs = [(a, b) for a, b in both if a["expected"] and b["expected"]]
    if not pairs:
        raise InvalidQuestions(
            _where(old),
            f"none of its {len(old_rows)} questions is answerable here and among the {len(new_rows)} of {_where(new)}; "
            "compare two reports of one question set",
        )
    gained = [_named(b) for a, b in pairs if a["success@1"] < b["success@1"]]
    lost = [_named(b) for a, b in pairs if a["success@1"] > b["success@1"]]
    return {
        "old": {name: before[name] for name in ("model", "passages", "questions")},
        "new": {name: after[name] for name in ("model", "passages", "questions")},
        "shared": len(shared),
        "only_old": len(old_rows) - len(shared),
        "only_new": len(new_rows) - len(shared),
        "metrics": _paired_metrics(pairs),
        "legs": {leg: _differences(before["legs"][leg], after["legs"][leg]) for leg in before["legs"]},
        "declined": {
            name: _difference(before["declined"].get(name), after["declined"].get(name)) for name in _DECLINED
        },
        **{part: _differences(before[part], after[part]) for part in ("answers", "latency_ms")},
        "gained": gained,
        "lost": lost,
        "p": exact_mcnemar(len(gained), len(lost)),
    }


def render(figures: Figures) -> str:
    """Return a report as a table: the pipeline and its legs side by side, each figure with its 95 % interval."""
    intervals = figures["intervals"]
    columns = {"pipeline": (figures, intervals)}
    columns |= {leg: (figures["legs"][leg], intervals["legs"][leg]) for leg in figures["legs"]}
    expected = sum(row["expected"] for row in figures["per_question"])
    table = [["", *columns]]
    table += [
        [metric, *(_cell(values[metric], bounds[metric]) for values, bounds in columns.values())] for metric in METRICS
    ]
    labelled = [
        [label, _cell(figures[part][name], intervals[part][name])]
        for part, labels in (("declined", _DECLINED), ("answers", _ANSWERS))
        for name, label in labels.items()
    ]
    flatters = figures.get("calibrated_on_these", False)
    reranker = f", reranker {figures['reranker']}" if "reranker" in figures else ""
    latency = figures["latency_ms"]
    labelled.append(["time of a question", f"{latency['p50']:.1f} ms median, {latency['p95']:.1f} ms 95th percentile"])
    return "\n".join(
        [
            f"model {figures['model']}{reranker}, {figures['passages']} passages, {figures['questions']} questions "
            f"({expected} with an answer, {figures['questions'] - expected} to decline), k {figures['k']}",
            "",
            *_aligned(table),
            "",
            *_aligned(labelled),
            "",
            *render_reliability(figures["declined"]),
            *(
                ["the confidence was fitted to these questions: see qa doctor for cross-validated figures"]
                if flatters
                else []
            ),
            *_missed(figures["per_question"]),
        ]
    )


def render_reliability(declined: Figures) -> list[str]:
    """Return the lines that set confidence beside the share of right first hits, and risk beside coverage."""
    table = [["confidence", "questions", "mean", "first hit right"]]
    table += [
        [
            f"{one['low']:.1f} to {one['high']:.1f}",
            str(one["n"]),
            f"{one['confidence']:.3f}",
            _cell(one["right"], one["interval"]),
        ]
        for one in declined["bins"]
    ]
    risks = [
        f"{point['coverage']:.0%} {point['risk']:.3f} (from confidence {point['threshold']:.3f})"
        for point in declined["risk_coverage"]
    ]
    return [
        *_aligned(table),
        f"sampling alone would show a calibration error of {declined['ece_by_chance']:.3f}",
        f"wrong first hits among the surest {', '.join(risks)}",
    ]


def render_fit(fit: Fit) -> str:
    """Return how a fitted confidence fares beside the shipped one on questions that it was not fitted to."""
    table = [["", "shipped", "fitted, cross-validated"]]
    table += [
        [label, *(_cell(side[name], side["intervals"][name]) for side in (fit.before, fit.after))]
        for name, label in (*_DECLINED.items(), ("cost", "cost of a question"))
    ]
    return "\n".join(
        [
            *_aligned(table),
            f"log odds × {fit.scale:.3f} {fit.shift:+.3f}; declined below {fit.weights['threshold']:.3f}, for a wrong "
            f"answer costs {fit.cost:.3f} where declining a right one costs 1",
        ]
    )


def render_comparison(comparison: Figures) -> str:
    """Return a comparison as a table of old, new and difference, and the questions that flipped."""
    old, new = comparison["old"], comparison["new"]
    table = [["", "old", "new", "difference"]]
    table += [_difference_row(metric, row) for metric, row in comparison["metrics"].items()]
    for leg, rows in comparison["legs"].items():
        table.append(_difference_row(f"{leg} success@1", rows["success@1"]))
    for part, labels in (("declined", _DECLINED), ("answers", _ANSWERS)):
        table += [_difference_row(label, comparison[part][name]) for name, label in labels.items()]
    table += [_difference_row(f"time {name}, ms", row) for name, row in comparison["latency_ms"].items()]
    models = [
        f"{side}: model {about['model']}, {about['passages']} passages" for side, about in (("old", old), ("new", new))
    ]
    alone = f", {comparison['only_old']} only in the old report, {comparison['only_new']} only in the new"
    return "\n".join(
        [
            *models,
            f"{comparison['shared']} questions shared{alone}",
            "",
            *_aligned(table),
            "",
            f"first hit: {len(comparison['gained'])} questions gained, {len(comparison['lost'])} lost "
            f"(exact McNemar p = {comparison['p']:.3g})",
            *(f"  + {row['id']}  {row['question']}" for row in comparison["gained"]),
            *(f"  - {row['id']}  {row['question']}" for row in comparison["lost"]),
        ]
    )


def _where(report: Report | Figures | str | Path) -> Path:
    return Path(report) if isinstance(report, str | Path) else Path("report")


def _saved(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidQuestions(path, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidQuestions(path, f"is not a report: not JSON ({error})") from error


def _rows(figures: Figures) -> dict[tuple[str, str], Figures]:
    return {(row["id"], row["question"]): row for row in figures["per_question"]}


def _named(row: Figures) -> dict[str, str]:
    return {"id": row["id"], "question": row["question"]}


def _paired_metrics(pairs: Sequence[tuple[Figures, Figures]]) -> dict[str, dict[str, Any]]:
    before, after = (np.array([_scores(pair[side]) for pair in pairs]) for side in (0, 1))  # (n, metrics) each
    bounds = mean_intervals(after - before)
    means = zip(before.mean(axis=0).tolist(), after.mean(axis=0).tolist(), strict=True)
    return {
        metric: {**_difference(old, new), "interval": interval}
        for metric, (old, new), interval in zip(METRICS, means, bounds, strict=True)
    }


def _scores(row: Figures) -> list[float]:
    """Return a question's metrics in the order of ``METRICS``."""
    reached = {f"success@{depth}": float(row["rank"] is not None and row["rank"] <= depth) for depth in (5, 10)}
    return [reached[metric] if metric in reached else float(row[_PER_QUESTION[metric]]) for metric in METRICS]


def _differences(old: Figures, new: Figures) -> dict[str, dict[str, Any]]:
    return {name: _difference(old[name], new[name]) for name in old}


def _difference(old: float | None, new: float | None) -> dict[str, Any]:
    return {"old": old, "new": new, "difference": None if old is None or new is None else new - old}


def _missed(rows: Sequence[Figures]) -> list[str]:
    missed = [row for row in rows if row["expected"] and row["rank"] != 1]
    listed = [f"  {row['id']}  {row['question']}  ({_fate(row)})" for row in missed[:_MOST_LISTED]]
    more = len(missed) - len(listed)
    return ["", "first hit wrong:", *listed, *([f"  and {more} more"] if more else [])] if missed else []


def _fate(row: Figures) -> str:
    if not row["right_passages"]:
        return "no passage holds its evidence"
    return f"rank {row['rank']}" if row["rank"] else "not found"


def _cell(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else f"{value:.3f}"


def _difference_row(label: str, row: Figures) -> list[str]:
    interval = row.get("interval")
    beside = f" [{interval[0]:+.3f}, {interval[1]:+.3f}]" if interval else ""
    difference = "–" if row["difference"] is None else f"{row['difference']:+.3f}{beside}"
    return [label, _cell(row["old"], None), _cell(row["new"], None), difference]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
