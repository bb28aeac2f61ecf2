"""One writer at a time: the lock of an index folder, which names its holder and which a dead process does not hold."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from qa.errors import IndexLocked, IndexUnwritable, UnreadableFile
from qa.layout import Layout


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the writer's lock of an index folder; a writer that died does not hold it.

    :raises IndexLocked: if another process holds it; names that process.
    :raises UnreadableFile: if the folder cannot be written to.
    :raises IndexUnwritable: if a write inside the ``with`` block fails.
    """
    layout = Layout(folder)
    try:
        layout.generations.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(layout.lock), timeout=0)
        lock.acquire()
    except Timeout:
        raise IndexLocked(folder, _holder(layout)) from None
    except OSError as error:
        raise UnreadableFile(folder, f"the index folder cannot be written to: {error.strerror or error}") from error
    try:
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        layout.holder.write_text(f"process {os.getpid()} on {socket.gethostname()} since {since}", "utf-8")
        yield
    except (OSError, sqlite3.Error) as error:
        raise IndexUnwritable(folder, f"{getattr(error, 'strerror', None) or error}") from error
    finally:
        layout.holder.unlink(missing_ok=True)
        lock.release()


def _holder(layout: Layout) -> str:
    try:
        return layout.holder.read_text("utf-8").strip() or "unknown"
    except (OSError, UnicodeDecodeError):
        return "unknown"
