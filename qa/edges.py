"""The likeliest sentence of a passage → where exactly in it the answer's words begin and end (pure).

Both readers know where about an answer stands; whether 在, 约 or 等 belongs to it, or the whole clause does, shows in
its characters, in its length and in what is asked. A small network that ``python -m training.edges`` fits chooses among
the likeliest spans of the sentence and those that run from one punctuation mark to another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qa.compare import MATCHED, Asked, Floats, Ints, words
from qa.text import quotations

REACH = 120  # characters of the longest span
MOST = 400  # characters of a sentence that is looked at
LIKELIEST, CLAUSES = 25, 15
PLACES = ("before", "first", "first two", "last", "behind")  # whose characters the network knows
KINDS = {"meaning": "什么是|是什么|指什么|什么意思|什么样", "several": "哪些|哪几|有什么"}
PUNCTUATION = frozenset(",，、。;；:：!?！？“”‘’「」『』（）()《》〈〉… \t\n\u3000")
_EDGES = frozenset(",，、。;；:：.!?！？…·-—～~|/ \t\n\u3000")
_KINDS = [re.compile(pattern) for pattern in KINDS.values()]
_LENGTHS = (12, 25, 40, 70)
_IMPOSSIBLE = -1e4
_FILE = Path(__file__).with_name("edges.npz")

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as both readers see it.

    ``text`` of n folded characters and the features of each (:func:`qa.compare.compare`); ``scores`` of spans for the
    character reader, by first and last character, shape (n, n); and how likely the answer begins and ends at each
    character for the joint reader, log probabilities of shape (n, 2).
    """

    text: str
    compared: Floats
    scores: Floats
    ends: Floats

    def total(self) -> Floats:
        """Return what both readers together score every span, shape (n, n)."""
        total: Floats = self.scores + (self.ends[:, :1] + self.ends[:, 1])
        return total

    def sum(self) -> float:
        """Return the log of what all spans that may be an answer score together."""
        allowed, _ = _allowed(self.text)
        total = self.total()[allowed]
        most = total.max(initial=_IMPOSSIBLE)
        return float(most + np.log(np.exp(total - most).sum() + 1e-30))


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans that may be the answer: firsts and lasts, shape (n, 2), and what the readers score them, (n,) each."""

    places: Ints
    scores: Floats
    ends: Floats


class Edges:
    """The network; ``weights`` as ``training/edges.py`` writes them."""

    def __init__(self, known: Sequence[Mapping[str, int]], weights: Mapping[str, Floats]) -> None:
        """Take the rows of the known characters, for each of ``PLACES``, and the weights."""
        self._known = known
        self._weights = weights

    @classmethod
    def load(cls, file: Path = _FILE) -> Edges:
        """Read the network that ships with the package."""
        with np.load(file, allow_pickle=False) as data:
            return cls.of(data)

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Edges:
        """Return the network of the arrays that are stored: ``known`` begins each part with the number of its place."""
        known: list[dict[str, int]] = [{} for _ in PLACES]
        for row, entry in enumerate(arrays["known"].tolist(), 1):
            known[int(entry[0])][entry[1:]] = row
        return cls(known, {name: value.astype(np.float32) for name, value in arrays.items() if name != "known"})

    def best(self, asked: Asked, sentence: Sentence, chosen: tuple[int, int]) -> tuple[int, int]:
        """Return the first and the last character of the words that answer.

        :param chosen: those that the readers alone would take, as good as any for want of others.
        """
        spans = spans_of(sentence, chosen)
        hidden = np.maximum(self._hidden(asked, sentence, spans, chosen), 0)
        first, last = spans.places[int(np.argmax(hidden @ self._weights["out"]))].tolist()
        return first, last

    def _hidden(self, asked: Asked, sentence: Sentence, spans: Spans, chosen: tuple[int, int]) -> Floats:
        rows = np.array(
            [
                [known.get(part, 0) for known, part in zip(self._known, parts, strict=True)]
                for parts in characters(sentence.text, spans.places)
            ]
        )
        weights = self._weights
        hidden: Floats = features(sentence, spans, chosen) @ weights["features"] + kinds(asked) @ weights["kinds"]
        hidden += weights["characters"][rows].sum(axis=1) + weights["bias"]
        return hidden


@cache
def shipped_edges() -> Edges:
    """Return the network that ships with the package."""
    return Edges.load()


def kinds(asked: Asked) -> Floats:
    """Return which kinds of question the wording shows: ``TYPES``, then ``KINDS``."""
    return np.array([*asked.kind, *(pattern.search(asked.folded) is not None for pattern in _KINDS)], np.float32)


def spans_of(sentence: Sentence, chosen: tuple[int, int]) -> Spans:
    """Return the likeliest spans and clauses of a sentence, the chosen one first, each once."""
    n = len(sentence.text)
    allowed, clauses = _allowed(sentence.text)
    total = np.where(allowed, sentence.total(), np.float32(_IMPOSSIBLE)).ravel()
    likely = np.argsort(-total)[: min(LIKELIEST, int(allowed.sum()))]
    whole = clauses[np.argsort(-total[clauses])[:CLAUSES]]
    _, once = np.unique(found := np.concatenate([[chosen[0] * n + chosen[1]], likely, whole]), return_index=True)
    first, last = np.divmod(found[np.sort(once)], n)
    ends = sentence.ends[first, 0] + sentence.ends[last, 1]
    return Spans(np.stack([first, last], axis=1), sentence.scores[first, last], ends)


@lru_cache(maxsize=200)  # at most 32 MB, of sentences of 400 characters
def _allowed(text: str) -> tuple[Bools, Ints]:
    """Return which spans may be an answer, by first and last character, and the numbers of those from mark to mark."""
    opens, closes, quoted = bounds(text)
    extra = np.arange(len(text)) - np.arange(len(text))[:, None]
    allowed = (extra >= 0) & (extra < REACH) & (quoted[:-1, None] == quoted[1:]) & opens[:, None] & closes
    mark = _marks(text)
    return allowed, np.flatnonzero(allowed & mark[:-2, None] & mark[2:])


def bounds(text: str) -> tuple[Bools, Bools, Ints]:
    """Return at which characters a span may begin and may end, and which pair of quotes each place between two is in.

    A span begins and ends with no mere punctuation and cuts no word of a spaced script; both its ends lie in one pair.
    """
    edge = np.array([character in _EDGES for character in text], bool)
    inside = np.zeros(len(text) + 1, bool)  # between two characters of one word
    for start, end in words(text):
        inside[start + 1 : end] = True
    quoted = np.zeros(len(text) + 1, np.int64)
    for number, (opener, closer) in enumerate(quotations(text), 1):
        quoted[opener + 1 : closer + 1] = number
    return ~(edge | inside[:-1]), ~(edge | inside[1:]), quoted


def _marks(text: str) -> Bools:
    """Return where punctuation stands, and beyond both ends of the text."""
    return np.array([True, *(character in PUNCTUATION for character in text), True])


def characters(text: str, places: Ints) -> list[tuple[str, ...]]:
    """Return for each span its characters in ``PLACES``; a blank beyond the sentence."""
    padded = f" {text} "
    return [
        (padded[first], padded[first + 1], padded[first + 1 : first + 3], padded[last + 1], padded[last + 2])
        for first, last in places.tolist()
    ]


def features(sentence: Sentence, spans: Spans, chosen: tuple[int, int]) -> Floats:
    """Return what tells of each span how well its edges fit, shape (n, features)."""
    text, n = sentence.text, len(sentence.text)
    first, last = spans.places.T
    length = last - first + 1
    total = spans.scores + spans.ends
    matched = np.zeros(n + 2, bool)
    matched[1:-1] = sentence.compared[:, MATCHED] > 0
    summed = np.concatenate([[0], np.cumsum(matched[1:-1])])
    inside = summed[last + 1] - summed[first]
    mark = _marks(text)
    listed, paused = (
        np.concatenate([[0], np.cumsum([character in marks for character in text])]) for marks in ("、", ",，;")
    )
    columns = [
        spans.scores - spans.scores.max(), spans.ends - spans.ends.max(), total - total.max(),
        sentence.ends[first, 0], sentence.ends[last, 1],
        np.log(length), length / 40, *(length > most for most in _LENGTHS), length / n,
        mark[first], mark[last + 2], first == 0, last >= n - 2,
        inside / length, inside / max(1, summed[-1]),
        matched[first + 1], matched[last + 1], matched[first], matched[last + 2],
        listed[last] - listed[first], paused[last] - paused[first],
        (first == chosen[0]) & (last == chosen[1]),
    ]  # fmt: skip
    return np.stack(columns, axis=1).astype(np.float32)
