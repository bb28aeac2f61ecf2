"""What a visitor's browser keeps of a conversation: the questions, never the answers.

It comes back from the browser, so it may hold anything at all; reading it never fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

MOST_SOURCES = 20
LONGEST_QUESTION = 1000
KEPT_TURNS = 30


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with its settings; no ``documents`` means all of them.

    ``searched`` is what was searched for instead, if the question leaned on the one before.
    """

    question: str
    k: int = 5
    documents: tuple[str, ...] = ()
    searched: str = ""

    @property
    def whole(self) -> str:
        """What is searched for."""
        return self.searched or self.question


@dataclass(frozen=True, slots=True)
class Memory:
    """The latest turns, and the interface language if the visitor chose one."""

    language: str = ""
    turns: tuple[Turn, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what the browser is given to keep."""
        return {"language": self.language, "turns": [asdict(one) for one in self.turns]}

    @property
    def last(self) -> Turn | None:
        """The latest turn."""
        return self.turns[-1] if self.turns else None

    def without(self, question: str) -> Memory:
        """Return the memory without its latest turn, if that asked this question."""
        turns = self.turns[:-1] if self.last is not None and self.last.question == question else self.turns
        return Memory(self.language, turns)

    def adding(self, turn: Turn) -> Memory:
        """Return the memory with one more turn; the oldest beyond :data:`KEPT_TURNS` is forgotten."""
        return Memory(self.language, (*self.turns, turn)[-KEPT_TURNS:])


def read_memory(kept: Any) -> Memory:
    """Return the memory that a browser sent back; what is not as :meth:`Memory.to_json` writes it is left out."""
    if not isinstance(kept, dict):
        return Memory()
    language, turns = kept.get("language"), kept.get("turns")
    read = [read_turn(one) for one in turns] if isinstance(turns, list) else []
    known = tuple(turn for turn in read if turn is not None)[-KEPT_TURNS:]
    return Memory(language if isinstance(language, str) else "", known)


def read_turn(kept: Any) -> Turn | None:
    """Return one turn, or None if there is no question in it."""
    if not isinstance(kept, dict) or not isinstance(kept.get("question"), str) or not kept["question"].strip():
        return None
    return turn(kept["question"], kept.get("k"), kept.get("documents"), kept.get("searched"))


def turn(question: str, k: Any = None, documents: Any = None, searched: Any = None) -> Turn:
    """Return a turn with its settings brought into their limits.

    The question is cut one character past :data:`LONGEST_QUESTION`: enough to see that it is too long.
    """
    number = int(k) if isinstance(k, int | float) and 1 <= k <= MOST_SOURCES else 5
    chosen: Sequence[Any] = documents if isinstance(documents, list | tuple) else ()
    return Turn(
        question.strip()[: LONGEST_QUESTION + 1],
        number,
        tuple(one for one in chosen if isinstance(one, str)),
        searched[:LONGEST_QUESTION] if isinstance(searched, str) else "",
    )
