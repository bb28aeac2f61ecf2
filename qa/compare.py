"""A question and a passage → what of the one stands in the other, character by character (pure).

Both are read once and by themselves (:func:`ask`, :func:`tell`), passages can be laid behind one another, and
:func:`compare` gives the features on which :mod:`qa.reader` rests beside the characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from qa.text import fold, fold_offsets, sentences

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

TYPES = ("who", "when", "where", "count", "which", "what", "why", "how")
CLASSES = 13
FEATURES = CLASSES + 18
MATCHED, NEAR = CLASSES + 1, CLASSES + 7  # a character's own match; the share of the question found around it
COVER = CLASSES + 9  # the feature that is the share of the question found in a character's sentence
LONGEST_QUESTION = 80
_REACHES = (6, 16, 40)  # half widths, in characters, of the windows in which matches are counted
_PATTERNS = {  # on folded text: Traditional and Japanese forms are written here as their Simplified ones
    "who": r"谁|何人|(?:什么|哪[一几两个些]?[位名]?)(?:领导|人(?![口均]))|哪几?[位名]|だれ|どなた|누가|누구"
    r"|\bwho(?:m|se)?\b|\bquién(?:es)?\b|\bqui\b|\bкто\b|\bкого\b|\bwer\b",
    "when": r"什么时[候间]|何时|哪一?[年天日月]|几[年月日号点时]|(?:日期|时间)(?=是|$|\W)|いつ|何[年月日]|何世纪"
    r"|언제|몇 ?[년월일시]|\bwhen\b|\bwhat (?:day|date|time|year)|\bcuándo\b|\bquand\b|\bкогда\b|\bwann\b",
    "where": r"哪[里儿]|什么地[方点]|何[地处]|在哪|(?:地点|地址)(?=是|$|\W)|どこ|어디|\bwhere\b|\bdónde\b|\boù\b"
    r"|\bгде\b|\bwo\b",
    "count": r"多[少大长高久远重]|几|百分之几|(?:人数|数量|金额)(?=是|$|\W)"
    r"|いくつ|いくら|何[个回歳台本枚校社%度]|何(?:パーセント|キロ|メートル)"
    r"|얼마|몇|\bhow (?:many|much|long|old|far)\b|\bcuánt[oa]s?\b|\bcombien\b|\bсколько\b|\bwie ?viele?\b",
    "which": r"哪|何という|どの|どれ|何[のと]|어느|\bwhich\b|\bcuál(?:es)?\b|\bquel(?:le)?s?\b|\bкак(?:ой|ая|ие|ое)\b",
    "why": r"为什么|为何|原因|なぜ|理由|왜|\bwhy\b|\bpor qué\b|\bpourquoi\b|\bпочему\b",
    "how": r"怎么?样?|如何|どう|어떻게|\bhow\b|\bcómo\b|\bcomment\b|\bкак\b",
    "what": r"什么|何|なに|무엇|무슨|어떤|\bwhat\b|\bqu[eé]\b|\bquoi\b|\bчто\b",
}
_ASKING = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS.items()))
_ORDER = {name: n for n, name in enumerate(TYPES)}
_IDEOGRAPHIC = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_WORD = re.compile(r"[^\W_\u0e00-\uffff]+")
_SHORT = 3  # letters of words that tell nothing, in questions of spaced scripts
_NUMERALS = frozenset("〇零一二三四五六七八九十百千万亿两半数几多余")
_OPENING = frozenset('“‘「『《〈（(【["')
_CLOSING = frozenset("”’」』》〉）)】]")
_ENDING = frozenset("。!?！？;；.…｡")


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The characters that the reader knows: ``ids`` from 1, ``idf`` by id; id 0 stands for all others."""

    ids: Mapping[str, int]
    idf: Floats


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the reader sees it.

    ``ids`` and ``codes`` of its m folded characters (equal codes mean equal words or characters), ``worth`` their
    weights, 0 for what asks and for punctuation, and ``side``: -1 before the question word, 1 after it, 0 without one.
    ``kind``: which of ``TYPES`` the wording shows, shape (len(TYPES),). ``foreign``: no character of it is Chinese
    or Japanese.
    """

    folded: str
    ids: Ints
    codes: Ints
    worth: Floats
    side: Ints
    kind: Floats
    foreign: bool


@dataclass(frozen=True, slots=True)
class Told:
    """Passages as the reader sees them, one behind the other, n folded characters in all.

    ``offsets``: where each character stands in its own passage. ``starts``: the first character of each sentence, and
    ``sentence``: the number of each character's, counted through. ``borders``: the first character of each passage,
    and n.
    """

    folded: str
    offsets: Ints
    ids: Ints
    codes: Ints
    classes: npt.NDArray[np.uint8]
    starts: Ints
    sentence: Ints
    borders: Ints

    def to_characters(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give each character the value of its passage."""
        return np.repeat(values, np.diff(self.borders))


