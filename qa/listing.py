"""The files under a folder with their sizes and times, without opening one; fast for a hundred thousand."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from qa.decode import replace_surrogates
from qa.errors import NoDocuments
from qa.layout import sha256
from qa.load import SIZE_LIMIT
from qa.records import FileState

READ_AT_MOST = SIZE_LIMIT + 1  # bytes: the rest of a file that is too large does not matter
# A program that sets a file's time back after a change cannot set back when that was done; Windows does not keep it.
_CHANGED: Callable[[os.stat_result], int] = (lambda _: 0) if os.name == "nt" else attrgetter("st_ctime_ns")
_COARSEST_CLOCK = 2_000_000_000  # nanoseconds: FAT keeps times to two seconds


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as its folder lists it.

    ``name`` is its path below the folder, with forward slashes, as valid Unicode. ``mtime_ns`` sums up when it was
    written and when that was recorded; it is -1 if the file was written so lately that a later change could leave its
    time as it is: within one tick of its file system's clock.
    """

    name: str
    path: str
    size: int
    mtime_ns: int


def list_files(folder: str | Path, suffixes: Collection[str]) -> list[Listed]:
    """Return the files under a folder that have one of the endings, sorted by name.

    Hidden files and folders, devices, pipes, broken links and link loops are passed over, and so is a file whose name
    differs from another's only in what is no valid Unicode.

    :raises NoDocuments: if the folder is not there.
    """
    root = os.fspath(folder)
    if not Path(folder).is_dir():
        raise NoDocuments(Path(folder), "there is no such folder")
    found: list[Listed] = []
    settled = time.time_ns() - _COARSEST_CLOCK
    entered = {os.path.realpath(root)}
    waiting = [(root, "")]
    while waiting:
        parent, prefix = waiting.pop()
        folders = []
        for entry in _entries(parent):
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                real = os.path.realpath(entry.path)
                if real not in entered:
                    entered.add(real)
                    folders.append((entry.path, f"{prefix}{entry.name}/"))
            elif os.path.splitext(entry.name)[1].lower() in suffixes:  # noqa: PTH122  (a Path takes ten times as long)
                found.extend(_listed(entry, prefix, settled))
        waiting.extend(reversed(folders))
    return sorted({file.name: file for file in found}.values(), key=lambda file: file.name)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _listed(entry: os.DirEntry[str], prefix: str, settled: int) -> Iterator[Listed]:
    try:
        status = entry.stat()
    except OSError:
        return
    if stat.S_ISREG(status.st_mode):
        time_ns = status.st_mtime_ns + _CHANGED(status) if 0 <= status.st_mtime_ns < settled else -1
        yield Listed(replace_surrogates(prefix + entry.name), entry.path, status.st_size, time_ns)


def digest(files: Sequence[Listed]) -> str:
    """Return a hash of all names, sizes and times, or nothing if those do not tell every change."""
    if any(file.mtime_ns < 0 for file in files):
        return ""
    lines = "\n".join(f"{file.name}\0{file.size}\0{file.mtime_ns}" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def is_unchanged(file: Listed, before: FileState) -> bool:
    """Tell whether a file still has the content that it was read with; reads it only where its time does not tell."""
    if file.size != before.size:
        return False
    if before.sha256 and file.mtime_ns >= 0 and file.mtime_ns == before.mtime_ns:
        return True
    try:
        return sha256(Path(file.path), READ_AT_MOST) == before.sha256
    except OSError:
        return not before.sha256  # it could not be opened then either
