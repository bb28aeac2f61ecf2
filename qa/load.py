"""The bytes of one regular file, within a limit: no pipe, device or endless file can hold a reader up."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

SIZE_LIMIT = 64 << 20  # bytes of a document


def load(path: Path, limit: int) -> bytes:
    """Return what a file holds.

    :param limit: most bytes it may have.
    :raises OSError: if it cannot be read, is no regular file, or is larger; ``strerror`` says which.
    """
    descriptor = _open(path)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        too_large = status.st_size > limit
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = b"" if too_large else file.read(limit + 1)
    finally:
        os.close(descriptor)
    if too_large or len(data) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {_named(limit)}", str(path))
    return data


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except ValueError as error:  # a name with NUL, or with characters that no file name here can have
        raise OSError(errno.EINVAL, "it is not the name of a file", ascii(str(path))) from error


def _named(limit: int) -> str:
    return f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit} bytes"
