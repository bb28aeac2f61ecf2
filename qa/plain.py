"""Answers as plain text, for the terminal, and as Markdown, for a note. Pure; nothing from a document is markup."""

from __future__ import annotations

from collections.abc import Mapping

from qa.records import Answer, Hit
from qa.show import SPAN_MARK, byline, cut, harmless, marks_in, marks_of
from qa.wording import DEFAULT, words

_BOLD, _MARKED, _DIM, _PLAIN = "\x1b[1m", "\x1b[1;33m", "\x1b[2m", "\x1b[0m"
_BACKSLASHED = {ord(mark): "\\" + mark for mark in "\\`*_{}[]()<>#+-.!|~$&"}


def to_text(answer: Answer, colour: bool = False, language: str = DEFAULT) -> str:
    """Return an answer for the terminal: the evidence, then the numbered sources.

    :param colour: mark with ANSI colours; otherwise evidence stands between 【 and 】.
    """
    say = words(language)
    if answer.answered:
        lines = [_paint(_headline(answer), _BOLD, colour), "", *_finding_lines(answer, say)]
    else:
        lines = [_paint(say["declined"], _BOLD, colour), ""]
        lines += [say["near_misses"].format(n=len(answer.hits)), ""] if answer.hits else []
    if answer.read_as:
        lines[:0] = [_paint(say["read_as"] + _one_line(answer.read_as), _DIM, colour), ""]
    for hit in answer.hits:
        head = [hit.document.title or hit.document.id, hit.document.date, hit.document.id]
        lines.append(f"[{hit.rank}] " + _paint(" · ".join(_one_line(part) for part in head if part), _BOLD, colour))
        lines += ["    " + line for line in _marked_text(answer, hit, colour).split("\n") if line.strip()]
        if hit.passage.also_in:
            others = ", ".join(_one_line(place.document_id) for place in hit.passage.also_in)
            lines.append("    " + _paint(f"{say['also_in']}: {others}", _DIM, colour))
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def _finding_lines(answer: Answer, say: Mapping[str, str]) -> list[str]:
    if not answer.findings:
        return []
    about = {hit.document.id: hit.document for hit in answer.hits}
    listed = [
        " · ".join(_one_line(part) for part in (one.text, *byline(about[name]), about[name].title or name))
        for one in answer.findings
        for name in (one.document_id, *one.also_in)
    ]
    return [say["several"], *(f"  - {line}" for line in listed), ""]


def _headline(answer: Answer) -> str:
    if answer.span is not None:
        return _one_line(answer.span.text)
    quoted = answer.evidence.quote if answer.evidence is not None else answer.hits[0].passage.text
    return _one_line(quoted)


def _one_line(text: str) -> str:
    return " ".join(harmless(text).split())


def _paint(text: str, style: str, colour: bool) -> str:
    return f"{style}{text}{_PLAIN}" if colour else text


def _marked_text(answer: Answer, hit: Hit, colour: bool) -> str:
    passage = hit.passage
    marks = marks_in(answer, hit) if colour else marks_of(hit.evidence, None)
    pieces = []
    for left, right, names in cut(passage.start, passage.end, marks):
        text = harmless(passage.text[left - passage.start : right - passage.start])
        if colour:
            pieces.append(_paint(text, _MARKED if SPAN_MARK in names else _BOLD, bool(names)))
        else:
            pieces.append(f"【{text}】" if names else text)
    return "".join(pieces)


def to_markdown(answer: Answer, language: str = DEFAULT) -> str:
    """Return an answer to paste into a note: the evidence as a quotation, then the sources as a numbered list."""
    say = words(language)
    lines = ["> " + _backslashed(_headline(answer)), ""] if answer.answered else [f"**{say['declined']}**", ""]
    if not answer.answered and answer.hits:
        lines += [say["near_misses"].format(n=len(answer.hits)), ""]
    for hit in answer.hits:
        head = [hit.document.title or hit.document.id, *byline(hit.document), hit.document.id]
        quoted = hit.passage.text if hit.evidence is None else hit.evidence.quote
        lines += [f"{hit.rank}. **{_backslashed(' · '.join(head))}**  ", "   " + _backslashed(quoted)]
    return "\n".join(lines).rstrip("\n")


def _backslashed(text: str) -> str:
    return _one_line(text).translate(_BACKSLASHED)
