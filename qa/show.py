"""Answers made readable: JSON and HTML. Pure; nothing from a document comes out as markup.

HTML is one line: a blank line would end a Markdown HTML block, and what follows would be read as Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote, unquote, urlencode

from qa.records import Answer, Document, Evidence, Hit, Passage, Place, Span
from qa.wording import DEFAULT, words

_EVIDENCE, SPAN_MARK = "wd-evidence", "wd-span"
_EXCERPT_FROM = 140
_EXCERPT_AROUND = 48
_FEW = 40  # characters of words that are shown by themselves; more are marked in their sentence alone

_ENTITIES = {ord(mark): f"&#{ord(mark)};" for mark in "&<>\"'`*_[]()!#$~|\\{}"}
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ADDRESS = re.compile(r"#page=(?P<document>[^&]+)&at=(?P<marks>[0-9]{1,12}-[0-9]{1,12}(?:-[0-9]{1,12}-[0-9]{1,12})?)")
_LINE_END = re.compile(r"[ \t\u3000]*\n\s*")
_BREAKS = re.compile("\r\n|[\r\u2028\u2029]")


Mark = tuple[int, int, str]


def harmless(text: str) -> str:
    """Return text that cannot steer a terminal or reorder what stands beside it.

    :return: control characters as ``\\ufffd``, directional embeddings and overrides gone, line feeds only.
    """
    return _CONTROLS.sub("\ufffd", _BIDI.sub("", _BREAKS.sub("\n", text)))


def escape(text: str) -> str:
    """Return text for the inside of HTML: no tag, attribute, Markdown, LaTeX or template can start in it.

    Empty lines are left out: they would end the HTML block.
    """
    return _LINE_END.sub("<br>", harmless(text).translate(_ENTITIES)).replace("\t", " ")


def to_json(answer: Answer) -> dict[str, Any]:
    """Return the object that ``qa ask --json`` prints."""
    span = answer.span
    return {
        "question": answer.question,
        "answered": answer.answered,
        "confidence": float(answer.confidence),
        "evidence": _evidence_json(answer.evidence, named=True),
        "span": None if span is None else {"start": span.start, "end": span.end, "text": span.text},
        "hits": hits_to_json(answer.hits),
        "findings": [
            {
                "text": one.text,
                "document": one.document_id,
                "start": one.start,
                "end": one.end,
                "also_in": [*one.also_in],
            }
            for one in answer.findings
        ],
        "read_as": answer.read_as or None,
    }


def hits_to_json(hits: Iterable[Hit]) -> list[dict[str, Any]]:
    """Return the hits as they stand in :func:`to_json`."""
    return [_hit_json(hit) for hit in hits]


def _hit_json(hit: Hit) -> dict[str, Any]:
    passage = hit.passage
    return {
        "rank": hit.rank,
        "score": float(hit.score),
        "dense_score": float(hit.dense_score),
        "lexical_score": float(hit.lexical_score),
        "document": passage.document_id,
        "title": hit.document.title,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "also_in": [{"document": at.document_id, "start": at.start, "end": at.end} for at in passage.also_in],
        "evidence": _evidence_json(hit.evidence),
    }


def _evidence_json(evidence: Evidence | None, named: bool = False) -> dict[str, Any] | None:
    if evidence is None:
        return None
    place = {"start": evidence.start, "end": evidence.end, "quote": evidence.quote}
    return {"document": evidence.document_id, **place} if named else place


def strength(answer: Answer, hit: Hit) -> int:
    """Return how well a hit fits, as a plain step: 3 strong, 2 fair, 1 weak.

    The hit's share of the best score, weighed by the confidence in the whole answer. Near misses are weak.
    """
    if not answer.answered:
        return 1
    best = max(other.score for other in answer.hits)
    share = max(hit.score, 0.0) / best if best > 0 else 1.0
    weighed = share * min(max(answer.confidence, 0.0), 1.0)
    return 3 if weighed >= 0.5 else 2 if weighed >= 0.2 else 1


def cut(start: int, end: int, marks: Sequence[Mark]) -> list[tuple[int, int, list[str]]]:
    """Return ``start..end`` in pieces, each with the names of the marks that cover it."""
    edges = {start, end}
    for left, right, _name in marks:
        edges.update(edge for edge in (left, right) if start < edge < end)
    ordered = sorted(edges)
    return [
        (left, right, [name for first, last, name in marks if first <= left and right <= last])
        for left, right in pairwise(ordered)
    ]


def marks_of(evidence: Evidence | None, span: Span | None) -> list[Mark]:
    """Return what is marked of an evidence and a span: start and end in the document, and the name of the mark."""
    marks = [] if evidence is None else [(evidence.start, evidence.end, _EVIDENCE)]
    return marks if span is None else [*marks, (span.start, span.end, SPAN_MARK)]


def marks_in(answer: Answer, hit: Hit) -> list[Mark]:
    """Return the marks of a hit: its evidence, and the answer's span where that stands in this document."""
    ours = answer.evidence is not None and answer.evidence.document_id == hit.passage.document_id
    return marks_of(hit.evidence, answer.span if ours else None)


