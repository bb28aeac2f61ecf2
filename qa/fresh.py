"""Is an index still what its folder holds?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from qa.errors import IndexStale
from qa.formats import READERS
from qa.layout import Files, Layout
from qa.listing import Listed, digest_of, is_unchanged, list_files
from qa.passages import Passages
from qa.records import FileState, Manifest


def check_fresh(index: Path, manifest: Manifest) -> None:
    """Compare the indexed folder with the index; a folder that is gone is not compared.

    :raises IndexStale: if files were added, removed or changed since.
    """
    folder = Path(manifest.folder)
    if not manifest.folder or not folder.is_dir():
        return
    if manifest.listing and digest_of(folder, READERS) == manifest.listing:
        return
    now = list_files(folder, READERS)
    passages = Passages(Files((Layout(index).generations / manifest.generation).absolute()).passages)
    try:
        differences = compare(passages.files(), now)
    finally:
        passages.close()
    if differences:
        raise IndexStale(
            index,
            f"was built from {manifest.files} files, {folder} has {len(now)}: {differences}",
            f"qa index {folder} --index {index}",
        )


def compare(before: Mapping[str, FileState], now: Sequence[Listed]) -> str:
    """Say how many files are new, gone and changed, with an example of each; nothing if none is."""
    names = {file.name for file in now}
    added, removed = names - before.keys(), before.keys() - names
    changed = [file.name for file in now if file.name in before and not is_unchanged(file, before[file.name])]
    parts = [(added, "new"), (removed, "gone"), (changed, "changed")]
    return ", ".join(f"{len(found)} {word} ({min(found)})" for found, word in parts if found)
