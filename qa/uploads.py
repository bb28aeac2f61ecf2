"""A folder of documents that visitors may add to and remove from: safe names, limits, checks, moves in one step.

Whatever a visitor sends is untrusted. A file is copied aside into a hidden folder, checked by reading it, and only
then moved to its place; what is removed is moved aside first. A change that fails later is undone.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qa.errors import UnreadableFile, UploadRefused
from qa.formats import READERS
from qa.layout import sha256
from qa.read import document_id, read_document, scan
from qa.records import FileState, Skipped

_ASIDE = ".aside-"
_STEM_BYTES = 180
_BLOCK = 1 << 20
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_DEVICES = {"con", "prn", "aux", "nul", "clock$", "conin$", "conout$"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"
}


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What one visitor may add at once, and how many documents the folder may hold."""

    file_bytes: int = 20 << 20
    files: int = 20
    documents: int = 5_000

    @property
    def request_bytes(self) -> int:
        """Most bytes of one request: every file at a quarter of its limit, yet one at its own limit."""
        return max(self.file_bytes, self.files * self.file_bytes // 4) + (1 << 20)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file as a visitor sent it: the name they gave and where its bytes lie now."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Admission:
    """The documents that were moved in, by id, and the files that were turned away."""

    added: tuple[str, ...]
    refused: tuple[Skipped, ...]


class Shelf:
    """The documents folder, as far as visitors may change it."""

    def __init__(self, folder: str | Path, limits: UploadLimits | None = None, *, kept: Sequence[Path] = ()) -> None:
        """Take a folder that is there and can be written to.

        :param kept: folders that are never changed, nor anything in them.
        :raises UploadRefused: if the folder is one of those, is missing or cannot be written to.
        """
        self.folder = Path(folder).resolve()
        self.limits = limits or UploadLimits()
        for never in (path.resolve() for path in kept):
            if never in {self.folder, *self.folder.parents}:
                raise UploadRefused(
                    str(folder),
                    "these documents are never edited by the program. "
                    f"Run: cp -r {folder} documents && python app.py --index my-index --allow-upload documents",
                )
        if not self.folder.is_dir():
            raise UploadRefused(str(folder), f"there is no such folder. Run: mkdir -p {folder}")
        self._sweep()

    def _sweep(self) -> None:
        """See that files can be made here, and remove what a stopped process left aside."""
        try:
            for left in self.folder.glob(f"{_ASIDE}*"):
                shutil.rmtree(left, ignore_errors=True)
            with self._aside():
                pass
        except OSError as error:
            raise UploadRefused(str(self.folder), f"the folder cannot be written to ({error.strerror})") from error

    def files(self) -> dict[str, Path]:
        """Return the documents' files by id, sorted."""
        return {document_id(path, self.folder): path for path in scan(self.folder)}

    @contextmanager
    def adding(self, incoming: Sequence[Incoming], known: Mapping[str, FileState]) -> Iterator[Admission]:
        """Move files in for as long as the ``with`` block succeeds; if it raises, they are gone again.

        :param known: the indexed files, so that the same contents are not taken twice.
        """
        there = {_folded(name): name for name in self.files()}
        contents = {state.sha256: name for name, state in known.items()}
        added: list[str] = []
        refused: list[Skipped] = []
        with self._aside() as aside:
            for number, file in enumerate(incoming):
                try:
                    if number >= self.limits.files:
                        raise UploadRefused(file.name, f"at most {self.limits.files} files are taken at once")
                    if len(there) >= self.limits.documents:
                        raise UploadRefused(file.name, f"the folder holds {len(there)} documents, no more are taken")
                    name = safe_name(file.name)
                    if twin := there.get(_folded(name)):
                        raise UploadRefused(file.name, f"a document of this name is there ({twin}). Remove it first")
                    digest = self._check(file, aside / name)
                    if twin := contents.get(digest):
                        raise UploadRefused(file.name, f"the same document is there as {twin}")
                    _move(aside / name, self.folder / name, file.name)
                except UploadRefused as error:
                    refused.append(Skipped(file.name, error.reason))
                    continue
                added.append(name)
                there[_folded(name)] = contents[digest] = name
            try:
                yield Admission(tuple(added), tuple(refused))
            except BaseException:
                for name in added:
                    (self.folder / name).unlink(missing_ok=True)
                raise

    @contextmanager
    def removing(self, ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Move documents aside for as long as the ``with`` block lasts, then delete them; if it raises, they return.

        :raises UploadRefused: if a document is not in the folder, or would be the last to go.
        """
        files = self.files()
        chosen = {name: files.get(name) for name in dict.fromkeys(ids)}
        for name, path in chosen.items():
            if path is None or not path.parent.resolve().is_relative_to(self.folder):
                raise UploadRefused(name, "there is no such document in the folder")
        if chosen and len(chosen) == len(files):
            raise UploadRefused(next(iter(chosen)), "the last document cannot be removed. Add another one first")
        moved: dict[Path, Path] = {}
        with self._aside() as aside:
            try:
                for number, path in enumerate(filter(None, chosen.values())):
                    target = aside / str(number)
                    path.rename(target)
                    moved[target] = path
                yield tuple(chosen)
            except BaseException:
                for target, path in moved.items():
                    target.rename(path)
                raise

    def _check(self, file: Incoming, target: Path) -> str:
        """Copy a file aside and read it there; return its SHA-256."""
        try:
            _copy(file.path, target, self.limits.file_bytes)
            read_document(target, target.parent)
        except UnreadableFile as error:
            raise UploadRefused(file.name, error.reason) from error
        except OSError as error:
            reason = f"larger than {self.limits.file_bytes >> 20} MiB" if error.errno == errno.EFBIG else error.strerror
            raise UploadRefused(file.name, reason or type(error).__name__) from error
        return sha256(target)

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        folder = self.folder / f"{_ASIDE}{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def safe_name(given: str) -> str:
    """Return the name under which a file is kept, whatever a visitor called it.

    Only the last part of a path counts; invisible and direction-changing characters go, what other systems take for
    a separator becomes ``_``, and the last ending decides what the file is.

    :raises UploadRefused: if no name is left, the ending is not one that can be read, or a device is named so.
    """
    visible = unicodedata.normalize("NFC", given)
    visible = "".join(one for one in visible if unicodedata.category(one) not in _INVISIBLE)
    last = re.split(r"[/\\]", visible)[-1]
    name = " ".join(re.sub(r'[<>:"|?*]', "_", last).split()).strip(". ")
    stem, _, ending = name.rpartition(".")
    stem = stem.strip(". ")
    if not stem or f".{ending.lower()}" not in READERS:
        raise UploadRefused(given, f"only {' '.join(READERS)} are taken")
    if stem.split(".")[0].strip().casefold() in _DEVICES:
        raise UploadRefused(given, "some systems keep this name for a device")
    stem = stem.encode()[:_STEM_BYTES].decode(errors="ignore").strip(". ")
    return f"{stem}.{ending.lower()}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _copy(source: Path, target: Path, most: int) -> None:
    """Copy a regular file, never through a link, and sync it to disk."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file, target.open("xb") as copy:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        while block := file.read(_BLOCK):
            if copy.tell() + len(block) > most:
                raise OSError(errno.EFBIG, "too large")
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())


def _move(aside: Path, place: Path, given: str) -> None:
    """Move a file to a place where nothing is, in one step."""
    try:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        aside.replace(place)
    except OSError as error:
        raise UploadRefused(given, error.strerror or type(error).__name__) from error
