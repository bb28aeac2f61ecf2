"""A folder ↔ an opened index: generations are written to the side, swapped in, opened and pruned.

A build writes a new generation to the side, syncs it to disk, and replaces ``current`` in one step: a
process killed at any moment leaves the old generation or the new one in use, complete.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qa.errors import IndexDamaged
from qa.layout import FORMAT, Files, Layout, Pointer, check_files, point_to, read_manifest, read_pointer, sha256, sync
from qa.lexical import LexicalIndex
from qa.passages import Entry, Passages, write_passages
from qa.records import Document, Manifest
from qa.vectors import Floats, VectorIndex

_KEPT_GENERATIONS = 2
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
            VectorIndex.from_bytes(files.vectors.read_bytes()),
            LexicalIndex.open(files.lexical),
            Passages(files.passages),
        )
    except (ValueError, OSError, sqlite3.Error) as error:
        raise IndexDamaged(folder, str(error)) from error


def write_generation(
    folder: Path,
    documents: Sequence[Document],
    entries: Sequence[Entry],
    vectors: Floats,
    about: Mapping[str, Any],
) -> Manifest:
    """Write a generation to the side and make it the one in use. Call inside :func:`qa.lock.writing`.

    :param vectors: float32, shape (len(entries), dim), in the order of the entries.
    :param about: the manifest's ``model``, ``fingerprint``, ``folder``, ``files`` and ``skipped``.
    """
    layout = Layout(folder)
    _remove_unfinished(layout)
    number = 1 + max((_number(path.name) for path in layout.generations.iterdir()), default=0)
    name = f"{number:06d}-{os.urandom(4).hex()}"
    files = Files(layout.generations / f".{name}")
    files.lexical.mkdir(parents=True)
    write_passages(files.passages, documents, entries)
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
        sync(path)
    checksum = sha256(files.manifest)
    files.folder.rename(layout.generations / name)
    sync(layout.generations)
    point_to(layout, Pointer(name, checksum))
    _prune(layout, name)
    return manifest


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
