"""The generation that is being written: documents and vectors come in order, a killed build goes on where it stopped.

What a large build has done is committed now and then. The full-text index is not: it is written again, from the
passages that are there, in a tenth of the time that they took.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from qa.layout import Files, Layout
from qa.lexical import LexicalWriter
from qa.passages import Entry, PassagesWriter
from qa.records import Document, FileState
from qa.vectors import Floats, VectorIndex

_SAMPLE_LENGTH = 30  # characters


class Staging:
    """An unfinished generation. Call inside :func:`qa.lock.writing`."""

    def __init__(self, files: Files, dimension: int) -> None:
        """Open what is there, or start.

        :raises ValueError, sqlite3.Error: if what is there is damaged.
        """
        self._files = files
        self._dimension = dimension
        self._passages = PassagesWriter(files.passages)
        self._raw = files.raw.open("ab")
        length = len(self._passages) * dimension * np.dtype(np.float16).itemsize
        if self._raw.tell() < length:
            self._passages.close(complete=False)
            self._raw.close()
            raise ValueError(f"{files.raw.name} is too short")
        self._raw.truncate(length)
        shutil.rmtree(files.lexical, ignore_errors=True)
        files.lexical.mkdir()
        self._lexical = LexicalWriter(files.lexical)
        for heading, text in self._passages.texts():
            self._lexical.add(heading, text)

    @classmethod
    def begin(cls, folder: Path, dimension: int, about: Mapping[str, object], *, resume: bool = False) -> Staging:
        """Start a generation of an index folder, and sweep up what killed builds left.

        :param about: what decides the generation's content besides its files.
        :param resume: go on with an unfinished generation that is about the same.
        """
        layout = Layout(folder)
        files = Files(layout.unfinished)
        wanted = json.dumps({**about, "dimension": dimension}, ensure_ascii=False)
        for path in layout.generations.glob(".*"):
            if path != files.folder:
                shutil.rmtree(path, ignore_errors=True)
        if resume and files.building.is_file() and files.building.read_text("utf-8") == wanted:
            try:
                return cls(files, dimension)
            except (ValueError, sqlite3.Error, OSError):
                pass  # a power cut can harm what is unfinished: then it is of no use
        if files.folder.exists():
            removed = files.folder.rename(layout.generations / f".removed-{os.urandom(4).hex()}")
            shutil.rmtree(removed, ignore_errors=True)
        files.folder.mkdir()
        files.building.write_text(wanted, "utf-8")
        return cls(files, dimension)

    def __len__(self) -> int:
        return len(self._passages)

    @property
    def documents(self) -> int:
        """How many documents are there."""
        return self._passages.documents

    def files(self) -> dict[str, FileState]:
        """Map the names of the files that were looked at to their state, in order."""
        return self._passages.files()

    def add_file(self, name: str, state: FileState) -> None:
        """Add a file that was looked at, before its document."""
        self._passages.add_file(name, state)

    def add(self, document: Document, entries: Iterable[Entry]) -> list[Entry]:
        """Add a document with its passages; return those that are new, whose vectors must follow in this order."""
        new = self._passages.add(document, entries)
        for entry in new:
            self._lexical.add(entry.heading, entry.passage.text)
        return new

    def add_vectors(self, vectors: Floats) -> None:
        """Add the vectors of the next passages, shape (n, dim)."""
        self._raw.write(np.asarray(vectors, np.float16).tobytes())

    def sample(self, n: int) -> list[str]:
        """Return the beginnings of about n passages, evenly from all: short texts as questions are."""
        return self._passages.sample(n, _SAMPLE_LENGTH)

    def commit(self) -> None:
        """Make what was added outlive this process; all vectors must be there."""
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._passages.commit()

    def finish(self, *, scan: bool) -> Files:
        """Write the indexes over what was added, and return where they are; nothing can be added any more."""
        self.commit()
        self._passages.close(complete=True)
        self._raw.close()
        with ThreadPoolExecutor(1) as beside:
            full_text = beside.submit(self._lexical.finish)
            VectorIndex.build(self._vectors(), scan=scan).write(self._files.vectors, self._files.scan if scan else None)
            full_text.result()
        return self._files

    def _vectors(self) -> np.ndarray[tuple[int, int], np.dtype[np.float16]]:
        shape = (len(self), self._dimension)
        if 0 in shape:
            return np.zeros(shape, np.float16)
        return np.memmap(self._files.raw, np.float16, "r", shape=shape)

    def close(self) -> None:
        """Let go of a generation that cannot be finished; what was committed stays."""
        self._lexical.abandon()
        self._passages.close(complete=False)
        self._raw.close()
