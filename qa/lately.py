"""Answers that were given lately: a page that is opened again, or a question that leans on one, asks for them anew."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qa.records import Answer

if TYPE_CHECKING:
    from qa.search import Retriever

MOST_ANSWERS = 256
_MOST_HITS = 20
_MOST_DOCUMENTS = 20

Key = tuple[str, int, tuple[str, ...]]


class Lately:
    """The last answers of one retriever, forgotten when another takes its place; for many threads at once."""

    def __init__(self, most: int = MOST_ANSWERS) -> None:
        """Remember at most so many answers; those with many hits or filters are not remembered at all."""
        self._most = most
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._of: weakref.ref[Retriever] | None = None
        self._turn = threading.Lock()

    def ask(self, retriever: Retriever, question: str, k: int, documents: Sequence[str] | None) -> Answer:
        """Return what :meth:`Retriever.ask` does."""
        key = (question, k, tuple(documents or ()))
        with self._turn:
            if self._of is None or self._of() is not retriever:
                self._answers.clear()
                self._of = weakref.ref(retriever)
            known = self._answers.get(key)
            if known is not None:
                self._answers.move_to_end(key)
                return known
        answer = retriever.ask(question, k, documents or None)
        if k <= _MOST_HITS and len(key[2]) <= _MOST_DOCUMENTS:
            with self._turn:
                if self._of is not None and self._of() is retriever:
                    self._answers[key] = answer
                    if len(self._answers) > self._most:
                        self._answers.popitem(last=False)
        return answer
