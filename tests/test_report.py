import json
from pathlib import Path
from typing import Any

import pytest

from qa.errors import InvalidQuestions
from qa.measures import METRICS
from qa.records import Report
from qa.report import compare, render, render_comparison, render_reliability


def report(ranks: dict[str, int | None], model: str = "m", declined: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return figures in which each question's right hit stands at a rank, and some are to be declined."""

    def row(name: str, rank: int | None) -> dict[str, Any]:
        reciprocal = 1 / rank if rank else 0.0
        scores = {
            "right_passages": 1,
            "success@1": float(rank == 1),
            "recall@10": float(bool(rank)),
            "ndcg@10": reciprocal,
        }
        return {
            "id": name,
            "question": f"{name}?",
            "expected": True,
            "rank": rank,
            "reciprocal_rank": reciprocal,
        } | scores

    rows = [row(name, rank) for name, rank in ranks.items()]
    rows += [row(name, None) | {"expected": False, "success@1": None} for name in declined]
    means = dict.fromkeys(METRICS, 0.5)
    bounds = {metric: [0.25, 0.75] for metric in METRICS}
    return {
        "model": model,
        "passages": 9,
        "questions": len(rows),
        "k": 10,
        **means,
        "legs": {"dense": means, "fused": means},
        "intervals": {
            **bounds,
            "legs": {"dense": bounds, "fused": bounds},
            "declined": {
                "auroc": [0.8, 1.0],
                "recall": None,
                "false": [0.0, 0.1],
                "ece": [0.1, 0.3],
                "aurc": [0.0, 0.2],
            },
            "answers": {"evidence": [0.9, 1.0], "span_em": None, "span_f1": None},
        },
        "declined": {
            "auroc": 0.9,
            "recall": None,
            "false": 0.05,
            "ece": 0.2,
            "ece_by_chance": 0.0625,
            "aurc": 0.1,
            "bins": [{"low": 0.3, "high": 0.4, "n": 7, "confidence": 0.375, "right": 0.5, "interval": [0.25, 0.75]}],
            "risk_coverage": [
                {"coverage": 0.5, "risk": 0.0, "threshold": 0.875},
                {"coverage": 1.0, "risk": 0.125, "threshold": 0.0},
            ],
        },
        "answers": {"evidence": 0.95, "span_em": None, "span_f1": None},
        "latency_ms": {"p50": 1.25, "p95": 3.5},
        "per_question": rows,
    }


OLD = report({"a": 1, "b": 2, "c": None, "d": 5, "only old": 1}, "old")
NEW = report({"a": 2, "b": 1, "c": 1, "d": 1, "only new": 1}, "new", ("e",))


def test_flips_and_differences_on_shared_questions() -> None:
    got = compare(OLD, NEW)
    assert got["gained"] == [{"id": name, "question": f"{name}?"} for name in "bcd"]
    assert got["lost"] == [{"id": "a", "question": "a?"}]
    assert got["p"] == 2 * (1 + 4) / 16
    assert (got["shared"], got["only_old"], got["only_new"]) == (4, 1, 2)
    values = {metric: (row["old"], row["new"], row["difference"]) for metric, row in got["metrics"].items()}
    assert {metric: pytest.approx(row) for metric, row in values.items()} == {
        "success@1": (0.25, 0.75, 0.5),
        "success@5": (0.75, 1.0, 0.25),
        "success@10": (0.75, 1.0, 0.25),
        "recall@10": (0.75, 1.0, 0.25),
        "mrr@10": (1.7 / 4, 3.5 / 4, 1.8 / 4),
        "ndcg@10": (1.7 / 4, 3.5 / 4, 1.8 / 4),
    }
    assert got["legs"]["dense"]["mrr@10"] == {"old": 0.5, "new": 0.5, "difference": 0.0}
    assert got["declined"]["recall"] == {"old": None, "new": None, "difference": None}


def test_the_interval_of_a_difference_is_paired() -> None:
    old = report({str(n): 2 if n % 2 else 1 for n in range(40)})
    new = report({str(n): 4 if n % 2 else 2 for n in range(40)})
    low, high = compare(old, new)["metrics"]["mrr@10"]["interval"]
    # Single differences are −0.25 and −0.5: much closer together than the questions themselves.
    assert -0.5 < low < -0.375 < high < -0.25
    assert high - low < 0.09


def test_a_report_differs_from_itself_in_nothing() -> None:
    got = compare(Report(OLD), OLD)
    assert (got["gained"], got["lost"], got["p"]) == ([], [], 1.0)
    assert all((row["difference"], row["interval"]) == (0.0, [0.0, 0.0]) for row in got["metrics"].values())


def test_questions_to_decline_cannot_flip() -> None:
    assert compare(report({"a": 1}, declined=("e",)), report({"a": 1, "e": 1}))["gained"] == []


def test_a_reworded_question_is_another_question() -> None:
    reworded = report({"a": 1})
    reworded["per_question"][0]["question"] = "else?"
    with pytest.raises(
        InvalidQuestions, match=r"report: none of its 5 questions .* among the 1 of report; compare two"
    ):
        compare(OLD, reworded)


def test_a_figure_that_one_report_lacks_has_no_difference() -> None:
    measured = NEW | {"declined": NEW["declined"] | {"recall": 0.5}}
    assert compare(OLD, measured)["declined"]["recall"] == {"old": None, "new": 0.5, "difference": None}


def test_a_report_from_before_a_figure_was_measured_still_compares() -> None:
    older = OLD | {"declined": {"auroc": 0.9, "recall": None, "false": 0.05}}
    got = compare(older, NEW)["declined"]
    assert (got["ece"]["old"], got["ece"]["new"], got["ece"]["difference"]) == (None, 0.2, None)
    assert list(got) == ["auroc", "recall", "false", "ece", "aurc"]


def test_saved_reports_compare_like_figures(tmp_path: Path) -> None:
    paths = [tmp_path / "old.json", tmp_path / "new.json"]
    for path, figures in zip(paths, (OLD, NEW), strict=True):
        path.write_text(json.dumps(figures), "utf-8")
    assert compare(str(paths[0]), paths[1]) == compare(OLD, NEW)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "old.json: is not a report: not JSON"),
        ("[]", "old.json: is not a report: answers, declined,"),
        ('{"hits": []}', "old.json: is not a report: answers, declined,"),
        (json.dumps(OLD | {"per_question": [{"id": "a"}]}), "old.json: is not a report: expected, ndcg@10,"),
    ],
)
def test_a_file_that_is_no_report_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "old.json").write_text(content, "utf-8")
    with pytest.raises(InvalidQuestions, match=message):
        compare(tmp_path / "old.json", NEW)


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidQuestions, match=r"old.json: cannot be read: No such file"):
        compare(tmp_path / "old.json", NEW)


