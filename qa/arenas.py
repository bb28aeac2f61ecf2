"""Memory that threads share: what one of them freed, another takes again."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8  # mallopt(3)


def share_arenas(most: int = 2) -> None:
    """Have the C library keep at most so many heaps for all threads; by default it keeps eight for each core.

    What a thread frees stays in its heap, so that memory grows until each of them has once held the most. Only glibc
    does so, and only heaps that are not there yet are saved: call it before there are threads.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, most)
