"""A question and a passage read together → how well the passage answers, and where in it.

The network is multilingual-e5-small (MIT; Wang et al. 2024), parted in the middle (MacAvaney et al. 2020, PreTTR): the
lower six of its layers read question and passage apart and as they were, so what they make of a passage is kept; three
of the upper six, trained by ``python -m training.joint`` beside all six of them, read both. Three others, trained
beside six too, make a vector of either alone: it tells less, but of all languages, and is kept for long. It runs in
NumPy, with products by torch once that pays (:mod:`qa.linear`). Nothing here knows the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qa.linear import Linear, hasten, one_thread
from qa.packer import WHOLE, Packer, Row, Shown
from qa.pieces import PieceCutter

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]
BLOCK = 18  # bytes: a scale in two, and 32 numbers of four bits
_ASKED, _ABOVE, _TOLD, _SHARED = range(4)
_HEADS = 12
_TOGETHER = 8  # passages: fewer and larger steps, between which threads wait for each other
_MANY = 16  # passages that take about as long as it does to load what reads them faster
_SAFE = 75.0  # up to this, either way, float32 holds the sum of a thousand exponentials
PARTS = "qkv", "ao", "fi", "fo"
# The trained network; the pieces of texts, and a vector for each, of which only those that occur come into memory.
NETWORK, PIECES, WORDS = "joint.npz", "joint_pieces.model", "joint_words.npy"


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a passage with a question found.

    ``score``: the log odds that it answers. ``ends``: how well an answer would begin and end at each of the n tokens
    that were read of its text, logits of shape (n, 2); ``offsets`` of the tokens in it.
    """

    score: float
    offsets: list[tuple[int, int]]
    ends: Floats


def roles(asked: Sequence[int], row: Row) -> list[int]:
    """Return what each token of a question and then of a passage is: asked, above, told; more if both sides hold it."""
    held, wanted = set(row.ids[2:]), set(asked[3:-1])
    end = row.start + len(row.offsets)
    own = [_ASKED + _SHARED * (n >= 2 and token in held) for n, token in enumerate(asked)]
    told = [_TOLD if row.start <= n < end else _ABOVE for n in range(len(row.ids))]
    return own + [role + _SHARED * (token in wanted) for role, token in zip(told, row.ids, strict=True)]


