"""A folder ↔ an opened index: generations, manifest, atomic swap, checks.

::

    index/
    ├── current                  the generation in use and the SHA-256 of its manifest
    ├── lock                     held while a build writes
    └── generations/
        └── 000001-3f9c0a51/     one immutable generation
            ├── manifest.json    written last; sizes and SHA-256 of the rest
            ├── vectors.faiss
            ├── passages.sqlite  documents and passages
            └── lexical/         the full-text index

A build writes a new generation to the side, syncs it to disk, and replaces ``current`` in one step: a
process killed at any moment leaves the old generation or the new one in use, complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from qa.errors import IndexDamaged, IndexForeign, IndexLocked, IndexMissing, UnreadableFile
from qa.lexical import LexicalIndex
from qa.records import Document, FileState, Manifest, Passage, Place, Skipped
from qa.vectors import Floats, VectorIndex

FORMAT = 1
_KEPT_GENERATIONS = 2
_CHECKED_AT_OPEN = 256 * 2**20
_BLOCK = 1 << 20
_POINTER = re.compile(r"(\d{6,}-[0-9a-f]{8}) ([0-9a-f]{64})\n")


@dataclass(frozen=True, slots=True)
class Layout:
    """Owns every file name of an index folder."""

    folder: Path

    @property
    def current(self) -> Path:
        """The pointer to the generation in use."""
        return self.folder / "current"

    @property
    def lock(self) -> Path:
        """The file that a writer holds."""
        return self.folder / "lock"

    @property
    def holder(self) -> Path:
        """Who holds the lock, for people."""
        return self.folder / "lock.holder"

    @property
    def generations(self) -> Path:
        """The folder of all generations."""
        return self.folder / "generations"


@dataclass(frozen=True, slots=True)
class Files:
    """Owns every file name of one generation."""

    folder: Path

    @property
    def manifest(self) -> Path:
        """Written last, read first."""
        return self.folder / "manifest.json"

    @property
    def vectors(self) -> Path:
        """The FAISS index."""
        return self.folder / "vectors.faiss"

    @property
    def passages(self) -> Path:
        """Documents and passages, SQLite."""
        return self.folder / "passages.sqlite"

    @property
    def lexical(self) -> Path:
        """The full-text index."""
        return self.folder / "lexical"


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


@dataclass(frozen=True, slots=True)
class Generation:
    """One opened generation."""

    manifest: Manifest
    vectors: VectorIndex
    lexical: LexicalIndex
    passages: Passages


def open_generation(folder: Path) -> Generation:
    """Open the generation in use.

    :raises IndexMissing: if nothing was built in the folder.
    :raises IndexForeign: if another version of the program wrote it.
    :raises IndexDamaged: if a file is missing, cut short or altered.
    """
    pointer = read_pointer(folder)
    while True:
        try:
            return _open_named(folder, pointer)
        except IndexDamaged:
            now = read_pointer(folder)
            if now == pointer:
                raise
            pointer = now  # a writer replaced and pruned the generation in between


@dataclass(frozen=True, slots=True)
class Pointer:
    """What ``current`` holds."""

    generation: str
    checksum: str


def read_pointer(folder: Path) -> Pointer:
    """Return the name of the generation in use and its manifest's SHA-256.

    :raises IndexMissing: if there is none.
    :raises IndexDamaged: if the file holds something else.
    """
    path = Layout(folder).current
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise IndexMissing(folder) from None
    except (OSError, UnicodeDecodeError) as error:
        raise IndexDamaged(folder, f"{path.name}: {error}") from error
    found = _POINTER.fullmatch(text)
    if not found:
        raise IndexDamaged(folder, f"{path.name} holds {text[:40]!r}, not the name of a generation")
    return Pointer(found[1], found[2])


def _open_named(folder: Path, pointer: Pointer) -> Generation:
    files = Files((Layout(folder).generations / pointer.generation).absolute())
    manifest = read_manifest(folder, pointer)
    check_files(folder, manifest, contents=sum(manifest.sizes.values()) <= _CHECKED_AT_OPEN)
    try:
        return Generation(
            manifest,
            VectorIndex.from_bytes(files.vectors.read_bytes()),
            LexicalIndex.open(files.lexical),
            Passages(files.passages),
        )
    except (ValueError, OSError, sqlite3.Error) as error:
        raise IndexDamaged(folder, str(error)) from error


def read_manifest(folder: Path, pointer: Pointer) -> Manifest:
    """Read the manifest of a generation.

    :raises IndexDamaged, IndexForeign: as :func:`open_generation`.
    """
    path = Files(Layout(folder).generations / pointer.generation).manifest
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise IndexDamaged(folder, f"{path.name}: {error.strerror}") from error
    if hashlib.sha256(raw).hexdigest() != pointer.checksum:
        raise IndexDamaged(folder, f"{path.name} was altered after it was written")
    data = json.loads(raw)
    if data["format"] != FORMAT:
        raise IndexForeign(folder, f"the index has format {data['format']}, this version reads {FORMAT}")
    files = {name: FileState(**state) for name, state in data.pop("files").items()}
    skipped = tuple(Skipped(**skipped) for skipped in data.pop("skipped"))
    return Manifest(**data, files=files, skipped=skipped)


def check_files(folder: Path, manifest: Manifest, *, contents: bool) -> None:
    """Compare a generation's files with its manifest: sizes, and SHA-256 if ``contents``.

    :raises IndexDamaged: names the first file that differs.
    """
    for name, size in manifest.sizes.items():
        path = Layout(folder).generations / manifest.generation / name
        try:
            got = path.stat().st_size
            altered = contents and got == size and sha256(path) != manifest.checksums[name]
        except OSError as error:
            raise IndexDamaged(folder, f"{name}: {error.strerror}") from error
        if got != size:
            raise IndexDamaged(folder, f"{name} has {got} bytes, {size} were written")
        if altered:
            raise IndexDamaged(folder, f"{name} was altered after it was written")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the writer's lock of an index folder; a writer that died does not hold it.

    :raises IndexLocked: if another process holds it; names that process.
    :raises UnreadableFile: if the folder cannot be written to.
    """
    layout = Layout(folder)
    try:
        layout.generations.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(layout.lock), timeout=0)
        lock.acquire()
    except Timeout:
        holder = layout.holder.read_text("utf-8").strip() if layout.holder.is_file() else "unknown"
        raise IndexLocked(folder, holder) from None
    except OSError as error:
        raise UnreadableFile(folder, f"the index folder cannot be written to: {error.strerror or error}") from error
    try:
        layout.holder.write_text(f"process {os.getpid()}", "utf-8")
        yield
    finally:
        layout.holder.unlink(missing_ok=True)
        lock.release()


