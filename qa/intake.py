"""Files → documents and where they are cut: read and split, or taken from the old generation where nothing changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from qa.decode import replace_surrogates
from qa.errors import UnreadableFile
from qa.layout import sha256
from qa.listing import READ_AT_MOST, Listed, is_unchanged, looked_at_again
from qa.passages import Cut, Passages
from qa.read import read_document
from qa.records import Document, FileState
from qa.split import key, split_document

_ROOMS = ("decode", "formats", "facts", "boilerplate", "text", "read", "split")
_PARSERS = ("charset-normalizer", "trafilatura", "pypdf", "python-docx")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was looked at; one that cannot be read has no document, and its state says why."""

    name: str
    state: FileState
    document: Document | None = None
    cuts: Sequence[Cut] = ()


@cache
def reading() -> str:
    """Return a hash of what turns a file into passages: with another one, files that did not change are read again."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        digest.update(Path(__file__).with_name(f"{room}.py").read_bytes())
    for parser in _PARSERS:
        digest.update(f"{parser} {version(parser)}\n".encode())
    return digest.hexdigest()


def take(files: Sequence[Listed], folder: Path, old: Passages | None) -> Iterator[Taken]:
    """Yield each file of a folder with its document.

    :param old: what was made of the files before, by the same :func:`reading`.
    """
    for start in range(0, len(files), _AT_ONCE):
        part = files[start : start + _AT_ONCE]
        before = {} if old is None else old.files([file.name for file in part])
        for file in map(looked_at_again, part):
            known = before.get(file.name)
            if old is not None and known is not None and is_unchanged(file, known):
                yield _kept(file, known, old)
            else:
                yield _read(file, folder)


def _kept(file: Listed, known: FileState, old: Passages) -> Taken:
    state = FileState(known.sha256, file.size, file.mtime_ns, known.reason)
    if known.reason:
        return Taken(file.name, state)
    document = replace(old.document(file.name), path=replace_surrogates(file.path))
    return Taken(file.name, state, document, old.cuts(file.name))


def _read(file: Listed, folder: Path) -> Taken:
    checksum = ""
    path = Path(file.path)
    try:
        checksum = sha256(path, READ_AT_MOST)
        document = read_document(path, folder)
    except (UnreadableFile, OSError) as error:
        reason = error.reason if isinstance(error, UnreadableFile) else error.strerror or str(error)
        return Taken(file.name, FileState(checksum, file.size, file.mtime_ns, reason))
    cuts = [Cut(passage.start, passage.end, key(passage.text)) for passage in split_document(document)]
    return Taken(file.name, FileState(checksum, file.size, file.mtime_ns), document, cuts)
