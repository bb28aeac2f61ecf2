"""The names of an index folder's files, the pointer to the generation in use, and its manifest.

::

    index/
    ├── current                  the generation in use and the SHA-256 of its manifest
    ├── calibration.json         the confidence fitted to the user's questions, if any; outlives generations
    ├── lock                     held while a build writes
    └── generations/
        └── 000001-3f9c0a51/     one immutable generation
            ├── manifest.json    written last; sizes and SHA-256 of the rest
            ├── vectors.faiss    one vector a passage
            ├── scan.faiss       the same compressed, in a large index
            ├── passages.sqlite  files, documents and passages
            └── lexical/         the full-text index
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from qa.errors import IndexDamaged, IndexForeign, IndexMissing
from qa.load import load
from qa.records import Manifest, Skipped

FORMAT = 2
HEAD = 1 << 16
_POINTER_LIMIT = 1 << 10
_MANIFEST_LIMIT = 1 << 30
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
    def calibration(self) -> Path:
        """The confidence that was fitted to the index."""
        return self.folder / "calibration.json"

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

    @property
    def unfinished(self) -> Path:
        """The generation that is being written, or that a build left when it was killed."""
        return self.generations / ".unfinished"


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
        """The FAISS index of exact vectors."""
        return self.folder / "vectors.faiss"

    @property
    def scan(self) -> Path:
        """The FAISS index of compressed vectors; not there in a small index."""
        return self.folder / "scan.faiss"

    @property
    def raw(self) -> Path:
        """Vectors as they come, while the generation is being written."""
        return self.folder / "vectors.raw"

    @property
    def building(self) -> Path:
        """What the generation is being built from, while it is being written."""
        return self.folder / "building.json"

    @property
    def passages(self) -> Path:
        """Files, documents and passages, SQLite."""
        return self.folder / "passages.sqlite"

    @property
    def lexical(self) -> Path:
        """The full-text index."""
        return self.folder / "lexical"


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
        text = load(path, _POINTER_LIMIT).decode()
    except FileNotFoundError:
        raise IndexMissing(folder) from None
    except (OSError, UnicodeDecodeError) as error:
        raise IndexDamaged(folder, f"{path.name}: {error}") from error
    found = _POINTER.fullmatch(text)
    if not found:
        raise IndexDamaged(folder, f"{path.name} holds {text[:40]!r}, not the name of a generation")
    return Pointer(found[1], found[2])


def point_to(layout: Layout, pointer: Pointer) -> None:
    """Make a complete generation the one in use, in one step that a power cut does not undo."""
    aside = layout.folder / ".current"
    aside.write_text(f"{pointer.generation} {pointer.checksum}\n", "utf-8")
    sync(aside)
    aside.replace(layout.current)
    sync(layout.folder)


def read_manifest(folder: Path, pointer: Pointer) -> Manifest:
    """Read the manifest of a generation.

    :raises IndexDamaged, IndexForeign: as :func:`open_generation`.
    """
    path = Files(Layout(folder).generations / pointer.generation).manifest
    try:
        raw = load(path, _MANIFEST_LIMIT)
    except OSError as error:
        raise IndexDamaged(folder, f"{path.name}: {error.strerror}") from error
    if hashlib.sha256(raw).hexdigest() != pointer.checksum:
        raise IndexDamaged(folder, f"{path.name} was altered after it was written")
    try:
        data = json.loads(raw)
        got = data["format"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise IndexDamaged(folder, f"{path.name} is no manifest: {error!r}") from error
    if got != FORMAT:
        raise IndexForeign(folder, f"the index has format {got}, this version reads {FORMAT}")
    try:
        skipped = tuple(Skipped(**skipped) for skipped in data.pop("skipped"))
        manifest = Manifest(**data, skipped=skipped)
    except (KeyError, TypeError, AttributeError) as error:
        raise IndexDamaged(folder, f"{path.name} has other fields than were written: {error}") from error
    if not _fits(manifest, Manifest) or manifest.generation != pointer.generation or not _named_alike(manifest):
        raise IndexDamaged(folder, f"{path.name} holds values that were not written")
    return manifest


def _named_alike(manifest: Manifest) -> bool:
    return manifest.sizes.keys() == manifest.heads.keys() == manifest.checksums.keys()


def _fits(value: Any, kind: Any) -> bool:
    """Tell whether a value is of a type, and a record's fields of theirs."""
    outer, inner = get_origin(kind), get_args(kind)
    if outer is Mapping:
        return isinstance(value, dict) and all(_fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items())
    if outer is tuple:
        return isinstance(value, tuple) and all(_fits(each, inner[0]) for each in value)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return type(value) is kind and all(_fits(getattr(value, name), hints[name]) for name in hints)
    return isinstance(value, kind)


def check_files(folder: Path, manifest: Manifest, *, contents: bool) -> None:
    """Compare a generation's files with its manifest: sizes, and SHA-256 of all if ``contents``, else of the heads.

    A head is the first ``HEAD`` bytes, where a file says how the rest is to be read.

    :raises IndexDamaged: names the first file that differs.
    """
    for name, size in manifest.sizes.items():
        path = Layout(folder).generations / manifest.generation / name
        try:
            got = path.stat().st_size
            expected = manifest.checksums[name] if contents else manifest.heads[name]
            altered = got == size and sha256(path, None if contents else HEAD) != expected
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            raise IndexDamaged(folder, f"{name}: {getattr(error, 'strerror', error)}") from error
        if got != size:
            raise IndexDamaged(folder, f"{name} has {got} bytes, {size} were written")
        if altered:
            raise IndexDamaged(folder, f"{name} was altered after it was written")


def sha256(path: Path, most: int | None = None) -> str:
    """Return the SHA-256 of a file, or of its first bytes."""
    with path.open("rb") as file:
        if most is not None:
            return hashlib.sha256(file.read(most)).hexdigest()
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