def write_generation(
    folder: Path,
    documents: Sequence[Document],
    entries: Sequence[Entry],
    vectors: Floats,
    about: Mapping[str, Any],
) -> Manifest:
    """Write a generation to the side and make it the one in use. Call inside :func:`writing`.

    :param vectors: float32, shape (len(entries), dim), in the order of the entries.
    :param about: the manifest's ``model``, ``fingerprint``, ``folder``, ``files`` and ``skipped``.
    """
    layout = Layout(folder)
    _remove_unfinished(layout)
    number = 1 + max((_number(path.name) for path in layout.generations.iterdir()), default=0)
    name = f"{number:06d}-{os.urandom(4).hex()}"
    files = Files(layout.generations / f".{name}")
    files.lexical.mkdir(parents=True)
    _write_passages(files.passages, documents, entries)
    files.vectors.write_bytes(VectorIndex.build(vectors).to_bytes())
    LexicalIndex.build(files.lexical, ((entry.heading, entry.passage.text) for entry in entries))
    written = sorted(path for path in files.folder.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    names = {path: path.relative_to(files.folder).as_posix() for path in written}
    manifest = Manifest(
        format=FORMAT,
        generation=name,
        dimension=vectors.shape[1],
        documents=len(documents),
        passages=len(entries),
        checksums={names[path]: sha256(path) for path in written},
        sizes={names[path]: path.stat().st_size for path in written},
        **about,
    )
    files.manifest.write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1), "utf-8")
    for path in (*written, files.manifest, files.lexical, files.folder):
        _sync(path)
    checksum = sha256(files.manifest)
    files.folder.rename(layout.generations / name)
    _sync(layout.generations)
    _point_to(layout, Pointer(name, checksum))
    _prune(layout, name)
    return manifest


def _write_passages(path: Path, documents: Sequence[Document], entries: Sequence[Entry]) -> None:
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


def _point_to(layout: Layout, pointer: Pointer) -> None:
    aside = layout.folder / ".current"
    aside.write_text(f"{pointer.generation} {pointer.checksum}\n", "utf-8")
    _sync(aside)
    aside.replace(layout.current)
    _sync(layout.folder)


def _prune(layout: Layout, current: str) -> None:
    names = sorted(path.name for path in layout.generations.iterdir() if path.name != current)
    for name in names[: max(0, len(names) + 1 - _KEPT_GENERATIONS)]:
        shutil.rmtree(layout.generations / name, ignore_errors=True)


def _remove_unfinished(layout: Layout) -> None:
    for path in layout.generations.glob(".*"):
        shutil.rmtree(path, ignore_errors=True)


def _number(name: str) -> int:
    head = name.split("-", 1)[0]
    return int(head) if head.isdigit() else 0


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
