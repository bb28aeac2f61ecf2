"""Token ids of many texts in one flat array, and the pairs made of two of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

LONGEST_TOKENS = 400
_BATCH = 20_000
_APART = 10_000_000


@dataclass(frozen=True, slots=True)
class Ragged:
    """``ids[starts[i]:starts[i + 1]]`` are the tokens of text i; int32 and int64."""

    ids: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.starts) - 1

    def take(self, rows: np.ndarray) -> "Ragged":
        """Return the texts of these rows, in their order."""
        begins = self.starts[rows]
        sizes = self.starts[rows + 1] - begins
        starts = np.concatenate([[0], np.cumsum(sizes)])
        at = np.arange(starts[-1]) + np.repeat(begins - starts[:-1], sizes)
        return Ragged(self.ids[at], starts)


def ragged(lists: Sequence[Sequence[int]]) -> Ragged:
    """Return the lists as one flat array."""
    starts = np.concatenate([[0], np.cumsum([len(one) for one in lists], dtype=np.int64)]).astype(np.int64)
    ids = np.fromiter((i for one in lists for i in one), dtype=np.int32, count=int(starts[-1]))
    return Ragged(ids, starts)


def tokenize(tokenizer: Tokenizer, texts: Sequence[str], longest: int = LONGEST_TOKENS) -> Ragged:
    """Return the tokens of the texts, at most ``longest`` of each; unknown tokens (id 0) are left out."""
    parts = []
    for at in range(0, len(texts), _BATCH):
        encoded = tokenizer.encode_batch_fast(list(texts[at : at + _BATCH]), add_special_tokens=False)
        parts.append(ragged([[i for i in e.ids[:longest] if i] for e in encoded]))
    sizes = np.concatenate([[0], *(np.diff(part.starts) for part in parts)])
    return Ragged(np.concatenate([np.empty(0, np.int32), *(part.ids for part in parts)]), np.cumsum(sizes))


@dataclass(frozen=True, slots=True)
class PairSet:
    """One kind of training pair: tokens of both sides, and numbers that are equal where texts are equal."""

    questions: Ragged
    passages: Ragged
    question_group: np.ndarray
    passage_group: np.ndarray

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.questions)


def _groups(texts: Sequence[str]) -> np.ndarray:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)


def pair_set(tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]]) -> PairSet:
    """Tokenize pairs; a side without known tokens stays, as the zero vector: see :func:`full_rows`."""
    return PairSet(
        tokenize(tokenizer, [question for question, _ in pairs]),
        tokenize(tokenizer, [passage for _, passage in pairs]),
        _groups([question for question, _ in pairs]),
        _groups([passage for _, passage in pairs]),
    )


def full_rows(pairs: PairSet) -> np.ndarray:
    """Return the rows whose both sides have tokens."""
    return np.flatnonzero((np.diff(pairs.questions.starts) > 0) & (np.diff(pairs.passages.starts) > 0))


def take_pairs(pairs: PairSet, rows: np.ndarray) -> PairSet:
    """Return some rows of a pair set."""
    return PairSet(
        pairs.questions.take(rows), pairs.passages.take(rows), pairs.question_group[rows], pairs.passage_group[rows]
    )


def turn_pairs(pairs: PairSet) -> PairSet:
    """Return the pairs with their sides exchanged."""
    return PairSet(pairs.passages, pairs.questions, pairs.passage_group, pairs.question_group)


def join(texts: Sequence[Ragged]) -> Ragged:
    """Return the texts of several in a row."""
    sizes = np.concatenate([np.diff(one.starts) for one in texts])
    return Ragged(np.concatenate([one.ids for one in texts]), np.concatenate([[0], np.cumsum(sizes)]))


def join_pairs(sets: Sequence[PairSet]) -> PairSet:
    """Return several kinds as one; equal texts of different kinds count as different."""
    return PairSet(
        join([one.questions for one in sets]),
        join([one.passages for one in sets]),
        np.concatenate([one.question_group + i * _APART for i, one in enumerate(sets)]),
        np.concatenate([one.passage_group + i * _APART for i, one in enumerate(sets)]),
    )


def save_pairs(path: Path, pairs: PairSet) -> None:
    """Write one kind as an uncompressed npz file."""
    np.savez(
        path,
        question_ids=pairs.questions.ids,
        question_starts=pairs.questions.starts,
        passage_ids=pairs.passages.ids,
        passage_starts=pairs.passages.starts,
        question_group=pairs.question_group,
        passage_group=pairs.passage_group,
    )


def load_pairs(path: Path) -> PairSet:
    """Read what :func:`save_pairs` wrote."""
    with np.load(path) as file:
        return PairSet(
            Ragged(file["question_ids"], file["question_starts"]),
            Ragged(file["passage_ids"], file["passage_starts"]),
            file["question_group"],
            file["passage_group"],
        )
