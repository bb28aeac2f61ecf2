"""The names of an index folder's files, the pointer to the generation in use, and its manifest.

::

    index/
    ├── current                  the generation in use and the SHA-256 of its manifest
    ├── calibration.json         the confidence fitted to the user's questions, if any; outlives generations
    ├── lock                     held while a build writes
    └── generations/
        └── 000001-3f9c0a51/     one immutable generation
            ├── manifest.json    written last; sizes and SHA-256 of the rest
            ├── vectors.faiss
            ├── passages.sqlite  documents and passages
            └── lexical/         the full-text index
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from qa.errors import IndexDamaged, IndexForeign, IndexMissing
from qa.records import FileState, Manifest, Skipped

FORMAT = 1
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


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