def _tag(text: str, names: Sequence[str]) -> str:
    return f'<mark class="{" ".join(names)}">{escape(text)}</mark>' if names else escape(text)


def _marked(text: str, offset: int, marks: Sequence[Mark]) -> str:
    """Return text that stands at ``offset`` of its document as HTML with its marks."""
    pieces = cut(offset, offset + len(text), marks)
    return "".join(_tag(text[left - offset : right - offset], names) for left, right, names in pieces)


def byline(document: Document) -> list[str]:
    """Return when a document was published and by whom, as far as it says."""
    return [part for part in (document.date, document.organisation) if part]


# --- HTML -------------------------------------------------------------------------------------------------------


def question_to_html(question: str) -> str:
    """Return what the visitor typed, as text only."""
    return f'<div class="wd-asked">{escape(question)}</div>'


def notice_to_html(message: str) -> str:
    """Return a polite message in place of an answer."""
    return f'<div class="wd-notice" role="status">{escape(message)}</div>'


def to_html(
    answer: Answer, titles: Mapping[str, str] | None = None, language: str = DEFAULT, judged: bool = False
) -> str:
    """Return an answer as cards.

    :param titles: document id to title, for documents named in ``also_in``; an id without one is shown itself.
    :param judged: give each card buttons that say whether it is right.
    """
    say = words(language)
    verdicts = _verdicts(say) if judged else ""
    cards = "".join(_card(answer, hit, titles or {}, say, verdicts) for hit in answer.hits)
    read_as = searched_to_html(say["read_as"], answer.read_as) if answer.read_as else ""
    if not answer.answered:
        folded = say["near_misses"].format(n=len(answer.hits))
        misses = f'<details class="wd-misses"><summary>{folded}</summary><ol class="wd-hits">{cards}</ol></details>'
        none = f'<div class="wd-none">{say["declined"]}</div>'
        return f'<div class="wd-reply wd-declined">{read_as}{none}{misses if cards else ""}</div>'
    return (
        f'<div class="wd-reply">{read_as}{_answer_card(answer, say, verdicts)}'
        f'<div class="wd-label">{say["passages"]}</div><ol class="wd-hits">{cards}</ol></div>'
    )


def searched_to_html(label: str, searched: str, after: str = "") -> str:
    """Return the line that says what was searched for in place of the question.

    :param label: what stands before it, and ``after``: what stands behind it, both HTML.
    """
    return f'<div class="wd-leaned">{label}<span class="wd-whole">{escape(searched)}</span>{after}</div>'