def test_render_sets_legs_side_by_side_with_intervals() -> None:
    lines = render(NEW).splitlines()
    assert lines[0] == "model new, 9 passages, 6 questions (5 with an answer, 1 to decline), k 10"
    assert lines[1] == lines[9] == lines[19] == lines[24] == ""
    assert lines[2].split() == ["pipeline", "dense", "fused"]
    assert lines[3] == "success@1   0.500 [0.250, 0.750]  0.500 [0.250, 0.750]  0.500 [0.250, 0.750]"
    assert "AUROC of confidence                   0.900 [0.800, 1.000]" in lines
    assert "unanswerable declined                 –" in lines
    assert "time of a question                    1.2 ms median, 3.5 ms 95th percentile" in lines
    assert "expected calibration error            0.200 [0.100, 0.300]" in lines
    assert lines[-2:] == ["first hit wrong:", "  a  a?  (rank 2)"]


def test_render_sets_confidence_beside_what_was_right() -> None:
    assert render_reliability(NEW["declined"]) == [
        "confidence  questions  mean   first hit right",
        "0.3 to 0.4  7          0.375  0.500 [0.250, 0.750]",
        "sampling alone would show a calibration error of 0.062",
        "wrong first hits among the surest 50% 0.000 (from confidence 0.875), 100% 0.125 (from confidence 0.000)",
    ]
    told = "the confidence was fitted to these questions"
    assert told not in render(NEW)
    assert told in render(NEW | {"calibrated_on_these": True})
    assert set(render_reliability(NEW["declined"])) <= set(render(NEW).splitlines())


def test_render_lists_ten_misses_and_counts_the_rest() -> None:
    assert render(report(dict.fromkeys("abcdefghijkl"))).splitlines()[-2:] == ["  j  j?  (not found)", "  and 2 more"]
    assert "first hit wrong" not in render(report({"a": 1}))


def test_render_says_which_questions_no_passage_can_answer() -> None:
    unreachable = report({"a": None})
    unreachable["per_question"][0]["right_passages"] = 0
    assert render(unreachable).splitlines()[-1] == "  a  a?  (no passage holds its evidence)"


def test_render_comparison_names_what_flipped() -> None:
    lines = render_comparison(compare(OLD, NEW)).splitlines()
    assert lines[:3] == [
        "old: model old, 9 passages",
        "new: model new, 9 passages",
        "4 questions shared, 1 only in the old report, 2 only in the new",
    ]
    assert lines[3] == ""
    assert lines[4].split() == ["old", "new", "difference"]
    assert lines[5].split() == ["success@1", "0.250", "0.750", "+0.500", "[-0.500,", "+1.000]"]
    assert lines[11].split() == ["dense", "success@1", "0.500", "0.500", "+0.000"]
    assert lines[14].split() == ["unanswerable", "declined", "–", "–", "–"]
    assert lines[-6] == ""
    assert lines[-5:] == [
        "first hit: 3 questions gained, 1 lost (exact McNemar p = 0.625)",
        *("  + b  b?", "  + c  c?", "  + d  d?", "  - a  a?"),
    ]
