"""Keep an index fresh: look at a folder again and again, and build when it has changed and come to rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from qa.errors import IndexLocked, NoDocuments
from qa.formats import READERS
from qa.listing import Listed, list_files
from qa.records import Built

_SHARE = 10  # at most one part in so many of the time is spent on looking


def watch(folder: Path, build: Callable[[], Built], stop: Event, interval: float = 1.0) -> Iterator[Built]:
    """Yield what the first build did, and then each that changed the index, until ``stop`` is set.

    :param build: brings the index up to date; what the first one raises is raised.
    :param interval: seconds between two looks; a folder that takes long to list is looked at less often.

    A change is built when two looks in a row see the same: files that are being copied are waited for. While another
    process builds, or while there is nothing to index, the folder is only looked at.
    """
    built = before = _listed(folder)
    yield build()
    while not stop.is_set():
        started = time.monotonic()
        now = _listed(folder)
        pause = max(interval, _SHARE * (time.monotonic() - started))
        if now == before and now != built:
            try:
                done = build()
            except (IndexLocked, NoDocuments):
                pass  # looked at again after the pause
            else:
                built = now
                if done.changed:
                    yield done
        before = now
        stop.wait(pause)


def _listed(folder: Path) -> list[Listed]:
    try:
        return list_files(folder, READERS)
    except NoDocuments:
        return []
