"""The figures of an evaluation as a page: table, pictures, what went wrong, what flipped. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qa.kinds import kinds_asked
from qa.measures import METRICS
from qa.plots import Group, bars_to_svg, latency_to_svg, reliability_to_svg
from qa.records import Place, QuestionSet
from qa.report import Figures
from qa.show import escape, page_link
from qa.wording import words

_KINDS = ("person", "time", "place", "number", "other")
_DEPTHS = (1, 5, 10)
_MOST_LISTED = 200


def scorecard_to_html(
    figures: Figures, question_set: QuestionSet, comparison: Figures | None = None, language: str = "zh-Hans"
) -> str:
    """Return a report as a page.

    :param question_set: what was measured; its first quote is what :func:`qa.why.why` is asked about.
    :param comparison: as :func:`qa.report.compare` gives it.
    """
    say = words(language)
    rows = figures["per_question"]
    expected = sum(row["expected"] for row in rows)
    about = say["measured"].format(
        n=len(rows), expected=expected, declined=len(rows) - expected, passages=figures["passages"]
    )
    flips = _flips(comparison, say) if comparison is not None else ""
    return (
        f'<div class="wd-scorecard"><p class="wd-about" role="status">{about}</p>{_tiles(figures, say)}{flips}'
        f"{_table(figures, say)}{_pictures(figures, say)}{_failures(rows, question_set, say)}"
        f'<p><button type="button" class="wd-save-report">{say["save_report"]}</button></p>'
        f'<textarea class="wd-report" hidden>{_in_textarea(figures)}</textarea></div>'
    )


def progress_to_html(done: int, total: int, language: str) -> str:
    """Return a progress bar; nothing in it can be pressed, for it is replaced while it is looked at."""
    say = words(language)
    return (
        f'<div class="wd-progress"><label>{say["measuring"]} <progress max="{total}" value="{done}"></progress></label>'
        f"<span>{done} / {total}</span></div>"
    )


def _in_textarea(figures: Figures) -> str:
    return json.dumps(figures, ensure_ascii=False).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _tiles(figures: Figures, say: Mapping[str, str]) -> str:
    intervals = figures["intervals"]
    tiles = [
        (say["first_right"], _figure(figures["success@1"]), _interval(intervals["success@1"])),
        (
            say["rightly_declined"],
            _figure(figures["declined"]["recall"]),
            _interval(intervals["declined"]["recall"]),
        ),
        (say["wrongly_declined"], _figure(figures["declined"]["false"]), _interval(intervals["declined"]["false"])),
        (say["words_exact"], _figure(figures["answers"]["span_em"]), _interval(intervals["answers"]["span_em"])),
    ]
    return (
        '<dl class="wd-tiles">'
        + "".join(
            f"<div><dt>{name}</dt><dd>{value}</dd><dd class='wd-interval'>{bounds}</dd></div>"
            for name, value, bounds in tiles
        )
        + "</dl>"
    )


def _table(figures: Figures, say: Mapping[str, str]) -> str:
    columns = [(say["leg_shown"], figures, figures["intervals"])]
    columns += [
        (say[f"leg_{leg}"], values, figures["intervals"]["legs"][leg]) for leg, values in figures["legs"].items()
    ]
    head = "".join(f'<th scope="col">{name}</th>' for name, _, _ in columns)
    body = "".join(
        f'<tr><th scope="row">{metric}</th>'
        + "".join(
            f"<td>{_figure(values[metric])} <small>{_interval(bounds[metric])}</small></td>"
            for _, values, bounds in columns
        )
        + "</tr>"
        for metric in METRICS
    )
    return (
        f'<div class="wd-scroll" tabindex="0" role="region" aria-label="{say["metrics"]}"><table>'
        f"<caption>{say['metrics']}</caption><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _pictures(figures: Figures, say: Mapping[str, str]) -> str:
    rows, latency = figures["per_question"], figures["latency_ms"]
    bins, axes = figures["declined"]["bins"], {"across": say["confidence"], "up": say["share_right"]}
    groups = groups_of(rows, say)
    pictures = [
        (say["by_kind"], say["by_kind_legend"], bars_to_svg(groups, say["by_kind"]) if groups else ""),
        (
            say["reliability"],
            say["calibration"].format(error=_figure(figures["declined"]["ece"])),
            reliability_to_svg(bins, title=say["reliability"], **axes),
        ),
        (
            say["latency"],
            say["latency_legend"],
            latency_to_svg([row["ms"] for row in rows], latency["p50"], latency["p95"], say["latency"], "ms"),
        ),
    ]
    return (
        '<div class="wd-pictures">'
        + "".join(
            f"<figure><figcaption><b>{title}</b><br>{legend}</figcaption>{picture}</figure>"
            for title, legend, picture in pictures
            if picture
        )
        + "</div>"
    )


def groups_of(rows: Sequence[Mapping[str, Any]], say: Mapping[str, str]) -> list[Group]:
    """Return the answerable questions by what they ask for; one that asks for two things counts in both."""
    asked: dict[str, list[int | None]] = {kind: [] for kind in _KINDS}
    for row in rows:
        if row["expected"]:
            for kind in kinds_asked(row["question"]) or {"other"}:
                asked[kind].append(row["rank"])
    return [
        Group(say[f"kind_{kind}"], len(ranks), tuple(_within(ranks, depth) for depth in _DEPTHS))
        for kind, ranks in asked.items()
        if ranks
    ]


def _within(ranks: Sequence[int | None], depth: int) -> float:
    return sum(rank is not None and rank <= depth for rank in ranks) / len(ranks)


def _failures(rows: Sequence[Mapping[str, Any]], question_set: QuestionSet, say: Mapping[str, str]) -> str:
    quotes = {one.id: one.evidence[0].quote for one in question_set.questions if one.evidence}
    failed = [(row, fate) for row in rows if (fate := _fate(row, say))]
    listed = "".join(
        f'<li><span class="wd-fate">{fate}</span> <span class="wd-failed-question">{escape(row["question"])}</span>'
        f"{_see(row, quotes.get(row['id'], ''), say)}</li>"
        for row, fate in failed[:_MOST_LISTED]
    )
    more = say["and_more"].format(n=len(failed) - _MOST_LISTED) if len(failed) > _MOST_LISTED else ""
    title = say["failures"].format(n=len(failed))
    return f'<h3>{title}</h3><ol class="wd-failures">{listed}</ol>{f"<p>{more}</p>" if more else ""}'


def _fate(row: Mapping[str, Any], say: Mapping[str, str]) -> str:
    """Return what went wrong with a question, empty if nothing did."""
    if not row["expected"]:
        return say["fate_answered"] if row["answered"] else ""
    if not row["right_passages"]:
        return say["fate_no_passage"]
    if row["rank"] != 1:
        return say["fate_rank"].format(rank=row["rank"]) if row["rank"] else say["fate_not_found"]
    return "" if row["answered"] else say["fate_declined"]


def _see(row: Mapping[str, Any], quote: str, say: Mapping[str, str]) -> str:
    links = []
    if quote:
        links.append(
            f'<button type="button" class="wd-miss" data-question="{escape(" ".join(row["question"].split()))}" '
            f'data-expected="{escape(quote.strip().split(chr(10))[0])}">{say["why"]}</button>'
        )
    top = row["top"]
    if top:
        links.append(page_link(say["first_hit"], Place(top["document"], top["start"], top["end"]), None))
    return f'<span class="wd-see">{"".join(links)}</span>'


def _flips(comparison: Figures, say: Mapping[str, str]) -> str:
    title = say["flips"].format(
        gained=len(comparison["gained"]), lost=len(comparison["lost"]), p=f"{comparison['p']:.3g}"
    )
    items = "".join(_flip_items(comparison))
    shift = comparison["metrics"]["success@1"]
    change = f"success@1 {_figure(shift['old'])} → {_figure(shift['new'])} {_interval(shift['interval'], signed=True)}"
    return f'<section class="wd-flips"><h3>{title}</h3><p>{change}</p><ul>{items}</ul></section>'


def _flip_items(comparison: Figures) -> Iterator[str]:
    for name, mark in (("gained", "+"), ("lost", "−")):
        for row in comparison[name][:_MOST_LISTED]:
            yield f'<li class="wd-{name}">{mark} {escape(row["question"])}</li>'


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(bounds: Sequence[float] | None, signed: bool = False) -> str:
    if not bounds:
        return ""
    sign = "+" if signed else ""
    return f"[{bounds[0]:{sign}.3f}, {bounds[1]:{sign}.3f}]"
