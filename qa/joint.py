"""A question and a passage read together → how well the passage answers, and where in it.

The network is multilingual-e5-small (MIT; Wang et al. 2024), parted in the middle (MacAvaney et al. 2020, PreTTR): the
lower six of its layers read question and passage apart and as they were, so what they make of a passage is kept; three
of the upper six, trained by ``python -m training.joint`` beside all six of them, read both. Three others, trained
beside six too, make a vector of either alone: it tells less, but of all languages, and is kept for long. It runs in
NumPy, and by torch once that pays (:mod:`qa.stack`). Nothing here knows the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np

from qa.bert import Array, gelu, normed, unpacked
from qa.linear import Floats
from qa.packer import WHOLE, Packer, Row, Shown
from qa.pieces import PieceCutter
from qa.stack import Stack, by_torch, hasten, one_thread

_ASKED, _ABOVE, _TOLD, _SHARED = range(4)
_TOGETHER = 8  # passages that are read in one go: fewer and larger steps
_MANY = 16  # passages that take about as long as it does to load what reads them faster
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

    def beside(self, other: Reading) -> Reading:
        """Return what two windows of one passage tell together; where both lie, this one does.

        The passage answers as well as the better of them. An answer's ends are where its own window has them, and as
        likely as that it answers at all.
        """
        if not self.offsets or not other.offsets:
            return self if self.offsets else other
        begin, stop = self.offsets[0][0], self.offsets[-1][1]
        before = [n for n, (_, end) in enumerate(other.offsets) if end <= begin]
        behind = [n for n, (start, _) in enumerate(other.offsets) if start >= stop]
        own, others = (log_chances(one.ends) - np.logaddexp(0, -one.score) for one in (self, other))
        offsets = [other.offsets[n] for n in before] + self.offsets + [other.offsets[n] for n in behind]
        ends = np.concatenate([others[before], own, others[behind]])
        return Reading(max(self.score, other.score), offsets, ends)


def log_chances(logits: Floats) -> Floats:
    """Return the logs of the chances that logits stand for, which sum to 1 along the first axis."""
    below = logits - logits.max(axis=0)
    chances: Floats = below - np.log(np.exp(below).sum(axis=0))
    return chances


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
        self._lower, self._upper, self._apart = (Stack(arrays, part) for part in ("lower", "upper", "apart"))
        heads = "mix.w", "mix.b", "score.w", "score.b", "ends.w", "ends.b"
        self._heads = [arrays[name].astype(np.float32) for name in heads]
        # What NumPy made of a text is not taken for what torch makes of it: answers would tell what was asked before.
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

    def read(self, question: str, passages: Sequence[Shown]) -> list[Reading]:
        """Read passages, each as if there were no others."""
        asked = self._pack.question(question)
        few = (passages[n : n + _TOGETHER] for n in range(0, len(passages), _TOGETHER))
        with one_thread():
            return [reading for some in few for reading in self._judge(asked, list(map(self._row, some)))]

    def alike(self, question: str, passages: Sequence[Shown]) -> list[float]:
        """Return how near passages lie to a question, each a cosine from -1 to 1."""
        if len(passages) > _MANY:
            hasten()
        with one_thread():
            asked = self._make_vector(self._asked(_kept(self._pack.question(question)), by_torch()))
            return [float(asked @ self._vector(shown.heading, shown.text, by_torch())) for shown in passages]

    def _passage_vector(self, heading: str, text: str, computed: bool) -> Floats:
        tokens = _kept(self._pack.passage(Shown(heading, text, (0, 0), WHOLE)).ids)
        return self._make_vector(self._told(tokens, computed))

    def _make_vector(self, states: Array) -> Floats:
        mean: Floats = self._apart(states.astype(np.float32), [len(states)]).mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _read_alone(self, tokens: bytes, computed: bool) -> Array:  # noqa: ARG002  (kept apart by it)
        ids = np.frombuffer(tokens, np.uint32)
        x = normed(unpacked(self._words[ids]) + self._place[: len(ids)], *self._norm)
        return self._lower(x, [len(ids)]).astype(np.float16)

    def _judge(self, asked: Sequence[int], rows: Sequence[Row]) -> list[Reading]:
        computed = by_torch()
        own = self._asked(_kept(asked), computed)
        states = [part for row in rows for part in (own, self._told(_kept(row.ids), computed))]
        x: Floats = np.concatenate(states) + self._role[[role for row in rows for role in roles(asked, row)]]
        sizes = [len(asked) + len(row.ids) for row in rows]
        read = np.split(self._upper(x, sizes), list(accumulate(sizes))[:-1])
        return [self._reading(one, row, len(asked)) for one, row in zip(read, rows, strict=True)]

    def _reading(self, x: Floats, row: Row, start: int) -> Reading:
        weight, bias, score, base, ends, shift = self._heads
        mixed = gelu(np.concatenate([x[0], x.mean(axis=0)]) @ weight + bias)
        told = x[start + row.start :][: len(row.offsets)]
        return Reading(float(mixed @ score[:, 0] + base[0]), row.offsets, told @ ends + shift)


def _kept(ids: Sequence[int]) -> bytes:
    """Return tokens as the key under which what is made of them is kept: a tenth of what numbers of Python take."""
    return np.array(ids, np.uint32).tobytes()


@cache
def shipped_joint_reader() -> JointReader:
    """Return the reader that ships with the package."""
    return JointReader.load()
