"""Documents and passages of one generation, in SQLite: written as they come, read when asked for."""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.errors import IndexDamaged
from qa.records import Document, FileState, Passage, Place, Skipped

_TABLES = """
CREATE TABLE files (ord INTEGER PRIMARY KEY, name TEXT UNIQUE, sha256 TEXT, size INTEGER, mtime_ns INTEGER,
 reason TEXT);
CREATE TABLE documents (ord INTEGER PRIMARY KEY, id TEXT UNIQUE, title TEXT, text TEXT, date TEXT, source TEXT,
 path TEXT, organisation TEXT);
CREATE TABLE passages (row INTEGER PRIMARY KEY, id TEXT, document INTEGER, start INTEGER, end INTEGER, text TEXT,
 heading TEXT, embedded TEXT, key BLOB);
CREATE TABLE repeats (row INTEGER, document INTEGER, start INTEGER, end INTEGER);
"""
_INDEXES = """
CREATE INDEX IF NOT EXISTS passages_document ON passages (document);
CREATE INDEX IF NOT EXISTS passages_embedded ON passages (embedded);
CREATE INDEX IF NOT EXISTS repeats_row ON repeats (row);
CREATE INDEX IF NOT EXISTS repeats_document ON repeats (document);
"""
_SELECT_DOCUMENT = "SELECT id, title, text, date, source, path, organisation FROM documents"
_SELECT_HEADING = _SELECT_DOCUMENT.replace("text", "''")
_AT_ONCE = 500
_KEPT = 4_000  # passages, of some kilobytes each


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as stored.

    :ivar heading: under which it is indexed.
    :ivar embedded: the hash of the text that its vector is made from.
    :ivar key: the hash of what makes two passages the same (:func:`qa.split.key`).
    """

    passage: Passage
    heading: str
    embedded: str
    key: bytes = b""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a document was cut: a stretch and the key of its passage."""

    start: int
    end: int
    key: bytes


