"""Why a passage was found or lost, as a panel beside the chat: a form, and below it what the trace says. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from qa.show import escape, page_link
from qa.why import Trace
from qa.wording import words

LONGEST_EXPECTED = 500
_MOST_PLACES = 10


def explanation_to_html(
    question: str, expected: str, trace: Trace | None, titles: Mapping[str, str], language: str, problem: str = ""
) -> str:
    """Return the panel.

    :param expected: words that should have been found, as typed so far.
    :param trace: what became of them; None before the form is sent.
    :param titles: document id to title.
    :param problem: why there is no trace, to be said in its place.
    """
    say = words(language)
    found = f'<p class="wd-trace" role="alert">{escape(problem)}</p>' if problem else ""
    if trace is not None:
        found = _trace_to_html(trace, titles, say)
    return (
        '<div class="wd-page"><div class="wd-page-bar">'
        f'<h2 class="wd-bar-title">{say["why_not"]}</h2>'
        f'<button type="button" class="wd-close">{say["close"]}</button></div>'
        f'<div class="wd-page-body" tabindex="0" role="region" aria-label="{say["why_not"]}">'
        f'<p class="wd-why-question">{escape(question)}</p>'
        f'<form class="wd-why-form"><label>{say["expected"]}'
        f'<textarea name="expected" rows="3" required maxlength="{LONGEST_EXPECTED}">'
        f"{escape(' '.join(expected.split()))}</textarea></label>"
        f'<button type="submit">{say["find_out"]}</button></form>{found}</div></div>'
    )


def _trace_to_html(trace: Trace, titles: Mapping[str, str], say: Mapping[str, str]) -> str:
    said = say["step_" + trace.step.replace(" ", "_")]
    ranks = "".join(
        f"<tr><th scope='row'>{say['leg_' + name]}</th><td>{'–' if rank is None else rank}</td></tr>"
        for name, rank in trace.ranks.items()
    )
    table = f"<table><caption>{say['its_rank']}</caption><tbody>{ranks}</tbody></table>"
    places = "".join(
        f"<li>{page_link(titles.get(place.document_id) or place.document_id, place, None)}</li>"
        for place in trace.places[:_MOST_PLACES]
    )
    stands = f"<h3>{say['stands_in']}</h3><ul>{places}</ul>" if places else ""
    return (
        f'<div class="wd-trace wd-step-{trace.step.replace(" ", "-")}" role="status" tabindex="-1"><p><b>{said}</b></p>'
        f"{table if trace.passage is not None else ''}{stands}</div>"
    )