def _answer_card(answer: Answer, say: Mapping[str, str], verdicts: str) -> str:
    evidence = answer.evidence
    hit = next((one for one in answer.hits if evidence and one.passage.document_id == evidence.document_id), None)
    if evidence is None or hit is None:
        return ""
    span = answer.span
    large = f'<div class="wd-words">{escape(span.text)}</div>' if span is not None and len(span.text) <= _FEW else ""
    quoted = _marked(evidence.quote, evidence.start, [] if span is None else marks_of(None, span))
    quote_class = "wd-quote" if large else "wd-quote wd-large"
    question = escape(urlencode({"q": answer.question}, errors="replace"))
    return (
        f'<section class="wd-answer"><div class="wd-label">{say["answer"]}</div>{large}'
        f'<div class="{quote_class}">{quoted}</div>'
        f'<div class="wd-cite">{say["from"]} <span class="wd-cite-text">{_citation(hit.document)}</span></div>'
        f"{_findings_html(answer, say)}"
        f'<div class="wd-actions">{_open_link(hit, evidence, say)}'
        f'<button type="button" class="wd-copy">{say["copy_quote"]}</button>'
        f'<a class="wd-share" href="?{question}">{say["copy_link"]}</a>{verdicts}</div></section>'
    )


def _findings_html(answer: Answer, say: Mapping[str, str]) -> str:
    """Return what other documents answer, each with its place."""
    about = {hit.document.id: hit.document for hit in answer.hits}
    rows = "".join(
        f'<li><span class="wd-finding">{escape(one.text)}</span> '
        f'<span class="wd-cite-text">{_citation(about[name])}</span></li>'
        for one in answer.findings
        for name in (one.document_id, *one.also_in)
    )
    return f'<div class="wd-several"><div class="wd-label">{say["several"]}</div><ul>{rows}</ul></div>' if rows else ""


def _verdicts(say: Mapping[str, str]) -> str:
    buttons = "".join(
        f'<button type="button" class="wd-judge wd-{name}">{say[name]}</button>' for name in ("right", "wrong")
    )
    return f'<span class="wd-verdicts">{buttons}</span>'


def _citation(document: Document) -> str:
    parts = [f'<span class="wd-title">《{escape(document.title or document.id)}》</span>']
    parts += [f"<span>{escape(part)}</span>" for part in byline(document)]
    return ' <span class="wd-dot">·</span> '.join(parts)


def _card(answer: Answer, hit: Hit, titles: Mapping[str, str], say: Mapping[str, str], verdicts: str) -> str:
    passage, document = hit.passage, hit.document
    step = strength(answer, hit)
    bar = "".join(f'<i class="{"wd-on" if n < step else "wd-off"}"></i>' for n in range(3))
    written = ' <span class="wd-dot">·</span> '.join(f"<span>{escape(part)}</span>" for part in byline(document))
    also = "、".join(
        page_link(titles.get(place.document_id) or place.document_id, place, None) for place in passage.also_in
    )
    return (
        f'<li class="wd-card"><div class="wd-head"><span class="wd-rank">{hit.rank}</span>'
        f'<span class="wd-title">{escape(document.title or document.id)}</span></div>'
        f'<div class="wd-meta"><span class="wd-byline">{written}</span><span class="wd-strength wd-step-{step}">{bar} '
        f"{say[('weak', 'fair', 'strong')[step - 1]]}</span></div>{_passage_html(answer, hit)}"
        + (f'<div class="wd-also">{say["also_in"]}: {also}</div>' if also else "")
        + f'<div class="wd-actions">{_open_link(hit, hit.evidence, say)}'
        f'<button type="button" class="wd-copy">{say["copy_quote"]}</button>{verdicts}</div></li>'
    )


def _passage_html(answer: Answer, hit: Hit) -> str:
    """Return the passage; a long one further down folds to what stands around its evidence."""
    passage, evidence = hit.passage, hit.evidence
    marks = marks_in(answer, hit)
    whole = f'<div class="wd-text" dir="auto">{_marked(passage.text, passage.start, marks)}</div>'
    if hit.rank == 1 or len(passage.text) <= _EXCERPT_FROM:
        return whole
    first, last = (evidence.start, evidence.end) if evidence else (passage.start, passage.start)
    left, right = max(passage.start, first - _EXCERPT_AROUND), min(passage.end, last + _EXCERPT_AROUND)
    if right - left >= len(passage.text):
        return whole
    inner = _marked(passage.text[left - passage.start : right - passage.start], left, marks)
    before, after = "…" if left > passage.start else "", "…" if right < passage.end else ""
    return (
        '<details class="wd-fold">'
        f'<summary class="wd-text" dir="auto">{before}{inner}{after}</summary>{whole}</details>'
    )