class Passages:
    """Documents and passages of one generation, read from disk when asked for.

    Every method raises IndexDamaged if the file turns out not to be what was written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: dict[int, tuple[Passage, str]] = {}
        with self._telling():
            self._connection = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True, check_same_thread=False)
        try:
            self._length = int(self._all("SELECT coalesce(max(row) + 1, 0) FROM passages")[0][0])
        except BaseException:
            self._connection.close()
            raise

    def _all(self, statement: str, arguments: Sequence[object] = ()) -> list[Any]:
        with self._lock, self._telling():
            return self._connection.execute(statement, arguments).fetchall()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # not the file's fault
        except sqlite3.DatabaseError as error:
            raise IndexDamaged(self._path.parents[2], f"{self._path.name}: {error}") from error

    def _among(self, statement: str, values: Sequence[object]) -> Iterator[Any]:
        """Run a statement for some values at a time, which stand where it says ``{}``."""
        for part in (values[i : i + _AT_ONCE] for i in range(0, len(values), _AT_ONCE)):
            yield from self._all(statement.format(f"({','.join('?' * len(part))})"), part)

    def close(self) -> None:
        """Give the file back, and what was kept of it."""
        self._connection.close()
        self._kept = {}

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Passage]:
        for start in range(0, len(self), 1000):
            yield from self.at(list(range(start, min(start + 1000, len(self)))))

    def at(self, rows: Sequence[int]) -> list[Passage]:
        """Return the passages of some rows, in their order."""
        return [passage for passage, _ in self.headed_at(rows)]

    def headed_at(self, rows: Sequence[int]) -> list[tuple[Passage, str]]:
        """Return the passages of some rows with the headings under which they were indexed, in their order.

        Those of the last questions are kept, for the same ones come again.
        """
        kept = self._kept
        new = self._read([row for row in rows if row not in kept])
        found = [new[row] if row in new else kept[row] for row in rows]
        if len(kept) + len(new) > _KEPT:
            self._kept = new if len(new) <= _KEPT else {}
        else:
            kept.update(new)
        return found

    def _read(self, rows: Sequence[int]) -> dict[int, tuple[Passage, str]]:
        places: dict[int, list[Place]] = defaultdict(list)
        repeats = "SELECT row, id, start, end FROM repeats JOIN documents ON ord = document WHERE row IN {}"
        for row, *place in self._among(f"{repeats} ORDER BY repeats.rowid", rows):
            places[row].append(Place(*place))
        columns = "row, heading, p.id, d.id, start, end, p.text FROM passages p JOIN documents d ON ord = document"
        found = {}
        for row, heading, *fields in self._among(f"SELECT {columns} WHERE row IN {{}}", rows):
            identity, document_id, start, end, text = fields
            found[row] = Passage(identity, document_id, start, end, text, tuple(places.get(row, ()))), heading
        return found

    def rows_of(self, document_ids: Sequence[str]) -> list[int]:
        """Return the rows of all passages that stand in some documents, repeats included."""
        documents = [number for (number,) in self._among("SELECT ord FROM documents WHERE id IN {}", document_ids)]
        own = self._among("SELECT row FROM passages WHERE document IN {}", documents)
        others = self._among("SELECT row FROM repeats WHERE document IN {}", documents)
        return sorted({row for rows in (own, others) for (row,) in rows})

    def document(self, document_id: str) -> Document:
        """Return one document with its text.

        :raises KeyError: if the index has no such document.
        """
        found = self._all(f"{_SELECT_DOCUMENT} WHERE id = ?", [document_id])
        if not found:
            raise KeyError(document_id)
        return Document(*found[0])

    def headings(self, document_ids: Sequence[str] | None = None) -> dict[str, Document]:
        """Return documents by id, in index order, without their text; all of them by default."""
        if document_ids is None:
            return {record[0]: Document(*record) for record in self._all(f"{_SELECT_HEADING} ORDER BY ord")}
        distinct = list(dict.fromkeys(document_ids))
        found = {
            record[0]: Document(*record) for record in self._among(f"{_SELECT_HEADING} WHERE id IN {{}}", distinct)
        }
        return {document_id: found[document_id] for document_id in distinct if document_id in found}

    def cuts(self, document_id: str) -> list[Cut]:
        """Return how a document was cut into passages, in order, repeats included."""
        numbers = [number for (number,) in self._among("SELECT ord FROM documents WHERE id IN {}", [document_id])]
        own = self._among("SELECT start, end, key FROM passages WHERE document IN {}", numbers)
        repeats = "SELECT r.start, r.end, key FROM repeats r JOIN passages p ON p.row = r.row WHERE r.document IN {}"
        return [Cut(*cut) for cut in sorted([*own, *self._among(repeats, numbers)])]

    def rows_embedded(self, embedded: Sequence[str]) -> dict[str, int]:
        """Map those hashes of embedded texts that are here to their rows."""
        found = self._among("SELECT embedded, min(row) FROM passages WHERE embedded IN {} GROUP BY embedded", embedded)
        return dict(found)

    def files(self, names: Sequence[str] | None = None) -> dict[str, FileState]:
        """Map the names of indexed files, readable or not, to their state when they were read; all by default."""
        columns = "SELECT name, sha256, size, mtime_ns, reason FROM files"
        if names is None:
            found = iter(self._all(f"{columns} ORDER BY ord"))
        else:
            found = self._among(f"{columns} WHERE name IN {{}}", names)
        return {name: FileState(*state) for name, *state in found}

    def skipped(self) -> tuple[Skipped, ...]:
        """Return the files that were left out, in order."""
        found = self._all("SELECT name, reason FROM files WHERE reason > '' ORDER BY ord")
        return tuple(Skipped(*file) for file in found)


class PassagesWriter:
    """Writes what :class:`Passages` reads. What was committed is there when a process that was killed starts again.

    Documents and passages are numbered in the order in which they come; a passage that repeats an earlier one becomes
    another place of that one.
    """

    def __init__(self, path: Path) -> None:
        """Start a file, or go on after the last commit.

        :raises sqlite3.Error: if the file is damaged.
        """
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._closed = False
        try:
            self._start()
        except sqlite3.Error:
            self._connection.close()
            raise

    def _start(self) -> None:
        self._run("PRAGMA journal_mode = WAL")
        self._run("PRAGMA synchronous = NORMAL")
        if not self._run("SELECT 1 FROM sqlite_master WHERE name = 'repeats'"):
            for statement in _TABLES.split(";\n"):
                self._run(statement)
        self._documents = self._count("documents", "ord")
        self._rows = {key: row for row, key in self._run("SELECT row, key FROM passages WHERE key > x''")}
        self._length = self._count("passages", "row")
        self._run("BEGIN")

    def _run(self, statement: str, arguments: Sequence[object] = ()) -> list[Any]:
        return self._connection.execute(statement, arguments).fetchall()

    def _count(self, table: str, number: str) -> int:
        return int(self._run(f"SELECT coalesce(max({number}) + 1, 0) FROM {table}")[0][0])  # noqa: S608  (our own names)

    def __len__(self) -> int:
        return self._length

    @property
    def documents(self) -> int:
        """How many documents were added."""
        return self._documents

    def files(self) -> dict[str, FileState]:
        """Map the names of the files that were added to their state, in order."""
        found = self._run("SELECT name, sha256, size, mtime_ns, reason FROM files ORDER BY ord")
        return {name: FileState(*state) for name, *state in found}

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield the heading and the text of each passage, in order."""
        yield from self._connection.execute("SELECT heading, text FROM passages ORDER BY row")

    def sample(self, n: int, length: int) -> list[str]:
        """Return the beginnings of about n passages, evenly from all."""
        step = max(1, self._length // n)
        found = self._run("SELECT substr(text, 1, ?) FROM passages WHERE row % ? = 0", (length, step))
        return [text for (text,) in found]

    def add_file(self, name: str, state: FileState) -> None:
        """Add a file that was looked at."""
        record = (name, state.sha256, state.size, state.mtime_ns, state.reason)
        self._run("INSERT INTO files (name, sha256, size, mtime_ns, reason) VALUES (?, ?, ?, ?, ?)", record)

    def add(self, document: Document, entries: Iterable[Entry]) -> list[Entry]:
        """Add a document with its passages; return those that are new."""
        d, number = document, self._documents
        of_document = (number, d.id, d.title, d.text, d.date, d.source, d.path, d.organisation)
        self._run("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)", of_document)
        self._documents += 1
        new: list[Entry] = []
        for entry in entries:
            p = entry.passage
            row = self._rows.get(entry.key)
            if row is not None:
                self._run("INSERT INTO repeats VALUES (?, ?, ?, ?)", (row, number, p.start, p.end))
                continue
            if entry.key:
                self._rows[entry.key] = self._length
            record = (self._length, p.id, number, p.start, p.end, p.text, entry.heading, entry.embedded, entry.key)
            self._run("INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", record)
            self._length += 1
            new.append(entry)
        return new

    def commit(self) -> None:
        """Make what was added outlive this process."""
        self._run("COMMIT")
        self._run("BEGIN")

    def close(self, *, complete: bool) -> None:
        """Close the file; a complete one becomes a single file with its indexes."""
        if self._closed:
            return
        self._closed = True
        self._run("COMMIT" if complete else "ROLLBACK")
        if complete:
            for statement in _INDEXES.split(";\n"):
                self._run(statement)
            self._run("PRAGMA journal_mode = DELETE")
        self._connection.close()
