"""A question and a passage → for each character, how well an answer would begin or end there.

The reader is a small convolutional network over characters (about half a million weights, run in NumPy) that
``python -m training.span`` fits to public reading-comprehension sets. Nothing here knows the index or its model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qa.compare import Alphabet, Asked, Floats, Ints, Told

LONGEST = 40
DILATIONS = (1, 2, 4, 8, 16, 1, 2)
FILMED = (0, 5)  # the layers that the question tells what to look for (Perez et al. 2018, FiLM)
_BLOCK = 64  # rows
_LONG = 6  # so many of the greatest lengths tell what a greater one scores
_FILE = Path(__file__).with_name("reader.npz")


@dataclass(frozen=True, slots=True)
class Scores:
    """What a reader makes of n characters.

    ``spans``: the score of every span by its first character and its length less 1, shape (n, ``LONGEST``). What it is
    made of: ``ends``, how well an answer begins and ends at each character, (n, 2); ``first`` and ``last``, whose
    product tells how well the two go together, (n, 16) each; ``long``: what a length beyond ``LONGEST`` scores.
    """

    spans: Floats
    ends: Floats
    first: Floats
    last: Floats
    long: float

    def part(self, first: int, after: int) -> Scores:
        """Return the scores of some of the characters."""
        here = slice(first, after)
        return replace(self, spans=self.spans[here], ends=self.ends[here], first=self.first[here], last=self.last[here])

    @classmethod
    def joined(cls, parts: Sequence[Scores]) -> Scores:
        """Lay what was made of one question's passages behind one another."""
        return cls(
            np.concatenate([part.spans for part in parts]),
            np.concatenate([part.ends for part in parts]),
            np.concatenate([part.first for part in parts]),
            np.concatenate([part.last for part in parts]),
            parts[0].long,
        )

    def within(self, first: int, after: int) -> Floats:
        """Return the score of every span of some characters by its first and its last, however long, shape (m, m).

        What ends before it begins is far below 0.
        """
        m, here = after - first, slice(first, after)
        scores: Floats = self.first[here] @ self.last[here].T + self.ends[here, :1] + self.ends[here, 1] + self.long
        at = np.arange(m)
        extra = at - at[:, None]
        starts, stops = np.nonzero((extra >= 0) & (extra < LONGEST))
        scores[starts, stops] = self.spans[here][starts, stops - starts]
        scores[extra < 0] = -1e4
        return scores


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

    def read(self, asked: Asked, told: Told, compared: Floats) -> Scores:
        """Return what spans score.

        Each passage is read as if it stood alone; spans that would run past its end are far below 0. Of a foreign
        question only the kind is read; what it asks for shows through ``compared`` alone.
        """
        passage, summary, aligned = self._meet(asked, told)
        wanted = _rectify(self._linear("v", np.concatenate([summary, asked.kind])))
        x = _rectify(self._linear("inp", np.concatenate([passage, aligned, passage * aligned, compared], axis=1)))
        near = {distance: _neighbours(told, distance) for distance in set(DILATIONS)}
        normed = np.zeros((len(x) + 1, x.shape[1]), np.float32)  # the last row stands beside those at a border
        for n, distance in enumerate(DILATIONS):
            weight, bias = self._weights[f"ln.{n}.weight"], self._weights[f"ln.{n}.bias"]
            if n in FILMED:
                scale, shift = np.split(self._linear(f"film.{FILMED.index(n)}", wanted), 2)
                weight, bias = weight * (1 + scale), bias * (1 + scale) + shift
            _norm(x, weight, bias, normed[:-1])
            x += _rectify(self._linear(f"cv.{n}", _windows(normed, near[distance])))
        _norm(x, self._weights["out_ln.weight"], self._weights["out_ln.bias"], x)
        ends = np.add(self._linear("out", x), x @ self._linear("bil", wanted).reshape(2, -1).T)
        first, last, lengths = self._linear("pa", x), self._linear("pc", x), self._linear("len", wanted)
        return Scores(_spans(told, ends, first, last) + lengths, ends, first, last, float(lengths[-_LONG:].mean()))

    def _meet(self, asked: Asked, told: Told) -> tuple[Floats, Floats, Floats]:
        """Return the passages' characters, the question's summary, and the question as each character meets it."""
        parts = np.split(told.ids, told.borders[1:-1])
        passage = np.concatenate([self._encode(part.tobytes()) for part in parts])
        if asked.foreign:
            return passage, np.zeros(passage.shape[1], np.float32), np.zeros_like(passage)
        encoded = self._encode(asked.ids.tobytes())
        summary = _softmax(self._linear("qa", encoded)[:, 0]) @ encoded
        keys = np.multiply(_rectify(self._linear("proj", encoded)), self._weights["diag"])
        attention = _softmax(keys @ _rectify(self._linear("proj", passage)).T)  # (question, passage)
        return passage, summary, attention.T @ encoded

    def _encode_bytes(self, stored: bytes) -> Floats:
        ids = np.frombuffer(stored, np.int64)
        near = _beside(np.zeros_like(ids), np.full_like(ids, len(ids)), 1)
        h = _rectify(self._linear("c1", _windows(_ended(self._weights["emb.weight"][ids]), near)))
        return h + _rectify(self._linear("c2", _windows(_ended(h), near)))

    def _linear(self, name: str, x: Floats) -> Floats:
        out: Floats = x @ self._weights[f"{name}.weight"].T
        out += self._weights[f"{name}.bias"]
        return out


