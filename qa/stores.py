"""A place that the user names → the generation in use there: a folder, or a store that it was published to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qa.fresh import check_fresh
from qa.generation import Generation
from qa.layout import read_pointer
from qa.milvus import SCHEME, MilvusStore
from qa.store import open_generation


def is_address(location: str | Path) -> bool:
    """Say whether a place is a store's address and no folder."""
    return str(location).startswith(SCHEME)


def open_at(location: str | Path, *, allow_stale: bool = False) -> Generation:
    """Open the generation in use at a place.

    :param location: a folder, ``milvus+http://HOST:PORT/COLLECTION`` or ``milvus+file:PATH.db``.
    :param allow_stale: open a folder's index even if the documents changed since; a store does not know them.
    :raises QAError: with the command that mends it.
    """
    if is_address(location):
        return MilvusStore(str(location)).open()
    folder = Path(location)
    generation = open_generation(folder)
    if not allow_stale:
        check_fresh(folder, generation.manifest)
    return generation


def newest(location: str | Path) -> str:
    """Return the name of what is in use at a place, cheaply: another one means that :func:`open_at` opens another.

    :raises QAError: if there is nothing, or it cannot be reached.
    """
    if is_address(location):
        return MilvusStore(str(location)).in_use()
    return read_pointer(Path(location)).generation


def publish(index: Path, location: str, progress: Callable[[int, int], None] | None = None) -> bool:
    """Copy the index in a folder to a store and make it the one in use there; say whether it was not already.

    :param progress: called with (passages copied, passages to copy).
    :raises InvalidStore, StoreUnreachable: if there is none at the location.
    """
    store = MilvusStore(location)
    generation = open_generation(index)
    try:
        return store.publish(generation, progress)
    finally:
        generation.passages.close()
