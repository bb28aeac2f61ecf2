"""A question and a passage → for each character, how well an answer would begin or end there.

The reader is a small convolutional network over characters (about half a million weights, run in NumPy) that
``python -m training.span`` fits to public reading-comprehension sets. Nothing here knows the index or its model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
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
LONGEST = 40
DILATIONS = (1, 2, 4, 8, 16, 1, 2)
FILMED = (0, 5)  # the layers that the question tells what to look for (Perez et al. 2018, FiLM)
_REACHES = (6, 16, 40)  # half widths, in characters, of the windows in which matches are counted
_FILE = Path(__file__).with_name("reader.npz")
_PATTERNS = {  # on folded text: Traditional and Japanese forms are written here as their Simplified ones
    "who": r"谁|何人|(?:什么|哪[一几两个些]?[位名]?)(?:领导|人(?![口均]))|哪几?[位名]|だれ|どなた|누가|누구"
    r"|\bwho(?:m|se)?\b|\bquién(?:es)?\b|\bqui\b|\bкто\b|\bкого\b|\bwer\b",
    "when": r"什么时[候间]|何时|哪一?[年天日月]|几[年月日号点时]|(?:日期|时间)(?=是|$|\W)|いつ|何[年月日]|何世纪"
    r"|언제|몇 ?[년월일시]|\bwhen\b|\bwhat (?:day|date|time|year)|\bcuándo\b|\bquand\b|\bкогда\b|\bwann\b",
    "where": r"哪[里儿]|什么地[方点]|何[地处]|在哪|(?:地点|地址)(?=是|$|\W)|どこ|어디|\bwhere\b|\bdónde\b|\boù\b"
    r"|\bгде\b|\bwo\b",
    "count": r"多[少大长高久远重]|几|百分之几|いくつ|いくら|何[个回歳台本枚校社%度]|何(?:パーセント|キロ|メートル)"
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

    ``ids`` and ``codes`` of its n folded characters (equal codes mean equal words or characters), ``worth`` their
    weights, 0 for what asks and for punctuation, and ``side``: -1 before the question word, 1 after it, 0 without one.
    ``kind``: which of ``TYPES`` the wording shows, shape (len(TYPES),). ``foreign``: no character of it is Chinese
    or Japanese.
    """

    folded: str
    ids: Ints
    codes: list[str]
    worth: Floats
    side: Ints
    kind: Floats
    foreign: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A passage as the reader sees it: folded characters, and the offset of each in the passage (one more entry)."""

    folded: str
    offsets: list[int]
    ids: Ints
    codes: list[str]
    classes: Floats
    starts: Ints  # first character of each sentence
    sentence: Ints  # the number of each character's sentence


def _codes(folded: str) -> list[str]:
    """Return a name for each character such that words of spaced scripts and numbers are only equal as a whole."""
    codes = list(folded)
    for start, end in words(folded):
        if end - start > 1:
            codes[start:end] = [f"{folded[start:end]}{n}" for n in range(end - start)]
    return codes


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
    return Asked(folded, ids, codes, worth, side, kind, foreign)


def tell(passage: str, alphabet: Alphabet) -> Told:
    """Read a passage."""
    folded, offsets = fold_offsets(passage)
    ids = np.array([alphabet.ids.get(character, 0) for character in folded], np.int64)
    classes = np.zeros((len(folded), CLASSES), np.float32)
    classes[np.arange(len(folded)), [_class(character) for character in folded]] = 1
    classes[:, 4] = [passage[offset].isupper() for offset in offsets[:-1]]
    first_offsets = [start for start, _ in sentences(passage)] or [0]
    first_offsets[0] = 0
    starts = np.unique(np.searchsorted(np.array(offsets[:-1] or [0]), first_offsets))
    starts = starts[starts < max(len(folded), 1)]
    sentence = np.searchsorted(starts, np.arange(len(folded)), side="right") - 1
    return Told(folded, offsets, ids, _codes(folded), classes, starts, sentence)


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


def runs(asked: Asked, told: Told) -> Ints:
    """Return how long the common run of characters is that each pair lies in, shape (passage, question)."""
    index = {code: n for n, code in enumerate(dict.fromkeys(asked.codes))}
    row = np.array([index[code] for code in asked.codes], np.int64)
    column = np.array([index.get(code, -1) for code in told.codes], np.int64)
    equal = (column[:, None] == row[None, :]).astype(np.int64)
    n, m = equal.shape
    forward = np.zeros((n + 2, m + 2), np.int64)
    backward = np.zeros((n + 2, m + 2), np.int64)
    for j in range(m):
        forward[1 : n + 1, j + 1] = equal[:, j] * (forward[0:n, j] + 1)
        k = m - 1 - j
        backward[1 : n + 1, k + 1] = equal[:, k] * (backward[2 : n + 2, k + 2] + 1)
    shared: Ints = np.maximum(forward + backward - 1, 0)[1:-1, 1:-1]
    return shared


def compare(asked: Asked, told: Told, linked: Floats | None = None) -> Floats:
    """Return the features of each character of the passage, shape (passage, ``FEATURES``).

    :param linked: 1 where two words mean the same although they are spelt otherwise, shape (passage, question).
    """
    n = len(told.folded)
    run = runs(asked, told)
    if linked is not None:
        run = np.where(linked > 0, np.maximum(run, 3), run)
    total = max(float(asked.worth.sum()), 1e-6)
    value = np.where(run >= 2, 1.0, np.where(run == 1, 0.25, 0.0)) * asked.worth  # (passage, question)
    any_match = value.max(axis=1, initial=0)
    strong = np.where(run >= 2, asked.worth, 0)
    before = strong[:, asked.side < 0].max(axis=1, initial=0)
    after = strong[:, asked.side > 0].max(axis=1, initial=0)
    best = strong.max(axis=1, initial=0)
    summed = np.concatenate([[0], np.cumsum(best)])
    here = np.arange(n)
    windows = [
        np.minimum((summed[np.minimum(here + reach, n)] - summed[np.maximum(here - reach, 0)]) / total, 1.5)
        for reach in _REACHES
    ]
    cover = (np.maximum.reduceat(value, told.starts, axis=0).sum(axis=1) / total) if n else np.zeros(1)
    cover = cover[told.sentence]
    most = max(float(cover.max(initial=0)), 1e-6)
    places = np.flatnonzero(best > 0)
    left, right = _distances(places, n)
    longest = run[:, asked.worth > 0].max(axis=1, initial=0)
    columns = [
        any_match, best, before, after, np.minimum(longest, 6) / 6, run.max(axis=1, initial=0) > 0, *windows,
        cover, cover / most, cover >= most - 1e-6, np.minimum((here - told.starts[told.sentence]) / 40, 2),
        np.minimum(here / 400, 2), left, right, told.sentence == 0, np.full(n, total / 20),
    ]  # fmt: skip
    return np.concatenate([told.classes, np.stack(columns, axis=1)], axis=1).astype(np.float32)


def _distances(places: Ints, n: int) -> tuple[Floats, Floats]:
    """Return how near the last match before and the next one after each character stand, 1 at once, 0 far off."""
    here = np.arange(n)
    padded = np.concatenate([[-1000], places, [n + 1000]])
    left = np.exp(-(here - padded[np.searchsorted(places, here, side="left")]) / 10)
    right = np.exp(-(padded[np.searchsorted(places, here, side="right") + 1] - here) / 10)
    return left.astype(np.float32), right.astype(np.float32)


class Reader:
    """The network; ``weights`` are named as in ``training/span.py``."""

    def __init__(self, alphabet: Alphabet, weights: Mapping[str, Floats]) -> None:
        self.alphabet = alphabet
        self._weights = weights
        # The same passages, and for several of them the same question, come again: at most 40 MB.
        self._encode = lru_cache(maxsize=500)(self._encode_bytes)

    @classmethod
    def load(cls, file: Path = _FILE) -> Reader:
        """Read the weights that ship with the package."""
        with np.load(file, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        characters = map(chr, arrays.pop("alphabet").tolist())
        alphabet = Alphabet({character: n for n, character in enumerate(characters, 1)}, arrays.pop("idf").astype("f4"))
        return cls(alphabet, {name: value.astype(np.float32) for name, value in arrays.items()})

    def read(self, asked: Asked, told: Told, compared: Floats) -> Floats:
        """Return the score of every span by its first character and its length less 1, shape (passage, ``LONGEST``).

        Those that would run past the passage's end are far below 0. Of a foreign question only the kind is read;
        what it asks for shows through ``compared`` alone.
        """
        passage, summary, aligned = self._meet(asked, told)
        wanted = _rectify(self._linear("v", np.concatenate([summary, asked.kind])))
        x = _rectify(self._linear("inp", np.concatenate([passage, aligned, passage * aligned, compared], axis=1)))
        for n, distance in enumerate(DILATIONS):
            h = self._norm(f"ln.{n}", x)
            if n in FILMED:
                scale, shift = np.split(self._linear(f"film.{FILMED.index(n)}", wanted), 2)
                h = h * (1 + scale) + shift
            x = x + _rectify(self._linear(f"cv.{n}", _windows(h, distance)))
        x = self._norm("out_ln", x)
        ends = np.add(self._linear("out", x), x @ self._linear("bil", wanted).reshape(2, -1).T)
        return _spans(ends, self._linear("pa", x), self._linear("pc", x), self._linear("len", wanted))

    def _meet(self, asked: Asked, told: Told) -> tuple[Floats, Floats, Floats]:
        """Return the passage's characters, the question's summary, and the question as each character meets it."""
        encoded, passage = self._encode(asked.ids.tobytes()), self._encode(told.ids.tobytes())
        if asked.foreign:
            return passage, np.zeros(passage.shape[1], np.float32), np.zeros_like(passage)
        summary = _softmax(self._linear("qa", encoded)[:, 0]) @ encoded
        keys = _rectify(self._linear("proj", encoded))
        attention = _softmax(np.multiply(_rectify(self._linear("proj", passage)), self._weights["diag"]) @ keys.T)
        return passage, summary, attention @ encoded

    def _encode_bytes(self, stored: bytes) -> Floats:
        ids = np.frombuffer(stored, np.int64)
        h = _rectify(self._linear("c1", _windows(self._weights["emb.weight"][ids], 1)))
        return h + _rectify(self._linear("c2", _windows(h, 1)))

    def _linear(self, name: str, x: Floats) -> Floats:
        out: Floats = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return out

    def _norm(self, name: str, x: Floats) -> Floats:
        width = x.shape[1]
        centred = x - np.einsum("ij->i", x)[:, None] / width
        scale = np.sqrt(np.einsum("ij,ij->i", centred, centred) / width + 1e-5)[:, None]
        out: Floats = centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return out


@cache
def shipped_reader() -> Reader:
    """Return the reader that ships with the package."""
    return Reader.load()


def _spans(ends: Floats, first: Floats, last: Floats, lengths: Floats) -> Floats:
    pairs = np.einsum("ij,ijk->ik", first, ahead(last, 0.0))
    scores: Floats = ends[:, :1] + ahead(ends[:, 1], -1e4) + pairs + lengths
    return scores


def ahead(x: npt.NDArray[Any], beyond: float) -> npt.NDArray[Any]:
    """Return, for each row, itself and the ``LONGEST`` - 1 that follow, on a last axis; ``beyond`` past the end."""
    padded = np.full((len(x) + LONGEST - 1, *x.shape[1:]), beyond, x.dtype)
    padded[: len(x)] = x
    return np.lib.stride_tricks.sliding_window_view(padded, LONGEST, axis=0)


def _windows(x: Floats, distance: int) -> Floats:
    """Put each row between the rows that stand so far before and after it, zeros past the ends."""
    n, width = x.shape
    out = np.zeros((n, 3 * width), x.dtype)
    out[distance:, :width] = x[: max(0, n - distance)]
    out[:, width : 2 * width] = x
    out[: max(0, n - distance), 2 * width :] = x[distance:]
    return out


def _rectify(x: Floats) -> Floats:
    out: Floats = np.maximum(x, 0)
    return out


def _softmax(x: Floats) -> Floats:
    chances = np.exp(x - x.max(axis=-1, keepdims=True))
    out: Floats = chances / chances.sum(axis=-1, keepdims=True)
    return out
