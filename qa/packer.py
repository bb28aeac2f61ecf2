"""Question and passage → the tokens that the joint reader reads, and where each stands in its text (pure)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qa.pieces import PieceCutter
from qa.text import simplify

QUESTION, HEADING, LEAD = 32, 16, 32  # the most tokens taken of each
PASSAGE, FURTHER, WHOLE = 128, 64, 256  # of a passage read with a question, elsewhere in it, and of one read alone
BEGIN, END = 0, 2  # the tokens around a text
_PROMPTS = "query:", "passage:"
_WORD = re.compile(r"\S+")
_FIRST = "▁"  # how a word's first piece begins
_JAMO = "\u1160", "\u11ff"  # vowels and ends of syllables

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a passage: its heading, its text, and the sentence that the window is laid around.

    The heading's second line, if it has one, announces the text (:mod:`qa.leads`). ``most``: tokens of the text.
    """

    heading: str
    text: str
    sentence: Span
    most: int = PASSAGE


@dataclass(frozen=True, slots=True)
class Row:
    """A passage's tokens; those of its own text begin at ``start``, with their ``offsets`` there."""

    ids: list[int]
    start: int
    offsets: list[Span]


class Packer:
    """Turns texts into the tokens that the network reads."""

    def __init__(self, cutter: PieceCutter) -> None:
        """Take what cuts words into the network's own pieces."""
        self._cutter = cutter
        self._asked, self._told = ([number for number, _ in self._cut(prompt)] for prompt in _PROMPTS)

    def question(self, question: str) -> list[int]:
        """Return a question's tokens; of one that is too long, the end."""
        return [BEGIN, *self._asked, *(number for number, _ in self._cut(question)[-QUESTION:]), END]

    def passage(self, shown: Shown) -> Row:
        """Return the tokens of a passage; of a long one, as much as fits around its sentence."""
        cut = self._cut(shown.text)
        inside = cut[slice(*_window([span for _, span in cut], shown.sentence, shown.most))]
        title, _, lead = shown.heading.partition("\n")
        heading = [number for number, _ in self._cut(title)[:HEADING]]
        above = [BEGIN, *self._told, *heading, END, *(number for number, _ in self._cut(lead)[-LEAD:])]
        return Row([*above, *(number for number, _ in inside), END], len(above), [span for _, span in inside])

    def _cut(self, text: str) -> list[tuple[int, Span]]:
        """Return the number and the place of each piece of a text; a word's first stands behind the blank before it."""
        told, places = _normalised(simplify(text))
        words, origins = [], []
        for word in _WORD.finditer(told):
            start, end = word.span()
            before = (places[start][0],) * 2
            words.append(_FIRST + word[0])
            origins += [before, *places[start:end], before]
        return [
            (number, (origins[start][0], origins[end - 1][1]))
            for number, start, end in self._cutter.cut(" ".join(words))
        ]


def _normalised(text: str) -> tuple[str, list[Span]]:
    """Return a text's compatibility composition (NFKC), and which characters of the text each of its comes from."""
    if unicodedata.is_normalized("NFKC", text):
        return text, [(n, n + 1) for n in range(len(text))]
    told, places = [], []
    for start, end in _composed(text):
        told.append(unicodedata.normalize("NFKC", text[start:end]))
        places += [(start, end)] * len(told[-1])
    return "".join(told), places


def _composed(text: str) -> Iterator[Span]:
    """Yield each character with the marks behind it."""
    start = 0
    for n, character in enumerate(text):
        marks = unicodedata.category(character)[0] == "M" or _JAMO[0] <= character <= _JAMO[1]
        if n and not marks:
            yield start, n
            start = n
    if text:
        yield start, len(text)


def _window(offsets: Sequence[Span], sentence: Span, most: int) -> Span:
    n = len(offsets)
    if n <= most:
        return 0, n
    inside = [k for k, (start, end) in enumerate(offsets) if start < sentence[1] and end > sentence[0]]
    first, last = (inside[0], inside[-1] + 1) if inside else (0, 0)
    begin = first
    if last - first < most:
        begin = max(0, min(first - (most - (last - first)) // 2, n - most))
    return begin, min(n, begin + most)
