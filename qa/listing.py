"""The files under a folder with their sizes and times, without opening one; fast for a hundred thousand."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from qa.decode import replace_surrogates
from qa.errors import NoDocuments
from qa.layout import sha256
from qa.load import SIZE_LIMIT
from qa.records import FileState

READ_AT_MOST = SIZE_LIMIT + 1  # bytes: the rest of a file that is too large does not matter
# A program that sets a file's time back after a change cannot set back when that was done; Windows does not keep it.
_CHANGED: Callable[[os.stat_result], int] = (lambda _: 0) if os.name == "nt" else attrgetter("st_ctime_ns")
_COARSEST_CLOCK = 2_000_000_000  # nanoseconds: FAT keeps times to two seconds


class Listed(NamedTuple):
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
    found = {listed[0]: Listed(*listed) for listed in _scan(folder, suffixes)}
    return [found[name] for name in sorted(found)]


def digest_of(folder: str | Path, suffixes: Collection[str]) -> str:
    """Return :func:`digest` of what :func:`list_files` lists, faster: text alone is no work for garbage collection.

    :raises NoDocuments: if the folder is not there.
    """
    lines = {}
    for name, _, size, time_ns in _scan(folder, suffixes):
        if time_ns < 0:
            return ""
        lines[name] = _line(name, size, time_ns)
    return _hash([lines[name] for name in sorted(lines)])


def _scan(folder: str | Path, suffixes: Collection[str]) -> Iterator[tuple[str, str, int, int]]:
    """Yield the parts of :class:`Listed` for each file; of several that have one name, the last one counts."""
    root = os.fspath(folder)
    if not Path(folder).is_dir():
        raise NoDocuments(Path(folder), "there is no such folder")
    settled = _settled()
    entered = {os.path.realpath(root)}
    waiting = [(root, "")]
    while waiting:
        parent, prefix = waiting.pop()
        folders = []
        for entry in _entries(parent):
            name = entry.name
            if name.startswith("."):
                continue
            if _is_folder(entry):
                real = os.path.realpath(entry.path)
                if real not in entered:
                    entered.add(real)
                    folders.append((entry.path, f"{prefix}{name}/"))
            elif name[name.rfind(".") :].lower() in suffixes and (status := _status(entry)) is not None:
                yield replace_surrogates(prefix + name), entry.path, status.st_size, _time(status, settled)
        waiting.extend(reversed(folders))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=attrgetter("name"))
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _settled() -> int:
    """Return a time, in nanoseconds, so long ago that whatever is written from now on gets another."""
    return time.time_ns() - _COARSEST_CLOCK


def _time(status: os.stat_result, settled: int) -> int:
    """Return ``mtime_ns`` of :class:`Listed`."""
    return status.st_mtime_ns + _CHANGED(status) if 0 <= status.st_mtime_ns < settled else -1


def _status(entry: os.DirEntry[str] | Path) -> os.stat_result | None:
    """Return what is known of a regular file; of anything else, and of what cannot be looked at, nothing."""
    try:
        status = entry.stat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def looked_at_again(file: Listed) -> Listed:
    """Return a file as it is now, if its time told nothing when it was listed: before it is read, it may have settled.

    One that is gone, or something else by now, stays as it was: reading tells.
    """
    if file.mtime_ns >= 0:
        return file
    settled = _settled()
    status = _status(Path(file.path))
    return file if status is None else file._replace(size=status.st_size, mtime_ns=_time(status, settled))


def digest(files: Sequence[Listed]) -> str:
    """Return a hash of all names, sizes and times, or nothing if those do not tell every change."""
    if any(file.mtime_ns < 0 for file in files):
        return ""
    return _hash([_line(name, size, time_ns) for name, _, size, time_ns in files])


def _line(name: str, size: int, time_ns: int) -> str:
    return f"{name}\0{size}\0{time_ns}"


def _hash(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


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
