"""Documents and passages of one generation: written in one go, read from disk when asked for."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.records import Document, Passage, Place


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as stored: under which heading, and the SHA-256 of the text that its vector was made from."""

    passage: Passage
    heading: str
    embedded: str


class Passages:
    """Documents and passages of one generation, read from disk when asked for."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True, check_same_thread=False)
        self._lock = threading.Lock()

    def _all(self, statement: str, arguments: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, arguments).fetchall()

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def __len__(self) -> int:
        return int(self._all("SELECT count(*) FROM passages")[0][0])

    def __iter__(self) -> Iterator[Passage]:
        for start in range(0, len(self), 1000):
            yield from self.at(list(range(start, min(start + 1000, len(self)))))

    def at(self, rows: Sequence[int]) -> list[Passage]:
        """Return the passages of some rows, in their order."""
        found = self._by_row("row, id, document, start, end, text, also_in", rows)
        return [_passage(found[row]) for row in rows]

    def headings_at(self, rows: Sequence[int]) -> list[str]:
        """Return the headings under which some rows were indexed, in their order."""
        found = self._by_row("row, heading", rows)
        return [found[row][1] for row in rows]

    def _by_row(self, columns: str, rows: Sequence[int]) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for part in (rows[i : i + 500] for i in range(0, len(rows), 500)):
            marks = ",".join("?" * len(part))
            statement = f"SELECT {columns} FROM passages WHERE row IN ({marks})"  # noqa: S608  (only question marks)
            found.update((record[0], record) for record in self._all(statement, part))
        return found

    def rows_of(self, document_ids: Sequence[str]) -> list[int]:
        """Return the rows of all passages that stand in some documents, repeats included."""
        rows: set[int] = set()
        for document_id in document_ids:
            rows.update(row for (row,) in self._all("SELECT row FROM places WHERE document = ?", [document_id]))
        return sorted(rows)

    def document(self, document_id: str) -> Document:
        """Return one document with its text.

        :raises KeyError: if the index has no such document.
        """
        found = self._all(
            "SELECT id, title, text, date, source, path, organisation FROM documents WHERE id = ?", [document_id]
        )
        if not found:
            raise KeyError(document_id)
        return Document(*found[0])

    def headings(self, document_ids: Sequence[str] | None = None) -> dict[str, Document]:
        """Return documents by id, in index order, without their text; all of them by default."""
        columns = "SELECT id, title, '', date, source, path, organisation FROM documents"
        if document_ids is None:
            return {record[0]: Document(*record) for record in self._all(f"{columns} ORDER BY ord")}
        return {
            record[0]: Document(*record)
            for document_id in dict.fromkeys(document_ids)
            for record in self._all(f"{columns} WHERE id = ?", [document_id])
        }

    def embedded(self) -> dict[str, int]:
        """Map the hash of each embedded text to its row."""
        return dict(self._all("SELECT embedded, row FROM passages ORDER BY row DESC"))


def _passage(record: Sequence[Any]) -> Passage:
    places = tuple(Place(*place) for place in json.loads(record[6]))
    return Passage(record[1], record[2], record[3], record[4], record[5], places)


def write_passages(path: Path, documents: Sequence[Document], entries: Sequence[Entry]) -> None:
    """Write what :class:`Passages` reads; an entry's number is its row."""
    connection = sqlite3.connect(path)
    try:
        connection.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE documents (ord INTEGER PRIMARY KEY, id TEXT UNIQUE, title TEXT, text TEXT, date TEXT,"
            " source TEXT, path TEXT, organisation TEXT);"
            "CREATE TABLE passages (row INTEGER PRIMARY KEY, id TEXT, document TEXT, start INTEGER, end INTEGER,"
            " text TEXT, also_in TEXT, embedded TEXT, heading TEXT);"
            "CREATE TABLE places (document TEXT, row INTEGER)"
        )
        connection.executemany(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((n, d.id, d.title, d.text, d.date, d.source, d.path, d.organisation) for n, d in enumerate(documents)),
        )
        for row, entry in enumerate(entries):
            p = entry.passage
            also_in = [(place.document_id, place.start, place.end) for place in p.also_in]
            record = (
                row,
                p.id,
                p.document_id,
                p.start,
                p.end,
                p.text,
                json.dumps(also_in),
                entry.embedded,
                entry.heading,
            )
            connection.execute("INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", record)
            connection.executemany(
                "INSERT INTO places VALUES (?, ?)",
                [(d, row) for d in {p.document_id, *(place[0] for place in also_in)}],
            )
        connection.execute("CREATE INDEX places_document ON places (document)")
        connection.commit()
    finally:
        connection.close()