def _codes(folded: str) -> list[str]:
    """Return a name for each character such that words of spaced scripts and numbers are only equal as a whole."""
    codes = list(folded)
    for start, end in words(folded):
        if end - start > 1:
            codes[start:end] = [f"{folded[start:end]}{n}" for n in range(end - start)]
    return codes


def _numbers(codes: list[str]) -> Ints:
    """Return a number for each code: the character's own, or 64 bits of which no two words share all."""
    return np.array([ord(code) if len(code) == 1 else hash(code) for code in codes], np.int64)


def words(folded: str) -> list[tuple[int, int]]:
    """Return the spans of words of spaced scripts and of numbers."""
    return [match.span() for match in _WORD.finditer(folded)]


def _worths(codes: list[str], ids: Ints, alphabet: Alphabet) -> Floats:
    worth = alphabet.idf[ids].copy()
    for n, code in enumerate(codes):
        if len(code) > 1:
            worth[n] = 2.0 / (len(code.rstrip("0123456789")) or len(code))
        elif not code.isalnum():
            worth[n] = 0
    return worth


def asks(question: str) -> bool:
    """Return whether a text holds a question word."""
    return _ASKING.search(fold(question)) is not None


def ask(question: str, alphabet: Alphabet) -> Asked:
    """Read a question; what is longer than ``LONGEST_QUESTION`` is cut off at its front."""
    folded = fold(question).strip()[-LONGEST_QUESTION:]
    codes = _codes(folded)
    ids = np.array([alphabet.ids.get(character, 0) for character in folded], np.int64)
    worth = _worths(codes, ids, alphabet)
    side = np.zeros(len(folded), np.int64)
    kind = np.zeros(len(TYPES), np.float32)
    for match in _ASKING.finditer(folded):
        kind[_ORDER[str(match.lastgroup)]] = 1
        worth[match.start() : match.end()] = 0
        side[: match.start()] = -1
        side[match.end() :] = 1
    foreign = not _IDEOGRAPHIC.search(folded)
    for start, end in words(folded) if foreign else []:
        if end - start <= _SHORT:
            worth[start:end] = 0
    return Asked(folded, ids, _numbers(codes), worth, side, kind, foreign)


def tell(passage: str, alphabet: Alphabet) -> Told:
    """Read a passage."""
    folded, offsets = fold_offsets(passage)
    del offsets[-1]
    n = len(folded)
    ids = np.array([alphabet.ids.get(character, 0) for character in folded], np.int64)
    classes = np.zeros((n, CLASSES), np.uint8)
    classes[np.arange(n), [_class(character) for character in folded]] = 1
    classes[:, 4] = [passage[offset].isupper() for offset in offsets]
    first_offsets = [start for start, _ in sentences(passage)] or [0]
    first_offsets[0] = 0
    starts = np.unique(np.searchsorted(np.array(offsets or [0]), first_offsets))
    starts = starts[starts < max(n, 1)]
    sentence = np.searchsorted(starts, np.arange(n), side="right") - 1
    codes = _numbers(_codes(folded))
    return Told(folded, np.array(offsets, np.int64), ids, codes, classes, starts, sentence, np.array([0, n]))


def lay(passages: Sequence[Told]) -> Told:
    """Lay passages behind one another, to be read at once."""
    borders = np.cumsum([0, *(len(told.ids) for told in passages)])
    counts = np.cumsum([0, *(len(told.starts) for told in passages)])
    return Told(
        "".join(told.folded for told in passages),
        np.concatenate([told.offsets for told in passages]),
        np.concatenate([told.ids for told in passages]),
        np.concatenate([told.codes for told in passages]),
        np.concatenate([told.classes for told in passages]),
        np.concatenate([told.starts + border for told, border in zip(passages, borders[:-1], strict=True)]),
        np.concatenate([told.sentence + count for told, count in zip(passages, counts[:-1], strict=True)]),
        borders,
    )