class JointReader:
    """The network with its tokenizer; can be used from many threads at once."""

    def __init__(self, packer: Packer, words: Array, arrays: dict[str, Array]) -> None:
        """Take the pieces' vectors and the arrays that ``training/joint.py`` writes."""
        self._pack = packer
        self._words = words
        self._place = arrays["place"].astype(np.float32)
        self._role = arrays["role"].astype(np.float32)
        self._norm = arrays["norm"].astype(np.float32)
        self._lower, self._upper, self._apart = (
            [_Layer(arrays, f"{part}{n}") for n in range(len(arrays[part]))] for part in ("lower", "upper", "apart")
        )
        heads = "mix.w", "mix.b", "score.w", "score.b", "ends.w", "ends.b"
        self._heads = [arrays[name].astype(np.float32) for name in heads]
        # A question is looked at twice, and forgotten before it could take the place of a passage.
        self._asked = lru_cache(maxsize=50)(self._read_alone)
        # The same passages come again with other questions: 100 KB each, their tokens 10 KB, and a vector 2 KB.
        self._told = lru_cache(maxsize=500)(self._read_alone)
        self._row = lru_cache(maxsize=500)(packer.passage)
        self._vector = lru_cache(maxsize=10_000)(self._passage_vector)

    @classmethod
    def load(cls, folder: Path = Path(__file__).parent) -> JointReader:
        """Read the network that ships with the package."""
        with np.load(folder / NETWORK, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        packer = Packer(PieceCutter((folder / PIECES).read_bytes()))
        return cls(packer, np.load(folder / WORDS, mmap_mode="r", allow_pickle=False), arrays)

    @np.errstate(over="ignore")  # in the tail of _gelu
    def read(self, question: str, passages: Sequence[Shown]) -> list[Reading]:
        """Read passages, each as if there were no others."""
        asked = self._pack.question(question)
        few = (passages[n : n + _TOGETHER] for n in range(0, len(passages), _TOGETHER))
        with one_thread():
            return [reading for some in few for reading in self._judge(asked, list(map(self._row, some)))]

    @np.errstate(over="ignore")
    def alike(self, question: str, passages: Sequence[Shown]) -> list[float]:
        """Return how near passages lie to a question, each a cosine from -1 to 1."""
        if len(passages) > _MANY:
            hasten()
        with one_thread():
            asked = self._make_vector(self._asked(_kept(self._pack.question(question))))
            return [float(asked @ self._vector(shown.heading, shown.text)) for shown in passages]

    def _passage_vector(self, heading: str, text: str) -> Floats:
        return self._make_vector(self._told(_kept(self._pack.passage(Shown(heading, text, (0, 0)), WHOLE).ids)))

    def _make_vector(self, states: Array) -> Floats:
        x: Floats = states.astype(np.float32)
        for layer in self._apart:
            x = layer(x)
        mean: Floats = x.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _read_alone(self, tokens: bytes) -> Array:
        ids = np.frombuffer(tokens, np.uint32)
        x = _normed(unpacked(self._words[ids]) + self._place[: len(ids)], *self._norm)
        for layer in self._lower:
            x = layer(x)
        return x.astype(np.float16)

    def _judge(self, asked: Sequence[int], rows: Sequence[Row]) -> list[Reading]:
        own = self._asked(_kept(asked))
        states = [part for row in rows for part in (own, self._told(_kept(row.ids)))]
        x: Floats = np.concatenate(states) + self._role[[role for row in rows for role in roles(asked, row)]]
        cuts = list(accumulate(len(asked) + len(row.ids) for row in rows))[:-1]
        for layer in self._upper:
            x = layer(x, cuts)
        return [self._reading(one, row, len(asked)) for one, row in zip(np.split(x, cuts), rows, strict=True)]

    def _reading(self, x: Floats, row: Row, start: int) -> Reading:
        weight, bias, score, base, ends, shift = self._heads
        mixed = _gelu(np.concatenate([x[0], x.mean(axis=0)]) @ weight + bias)
        told = x[start + row.start :][: len(row.offsets)]
        return Reading(float(mixed @ score[:, 0] + base[0]), row.offsets, told @ ends + shift)


def _kept(ids: Sequence[int]) -> bytes:
    """Return tokens as the key under which what is made of them is kept: a tenth of what numbers of Python take."""
    return np.array(ids, np.uint32).tobytes()


class _Layer:
    """A layer of BERT (Devlin et al. 2019)."""

    def __init__(self, arrays: dict[str, Array], name: str) -> None:
        self._qkv, self._ao, self._fi, self._fo = (
            Linear(matrix(arrays, f"{name}.{part}").T, arrays[f"{name}.{part}.b"].astype(np.float32)) for part in PARTS
        )
        self._norms = [arrays[f"{name}.{part}"].astype(np.float32) for part in ("aln", "oln")]

    def __call__(self, x: Floats, cuts: Sequence[int] = ()) -> Floats:
        """Return what the tokens become, shape (n, width); those of several texts, cut there, see their own alone."""
        met = [_attend(qkv) for qkv in np.split(self._qkv(x), cuts)]
        x = _normed(x + self._ao(np.concatenate(met)), *self._norms[0])
        return _normed(x + self._fo(_gelu(self._fi(x))), *self._norms[1])


def _attend(qkv: Floats) -> Floats:
    n = len(qkv)
    query, key, value = qkv.reshape(n, 3, _HEADS, -1).transpose(1, 2, 0, 3)
    query = query * np.float32(query.shape[-1] ** -0.5)
    chances: Floats = query @ key.transpose(0, 2, 1)
    longest = [np.einsum("hnd,hnd->hn", x, x).max() for x in (query, key)]
    if np.sqrt(longest[0] * longest[1]) > _SAFE:
        chances -= chances.max(axis=-1, keepdims=True)
    np.exp(chances, out=chances)
    # One column more of ones sums what each row is to be divided by.
    met: Floats = chances @ np.concatenate([value, np.ones((_HEADS, n, 1), np.float32)], axis=2)
    met = met[..., :-1] / met[..., -1:]
    return met.transpose(1, 0, 2).reshape(n, -1)


def _gelu(x: Floats) -> Floats:
    """Return x times the normal distribution there, as its usual approximation by a logistic function."""
    odds = x * x
    odds *= np.float32(-0.0713548)
    odds -= np.float32(1.5957691)
    odds *= x
    np.exp(odds, out=odds)
    odds += 1
    out: Floats = np.divide(x, odds, out=odds)
    return out


def _normed(x: Floats, weight: Floats, bias: Floats) -> Floats:
    out: Floats = x - x.mean(axis=1, keepdims=True)
    out *= (1 / np.sqrt(np.einsum("ij,ij->i", out, out) / out.shape[1] + np.float32(1e-12)))[:, None]
    out *= weight
    out += bias
    return out


def matrix(arrays: dict[str, Array], name: str) -> Floats:
    """Return a layer's weights: of four bits where they are as they were, of eight where they were trained."""
    stored = arrays[f"{name}.w"]
    if f"{name}.s" not in arrays:
        return unpacked(stored)
    scales = arrays[f"{name}.s"].astype(np.float32)
    numbers: Floats = (stored.reshape(*scales.shape, -1) * scales[..., None]).reshape(stored.shape)
    return numbers


def unpacked(rows: Array) -> Floats:
    """Return numbers stored in blocks of four bits, shape (n, bytes), as float32, shape (n, width)."""
    blocks = rows.reshape(len(rows), -1, BLOCK)
    scales = blocks[..., :2].copy().view(np.float16).astype(np.float32)
    halves = np.concatenate([blocks[..., 2:] & 15, blocks[..., 2:] >> 4], axis=-1)
    numbers: Floats = ((halves.astype(np.float32) - 8) * scales).reshape(len(rows), -1)
    return numbers


@cache
def shipped_joint_reader() -> JointReader:
    """Return the reader that ships with the package."""
    return JointReader.load()
