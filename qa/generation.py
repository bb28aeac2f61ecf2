"""What searching needs of an opened generation, wherever it lies.

A folder (:mod:`qa.store`) and Milvus (:mod:`qa.milvus`) are the two places that there are; one contract suite holds
both to this page. A *row* is a passage's number in its generation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qa.records import Document, Manifest, Passage

Floats = npt.NDArray[np.float32]
Scored = tuple[int, float]


class Vectors(Protocol):
    """The dense leg."""

    def __len__(self) -> int: ...

    def search(self, queries: Floats, k: int, only: Sequence[int] | None = None) -> list[list[Scored]]:
        """Return the k rows nearest to each query, shape (n, dim), rows of unit length; best first, ties by row.

        :param only: the rows to choose from; all by default.
        """

    def rows(self, ids: Sequence[int]) -> Floats:
        """Return the stored vectors of some rows, shape (len(ids), dim)."""


class Lexical(Protocol):
    """The lexical leg: BM25, body plus half the heading's score."""

    def __len__(self) -> int: ...

    def frequencies(self, distinct: Sequence[str]) -> list[int]:
        """Return, for each term, the number of bodies that hold it."""

    def search(
        self, question: str, k: int, only: Sequence[int] | None = None, without: Set[str] = frozenset()
    ) -> list[Scored]:
        """Return the k best rows that share a term with the question; best first, ties by row.

        :param without: terms of the question that are not looked for.
        """

    def score(self, question: str, rows: Sequence[int]) -> list[float]:
        """Return the BM25 score of given rows, in their order; 0 for a row that shares no term."""


class Passages(Protocol):
    """Documents and passages."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Passage]: ...

    def at(self, rows: Sequence[int]) -> list[Passage]:
        """Return the passages of some rows, in their order."""

    def headed_at(self, rows: Sequence[int]) -> list[tuple[Passage, str]]:
        """Return the passages of some rows with the headings under which they were indexed, in their order."""

    def rows_of(self, document_ids: Sequence[str]) -> list[int]:
        """Return the rows of all passages that stand in some documents, repeats included."""

    def document(self, document_id: str) -> Document:
        """Return one document with its text.

        :raises KeyError: if the index has no such document.
        """

    def headings(self, document_ids: Sequence[str] | None = None) -> dict[str, Document]:
        """Return documents by id, in index order, without their text; all of them by default."""

    def close(self) -> None:
        """Give files or connections back."""


class Generation(Protocol):
    """One opened generation; what it holds does not change under its reader."""

    @property
    def manifest(self) -> Manifest: ...

    @property
    def vectors(self) -> Vectors: ...

    @property
    def lexical(self) -> Lexical: ...

    @property
    def passages(self) -> Passages: ...
