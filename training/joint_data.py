"""What the joint reader learns from, as numbers: every passage and every way to ask, in tokens, once each.

A group's questions are asked in several ways, its answering passage is also told without the sentences that answer.
Everything is put into tokens beforehand, so that a GPU need not wait for texts.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qa.packer import Packer, Row, Shown
from qa.text import fold, sentences
from training.asking import Names, Sounds, brief, chatty, misspelt, named, renumbered, shortened, swapped, unknown
from training.foreign import Words, asked_of, turned
from training.group import KINDS, Group

PLAIN, OTHERWISE, FOREIGN, SWAPPED, BRIEF = range(5)  # ways to ask
CHINESE = frozenset({"zh", "news", "meeting", "report", "open"})
UNANSWERED = frozenset({"chat", "absent"})
MISSES = 4
HELD = 16
_LEAST_LEFT = 20  # characters of a passage less its answer

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Known:
    """What questions are changed with: words of other languages, the names in all of them, and how they sound."""

    words: Words
    names: Names
    sounds: Sounds


class Numbered:
    """Things in the order in which they first came, each once."""

    def __init__(self) -> None:
        self.all: list = []
        self._places: dict = {}

    def __call__(self, one: object) -> int:
        """Return a thing's number."""
        if one not in self._places:
            self._places[one] = len(self.all)
            self.all.append(one)
        return self._places[one]


def held_out(group: Group) -> bool:
    """Return whether a group's answering passage is one that is never trained on as such."""
    return zlib.crc32(group.passages[0][1][:40].encode()) % HELD == 0


def as_shown(passage: Sequence[str | int]) -> Shown:
    """Return a stored passage as the reader is shown it."""
    heading, text, start, end = passage
    return Shown(str(heading), str(text), (int(start), int(end)))


def answering(group: Group) -> Shown:
    """Return the answering passage, shown around its answer."""
    shown = as_shown(group.passages[0])
    start, end = shown.sentence
    return shown if group.start < 0 or start <= group.start < end else replace(shown, sentence=(group.start, group.end))


def without_answer(group: Group) -> Shown | None:
    """Return the answering passage less the sentences that hold the answer, or None if that leaves too little."""
    heading, text, *_ = group.passages[0]
    answer = fold(text[group.start : group.end]).strip() if group.start >= 0 else ""
    if not answer or answer in fold(heading):
        return None
    kept = [text[start:end] for start, end in sentences(text) if answer not in fold(text[start:end])]
    left = "".join(kept).strip()
    if len(left) < _LEAST_LEFT or answer in fold(left):
        return None
    return Shown(heading, left, (0, min(len(left), 2 * _LEAST_LEFT)))


def ways_to_ask(group: Group, known: Known, rng: random.Random) -> Iterator[tuple[str, int]]:
    """Yield a group's question, and the same as other people would ask it; of which kind each is."""
    if group.kind in UNANSWERED:
        yield group.question, SWAPPED
        if group.kind == "absent":
            yield chatty(group.question, rng), SWAPPED
        return
    yield group.question, PLAIN
    if group.kind == "across":
        made = (asked_of(group.question, rng) for _ in range(2))
        yield from ((question, FOREIGN) for question in made if question is not None)
    if group.kind not in CHINESE:
        return
    told = "\n".join(group.passages[0][:2])
    never = unknown(group.question, told, rng), renumbered(group.question, told, rng)
    yield from ((question, SWAPPED) for question in never if question is not None)
    for _ in range(2 if group.kind == "zh" else 1):
        yield from _names_changed(group, told, known, rng)
        yield misspelt(group.question, known.sounds, rng), OTHERWISE
        yield chatty(group.question, rng), OTHERWISE
        yield turned(group.question, known.words, rng), FOREIGN
        short = brief(group.question, rng)
        if short is not None:
            yield short, BRIEF


def _names_changed(group: Group, told: str, known: Known, rng: random.Random) -> Iterator[tuple[str, int]]:
    found = named(group.question, told)
    if found is None:
        return
    before, name, behind = found
    other = swapped(name, told, known.names, rng)
    if other is not None:
        yield f"{before}{other}{behind}", SWAPPED
    yield f"{before}{shortened(name, rng)}{behind}", OTHERWISE


def answer_tokens(row: Row, start: int, end: int) -> tuple[int, int]:
    """Return the numbers of an answer's first and last token in a passage; -1 if it does not stand there whole."""
    inside = [n for n, (a, b) in enumerate(row.offsets) if a < end and b > start]
    if start < 0 or not inside or row.offsets[inside[0]][0] > start or row.offsets[inside[-1]][1] < end:
        return -1, -1
    return row.start + inside[0], row.start + inside[-1]


def put_into_numbers(groups: Sequence[Group], packer: Packer, known: Known, rng: random.Random) -> Arrays:
    """Return all groups as arrays.

    Tokens of all passages and questions one behind the other with their lengths; where a passage's own text begins and
    how long it is; for each group its answering passage, the same less its answer, its misses (-1: none), the answer's
    first and last token, its kind and whether it is held out; for each way to ask the question, the group, which way.
    """
    passages, questions = Numbered(), Numbered()
    rows: list[list[int]] = []
    asked: list[tuple[int, int, int]] = []
    for n, group in enumerate(groups):
        left = without_answer(group)
        misses = [passages(as_shown(passage)) for passage in group.passages[1 : 1 + MISSES]]
        misses += [-1] * (MISSES - len(misses))
        first = passages(answering(group)), -1 if left is None else passages(left)
        rows.append([*first, *misses, KINDS.index(group.kind), held_out(group)])
        asked += [(questions(question), n, way) for question, way in ways_to_ask(group, known, rng)]
    told = [packer.passage(shown) for shown in passages.all]
    ends = [answer_tokens(told[row[0]], group.start, group.end) for row, group in zip(rows, groups, strict=True)]
    table = np.array(rows, np.int32)
    return {
        **_flat("passage", [row.ids for row in told]),
        "passage.start": np.array([row.start for row in told], np.uint8),
        "passage.own": np.array([len(row.offsets) for row in told], np.uint8),
        **_flat("question", [packer.question(question) for question in questions.all]),
        "right": table[:, 0],
        "without": table[:, 1],
        "misses": table[:, 2 : 2 + MISSES],
        "kind": table[:, -2].astype(np.uint8),
        "held": table[:, -1].astype(bool),
        "ends": np.array(ends, np.int16),
        "asked": np.array(asked, np.int32),
    }


def _flat(name: str, rows: Sequence[Sequence[int]]) -> Arrays:
    return {
        f"{name}.tokens": np.concatenate([np.array(row, np.uint32) for row in rows]),
        f"{name}.lengths": np.array([len(row) for row in rows], np.uint16),
    }