@cache
def shipped_reader() -> Reader:
    """Return the reader that ships with the package."""
    return Reader.load()


def _spans(told: Told, ends: Floats, first: Floats, last: Floats) -> Floats:
    """Add up what a span's first and last characters score, alone and as a pair, shape (n, ``LONGEST``)."""
    scores = _band(first, last)
    scores += ends[:, :1]
    scores += ahead(ends[:, 1], -1e4)
    left = told.to_characters(told.borders[1:]) - np.arange(len(ends))
    scores[np.arange(LONGEST) >= left[:, None]] = -1e4
    return scores


def _band(first: Floats, last: Floats) -> Floats:
    """Return the product of each row with itself and the ``LONGEST`` - 1 that follow, shape (n, ``LONGEST``).

    ``_BLOCK`` rows at a time are multiplied with all that any of them needs, of which their band is then taken.
    """
    n, width = first.shape
    blocks = -(-n // _BLOCK)
    rows = np.zeros((2, blocks * _BLOCK + LONGEST - 1, width), np.float32)
    rows[0, :n], rows[1, :n] = first, last
    step, skip = rows.strides[1:]
    reach = _BLOCK + LONGEST - 1
    strided = np.lib.stride_tricks.as_strided
    left = strided(rows[0], (blocks, _BLOCK, width), (_BLOCK * step, step, skip))
    right = strided(rows[1], (blocks, width, reach), (_BLOCK * step, skip, step))
    pairs = left @ right  # (blocks, _BLOCK, reach)
    step, skip = pairs.strides[1:]
    band = strided(pairs, (blocks, _BLOCK, LONGEST), (pairs.strides[0], step + skip, skip))
    return band.reshape(-1, LONGEST)[:n]


def ahead(x: npt.NDArray[Any], beyond: float) -> npt.NDArray[Any]:
    """Return, for each row, itself and the ``LONGEST`` - 1 that follow, on a last axis; ``beyond`` past the end."""
    padded = np.full((len(x) + LONGEST - 1, *x.shape[1:]), beyond, x.dtype)
    padded[: len(x)] = x
    return np.lib.stride_tricks.sliding_window_view(padded, LONGEST, axis=0)


def _neighbours(told: Told, distance: int) -> Ints:
    """Return :func:`_beside` for each character and its passage."""
    return _beside(told.to_characters(told.borders[:-1]), told.to_characters(told.borders[1:]), distance)


def _beside(first: Ints, after: Ints, distance: int) -> Ints:
    """Return the rows so far before each row, itself, and so far after it, shape (n, 3); -1 for none.

    :param first: for each row, the first that may be taken, and ``after``: the first that may no longer.
    """
    here = np.arange(len(first))
    before, behind = here - distance, here + distance
    return np.stack([np.where(before >= first, before, -1), here, np.where(behind < after, behind, -1)], axis=1)


def _ended(x: Floats) -> Floats:
    """Add a row of zeros."""
    return np.concatenate([x, np.zeros((1, x.shape[1]), x.dtype)])


def _windows(x: Floats, near: Ints) -> Floats:
    """Put each row but the last, which is zeros, between those beside it.

    :param near: :func:`_beside`, shape (n, 3) for n + 1 rows.
    """
    return x.take(near, axis=0).reshape(len(near), -1)


def _norm(x: Floats, weight: Floats, bias: Floats, out: Floats) -> None:
    """Give each row a mean of 0 and a variance of 1, then scale and shift it."""
    width = x.shape[1]
    np.subtract(x, (np.einsum("ij->i", x) / width)[:, None], out=out)
    out *= (1 / np.sqrt(np.einsum("ij,ij->i", out, out) / width + 1e-5))[:, None]
    out *= weight
    out += bias


def _rectify(x: Floats) -> Floats:
    """Make an array's negative values 0, in place."""
    np.maximum(x, 0, out=x)
    return x


def _softmax(x: Floats) -> Floats:
    """Turn scores into chances that sum to 1 along the first axis."""
    chances = np.exp(x - x.max(axis=0))
    out: Floats = chances / chances.sum(axis=0)
    return out
