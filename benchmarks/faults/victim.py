"""A process that builds an index and is killed: by itself at a chosen step of its work on files, or from outside.

``python -m benchmarks.faults.victim INDEX STEP DOCUMENTS...`` builds each folder in turn, again and again. Steps are
what Python tells its audit hooks: files opened in the index, made, renamed and removed. At step ``STEP`` (counted from
1; 0 for never) it kills itself with SIGKILL, having said which kind of step that was.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

from qa.build import build_index
from qa.embed import load_encoder

_STEPS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "sqlite3.connect"})


class Killer:
    """Counts steps and kills the process at one of them."""

    def __init__(self, index: str, step: int) -> None:
        self.index, self.left = index, step

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """See :func:`sys.addaudithook`."""
        if event not in _STEPS or (event == "open" and self.index not in str(arguments[0])):
            return
        self.left -= 1
        if self.left == 0:
            os.write(1, f"{event}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Build until killed, or once through if a step was named."""
    index, step, folders = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    encoder = load_encoder()
    if step:
        sys.addaudithook(Killer(index, step))
    os.write(1, b"ready\n")
    for folder in folders if step else itertools.cycle(folders):
        build_index(Path(folder), Path(index), model=encoder, rebuild=not step)
        os.write(1, b"built\n")


if __name__ == "__main__":
    main()