@cache
def _class(character: str) -> int:  # noqa: PLR0911
    if character in _NUMERALS:
        return 0
    if "\u3400" <= character <= "\u9fff" or character >= "\U00020000":
        return 1
    if "\u3040" <= character <= "\u309f":
        return 2
    if "\u30a0" <= character <= "\u30ff":
        return 3
    if character.isdecimal():
        return 5
    if character.isspace():
        return 6
    if character in _OPENING:
        return 7
    if character in _CLOSING:
        return 8
    if character in _ENDING:
        return 9
    if character in ",，、:：":
        return 10
    return 11 if character.isalpha() else 12


def runs(asked: Asked, told: Told) -> npt.NDArray[np.uint8]:
    """Return how long the common run of characters is that each pair lies in, shape (question, passage)."""
    out = np.zeros((len(asked.codes), len(told.codes)), np.uint8)
    row, column = np.nonzero(asked.codes[:, None] == told.codes)
    if not len(row):
        return out
    # Pairs are numbered along the diagonals, where those of a run follow each other; passages stand one apart.
    at = column + told.to_characters(np.arange(len(told.borders) - 1))[column]
    number = (at - row) * (len(told.codes) + len(told.borders)) + at
    order = np.argsort(number)
    breaks = np.flatnonzero(np.diff(number[order]) != 1) + 1
    lengths = np.diff(breaks, prepend=0, append=len(order))
    out[row[order], column[order]] = np.repeat(lengths, lengths)
    return out


def compare(asked: Asked, told: Told, linked: npt.NDArray[np.bool_] | None = None) -> Floats:
    """Return the features of each character, shape (passage, ``FEATURES``); there has to be one.

    :param linked: where two words mean the same although they are spelt otherwise, shape (question, passage).
    """
    run = runs(asked, told)
    if linked is not None:
        run = np.where(linked, np.maximum(run, 3), run)
    total = max(float(asked.worth.sum()), 1e-6)
    worth = asked.worth[:, None]
    strong = np.where(run >= 2, worth, np.float32(0))  # (question, passage)
    value = np.where(run == 1, worth / 4, strong)
    best = strong.max(axis=0, initial=0)
    first, after = told.to_characters(told.borders[:-1]), told.to_characters(told.borders[1:])
    here = np.arange(len(told.ids))
    summed = np.concatenate([[0], np.cumsum(best, dtype=np.float64)])
    around = [summed[np.minimum(here + reach, after)] - summed[np.maximum(here - reach, first)] for reach in _REACHES]
    covers = np.maximum.reduceat(value, told.starts, axis=1).sum(axis=0, dtype=np.float64) / total
    cover = covers[told.sentence]
    most = told.to_characters(np.maximum(np.maximum.reduceat(cover, told.borders[:-1]), 1e-6))
    columns = [
        value.max(axis=0, initial=0), best,
        strong[asked.side < 0].max(axis=0, initial=0), strong[asked.side > 0].max(axis=0, initial=0),
        np.minimum(run[asked.worth > 0].max(axis=0, initial=0), 6) / 6, run.max(axis=0, initial=0) > 0,
        *(np.minimum(sums / total, 1.5) for sums in around),
        cover, cover / most, cover >= most - 1e-6, np.minimum((here - told.starts[told.sentence]) / 40, 2),
        np.minimum((here - first) / 400, 2), *_distances(np.flatnonzero(best > 0), first, after),
        told.sentence == told.sentence[first], total / 20,
    ]  # fmt: skip
    out = np.empty((len(told.ids), FEATURES), np.float32)
    out[:, :CLASSES] = told.classes
    for n, column in enumerate(columns, CLASSES):
        out[:, n] = column
    return out


def _distances(places: Ints, first: Ints, after: Ints) -> tuple[Floats, Floats]:
    """Return how near the last match before and the next one after each character stand, 1 at once, 0 far off.

    :param first: where each character's passage begins, and ``after``: where it ends; matches elsewhere are far off.
    """
    here = np.arange(len(first))
    padded = np.concatenate([[-1], places, [len(first)]])
    left = padded[np.searchsorted(places, here, side="left")]
    right = padded[np.searchsorted(places, here, side="right") + 1]
    near_left = np.where(left >= first, np.exp((left - here) / 10), 0)
    near_right = np.where(right < after, np.exp((here - right) / 10), 0)
    return near_left.astype(np.float32), near_right.astype(np.float32)
