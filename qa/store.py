"""A folder ↔ an opened index: generations are swapped in, opened, taken back and pruned.

A build writes a new generation to the side (:mod:`qa.staging`), syncs it to disk, and replaces ``current`` in one
step: a process killed at any moment leaves the old generation or the new one in use, complete.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qa.errors import IndexDamaged, IndexProblem, NoEarlierGeneration
from qa.layout import (
    FORMAT,
    HEAD,
    Files,
    Layout,
    Pointer,
    check_files,
    point_to,
    read_manifest,
    read_pointer,
    sha256,
    sync,
)
from qa.lexical import LexicalIndex
from qa.passages import Passages
from qa.records import Manifest
from qa.staging import Staging
from qa.vectors import VectorIndex

_CHECKED_AT_OPEN = 256 * 2**20


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


def _open_named(folder: Path, pointer: Pointer) -> Generation:
    files = Files((Layout(folder).generations / pointer.generation).absolute())
    manifest = read_manifest(folder, pointer)
    check_files(folder, manifest, contents=sum(manifest.sizes.values()) <= _CHECKED_AT_OPEN)
    try:
        return Generation(
            manifest,
            VectorIndex.open(files.vectors, files.scan if manifest.search == "scan" else None),
            LexicalIndex.open(files.lexical),
            Passages(files.passages),
        )
    except (ValueError, OSError) as error:
        raise IndexDamaged(folder, str(error)) from error


def publish(folder: Path, staging: Staging, about: Mapping[str, Any]) -> Manifest:
    """Make a finished generation the one in use. Call inside :func:`qa.lock.writing`.

    :param about: the manifest's fields that the generation's own files do not tell.
    """
    layout, files = Layout(folder), Files(Layout(folder).unfinished)
    number = 1 + max((_number(path.name) for path in layout.generations.iterdir()), default=0)
    name = f"{number:06d}-{os.urandom(4).hex()}"
    aside = {files.raw, files.building, files.manifest}
    written = [path for path in sorted(files.folder.rglob("*")) if path.is_file() and path not in aside]
    names = {path: path.relative_to(files.folder).as_posix() for path in written if path.suffix != ".lock"}
    manifest = Manifest(
        format=FORMAT,
        generation=name,
        documents=staging.documents,
        passages=len(staging),
        checksums={names[path]: sha256(path) for path in names},
        heads={names[path]: sha256(path, HEAD) for path in names},
        sizes={names[path]: path.stat().st_size for path in names},
        **about,
    )
    files.manifest.write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1), "utf-8")
    for path in (*names, files.manifest, files.lexical):
        sync(path)
    checksum = sha256(files.manifest)
    for path in (files.building, files.raw):
        path.unlink()
    sync(files.folder)
    files.folder.rename(layout.generations / name)
    sync(layout.generations)
    before = _current(folder)
    point_to(layout, Pointer(name, checksum))
    _prune(layout, {name, before})
    return manifest


def roll_back(folder: Path) -> Manifest:
    """Make the generation before the one in use the one in use. Call inside :func:`qa.lock.writing`.

    :raises NoEarlierGeneration: if none is kept.
    :raises IndexDamaged, IndexForeign: if it cannot be used.
    """
    layout = Layout(folder)
    current = read_pointer(folder).generation
    earlier = earlier_generations(folder, current)
    if not earlier:
        raise NoEarlierGeneration(folder, current)
    try:
        pointer = Pointer(earlier[-1], sha256(Files(layout.generations / earlier[-1]).manifest))
    except OSError as error:
        raise IndexDamaged(folder, f"{earlier[-1]}: {error.strerror}") from error
    manifest = read_manifest(folder, pointer)
    check_files(folder, manifest, contents=True)
    point_to(layout, pointer)
    return manifest


def earlier_generations(folder: Path, generation: str) -> list[str]:
    """Return the names of the kept generations that are older than one, oldest first."""
    names = [path.name for path in Layout(folder).generations.iterdir()]
    return sorted((name for name in names if 0 < _number(name) < _number(generation)), key=_number)


def _current(folder: Path) -> str:
    try:
        return read_pointer(folder).generation
    except IndexProblem:
        return ""


def _prune(layout: Layout, kept: set[str]) -> None:
    """Remove all other generations, each in one step: where an open file cannot be removed, all of it stays."""
    for path in layout.generations.iterdir():
        if path.name not in kept and _number(path.name):
            try:
                removed = path.rename(path.with_name(f".removed-{path.name}"))
            except OSError:
                continue
            shutil.rmtree(removed, ignore_errors=True)


def _number(name: str) -> int:
    head = name.split("-", 1)[0]
    return int(head) if head.isdigit() else 0
