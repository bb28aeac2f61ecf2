"""Writers that are killed: ``python -m benchmarks.faults.victim`` forks one for each order, a line of JSON.

An order names the ``index``, the ``folders`` to build in turn, again and again, and when the writer dies of SIGKILL:
after so many ``seconds``, or at its ``step``-th step on files, as Python tells its audit hooks: files opened in the
index, made, renamed and removed. The answer names the step at which it died, if it did. Forking spares each writer
the second that loading everything takes.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from qa.build import build_index
from qa.embed import Encoder, load_encoder

_STEPS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "sqlite3.connect"})


class Killer:
    """Counts steps and kills the process at one of them, which it names first."""

    def __init__(self, index: str, step: int, told: int) -> None:
        self.index, self.left, self.told = index, step, told

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """See :func:`sys.addaudithook`."""
        if event not in _STEPS or (event == "open" and self.index not in str(arguments[0])):
            return
        self.left -= 1
        if self.left == 0:
            os.write(self.told, event.encode())
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Fork a writer for each order."""
    encoder = load_encoder()
    for line in sys.stdin:
        order = json.loads(line)
        told, tell = os.pipe()
        writer = os.fork()
        if writer == 0:
            _write(order, encoder, tell)
        os.close(tell)
        if "seconds" in order:
            time.sleep(order["seconds"])
            os.kill(writer, signal.SIGKILL)
        _, status = os.waitpid(writer, 0)
        step = os.read(told, 100).decode()
        os.close(told)
        print(json.dumps({"killed": os.WIFSIGNALED(status), "step": step}), flush=True)


def _write(order: dict[str, Any], encoder: Encoder, tell: int) -> None:
    """Build until killed, or once through if a step was named that is never reached."""
    if "step" in order:
        sys.addaudithook(Killer(order["index"], order["step"], tell))
    try:
        for folder in order["folders"] if "step" in order else itertools.cycle(order["folders"]):
            build_index(Path(folder), Path(order["index"]), model=encoder, rebuild="step" not in order)
    except BaseException as error:  # whatever it is, this copy of the process must not go on
        os.write(tell, f"{type(error).__name__}: {error}".encode()[:100])
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