def _open_link(hit: Hit, evidence: Evidence | None, say: Mapping[str, str]) -> str:
    passage = hit.passage
    place = Place(passage.document_id, passage.start, passage.end)
    return page_link(say["open_page"], place, evidence, hook="wd-open wd-hit-link")


def page_link(label: str, place: Place, evidence: Evidence | None, hook: str = "wd-open") -> str:
    """Return the anchor that opens a page at a place; :func:`read_page_link` reads its address."""
    marks = (place.start, place.end, *((evidence.start, evidence.end) if evidence else ()))
    address = f"#page={quote(place.document_id, safe='', errors='replace')}&at={'-'.join(map(str, marks))}"
    return f'<a class="{hook}" href="{escape(address)}">{escape(label)}</a>'


def read_page_link(address: str) -> tuple[Place, tuple[int, int] | None] | None:
    """Return the place and the evidence that an address of :func:`page_link` names, or None for any other text."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return None
    start, end, *evidence = (int(mark) for mark in match["marks"].split("-"))
    return Place(unquote(match["document"]), start, end), (evidence[0], evidence[1]) if evidence else None


# --- the page view ----------------------------------------------------------------------------------------------


def page_to_html(
    document: Document,
    place: Place | None = None,
    evidence: tuple[int, int] | None = None,
    passages: Sequence[Passage | Place] = (),
    language: str = DEFAULT,
) -> str:
    """Return a whole document, its lines as paragraphs, with a passage and its evidence marked.

    :param place: the passage to show; its first line carries the id ``wd-here``.
    :param evidence: start and end of the evidence in the document.
    :param passages: what is searched; lines outside all of them are greyed. Empty: nothing is greyed.
    """
    say = words(language)
    marks = [] if evidence is None else [(*evidence, _EVIDENCE)]
    reached = 0
    lines, here = [], False
    kept = sorted((passage.start, passage.end) for passage in passages)
    for start, line in _lines(document.text):
        end = start + len(line)
        inside = place is not None and start < place.end and place.start < end
        while reached < len(kept) and kept[reached][1] <= start:
            reached += 1
        greyed = bool(kept) and (reached == len(kept) or kept[reached][0] >= end)
        names = " ".join(name for name, on in (("wd-passage", inside), ("wd-left-out", greyed)) if on)
        anchor = ' id="wd-here" tabindex="-1"' if inside and not here else ""
        here = here or inside
        lines.append(f'<p class="{names}" dir="auto"{anchor}>{_marked(line, start, marks)}</p>')
    return (
        '<div class="wd-page"><div class="wd-page-bar">'
        f'<button type="button" class="wd-previous">{say["previous"]}</button>'
        f'<span class="wd-count"></span><button type="button" class="wd-next">{say["next"]}</button>'
        f'<button type="button" class="wd-close">{say["close"]}</button></div>'
        f'<div class="wd-page-body" tabindex="0" role="region" aria-label="{say["page"]}">'
        f'<h2 class="wd-page-title">{escape(document.title or document.id)}</h2>'
        f'<div class="wd-page-meta">{_page_meta(document, say)}</div>{"".join(lines)}</div></div>'
    )


def _page_meta(document: Document, say: Mapping[str, str]) -> str:
    parts = byline(document) + ([f"{say['source']}: {document.source}"] if document.source else []) + [document.id]
    return ' <span class="wd-dot">·</span> '.join(f"<span>{escape(part)}</span>" for part in parts)


def _lines(text: str) -> Iterable[tuple[int, str]]:
    for match in re.finditer(r"[^\n]*\S[^\n]*", text):
        yield match.start(), match.group()
