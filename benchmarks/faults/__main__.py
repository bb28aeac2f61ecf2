"""Try every fault and print the table: ``python -m benchmarks.faults [--state FILE] [--only TEXT] [--rounds N]``.

Rounds run one at a time in a child process, which is replaced when it dies or hangs. Each is noted in the state file
as it ends, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults import damage, fuzz, hostile, kills
from benchmarks.faults.trial import RIGHT, TOLD, WRONG, Fault

FAULTS: tuple[Fault, ...] = (*kills.FAULTS, *damage.FAULTS, *hostile.FAULTS, *fuzz.FAULTS)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("faults.jsonl"), help="where rounds are noted")
    parser.add_argument("--only", default="", help="faults whose name holds this text")
    parser.add_argument("--rounds", type=int, help="most rounds of each fault")
    parser.add_argument("--table", action="store_true", help="print the table of what was run, and run nothing")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _run_rounds(options.child[0], [int(n) for n in options.child[1].split(",")], Path(options.child[2]))
        return
    chosen = [fault for fault in FAULTS if options.only in fault.name]
    for fault in () if options.table else chosen:
        _try_all(fault, min(options.rounds or fault.rounds, fault.rounds), options.state)
    print("\n".join(table(read_state(options.state))))


def _run_rounds(name: str, rounds: list[int], folder: Path) -> None:
    """Run rounds of one fault and print an outcome a line: what the child process does."""
    fault = next(fault for fault in FAULTS if fault.name == name)
    for n in rounds:
        start = time.perf_counter()
        outcome = fault.run(n, folder)
        seconds = round(time.perf_counter() - start, 2)
        row = {"fault": name, "round": n, "verdict": outcome.verdict, "detail": outcome.detail, "seconds": seconds}
        print(json.dumps(row), flush=True)


def _try_all(fault: Fault, rounds: int, state: Path) -> None:
    done = {row["round"] for row in read_state(state) if row["fault"] == fault.name}
    left = [n for n in range(rounds) if n not in done]
    while left:
        for row in _in_child(fault, tuple(left)):
            left.remove(row["round"])
            with state.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=True) + "\n")
            if row["verdict"] == WRONG:
                print(f"{fault.name}, round {row['round']}: {row['detail']}", file=sys.stderr, flush=True)


def _in_child(fault: Fault, rounds: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Give the outcomes of rounds until they end or one kills or hangs the child; that one counts as wrong."""
    with tempfile.TemporaryDirectory(prefix="qa-faults-") as folder, tempfile.TemporaryFile() as errors:
        numbers = ",".join(map(str, rounds))
        command = [sys.executable, "-m", "benchmarks.faults", "--child", fault.name, numbers, folder]
        one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads that wait for each other hate company
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, bufsize=0, env={**os.environ, **one})
        assert process.stdout is not None  # noqa: S101
        for n in rounds:
            line = _line_within(process, fault.limit)
            if not line:
                ended = process.poll() is not None
                process.kill()
                process.wait()
                errors.seek(0)
                said = errors.read().decode("utf-8", "replace")[-500:]
                detail = f"exit {process.returncode}: {said}" if ended else f"hangs: over {fault.limit} s"
                yield {"fault": fault.name, "round": n, "verdict": WRONG, "detail": detail, "seconds": fault.limit}
                return
            yield json.loads(line)
        process.wait()


def _line_within(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """Return the next line, or nothing if it does not come in time or the process ends."""
    assert process.stdout is not None  # noqa: S101
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else b""


def read_state(path: Path) -> list[dict[str, Any]]:
    """Return the rounds noted so far."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Give the lines of the table, in Markdown."""
    found = list(rows)
    yield "| fault | rounds | as if nothing had happened | told in one line | wrong, crash or hang | longest round |"
    yield "|---|---|---|---|---|---|"
    for fault in FAULTS:
        own = [row for row in found if row["fault"] == fault.name]
        counts = [sum(row["verdict"] == verdict for row in own) for verdict in (RIGHT, TOLD, WRONG)]
        if own:
            longest = max(row["seconds"] for row in own)
            yield f"| {fault.name} | {len(own)} | {counts[0]} | {counts[1]} | {counts[2]} | {longest:.1f} s |"


if __name__ == "__main__":
    main()
