"""Writers killed at any moment, disks that are full or read-only, many processes at once."""

from __future__ import annotations

import atexit
import errno
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.faults.trial import (
    AFTER,
    BEFORE,
    QUESTIONS,
    RIGHT,
    TOLD,
    WRONG,
    Fault,
    Outcome,
    answers,
    collection,
    encoder,
    expected,
    judge,
    rebuilt,
    worst,
)
from qa.build import build_index
from qa.errors import IndexLocked, IndexMissing
from qa.search import Retriever

_WRITERS, _READERS = 3, 6
_CROWD_SECONDS = 5
_KEPT = 2  # generations, the one in use among them


def kill_at_step(n: int, folder: Path) -> Outcome:
    """Kill a writer at its n-th step on files: the old index or the new one answers; in every fourth round build again.

    The writer builds whichever version the index does not hold, and there is a generation to prune.
    """
    both = {version: expected(folder, version) for version in (BEFORE, AFTER)}
    index = folder / "stepped"
    for version in () if index.exists() else (BEFORE, AFTER):
        build_index(collection(folder, version), index, model=encoder())
    other = BEFORE if answers(index) == both[AFTER] else AFTER
    died = _kill(index, [collection(folder, other)], step=n + 1)
    outcome = _only_right([judge(lambda: answers(index), both.values() if died["killed"] else [both[other]])])
    if n % 4 == 3:
        again = [judge(lambda: rebuilt(folder, BEFORE, index), [both[BEFORE]])]
        again.append(judge(lambda: rebuilt(folder, AFTER, index), [both[AFTER]]))  # one that has something to do
        outcome = worst([outcome, _only_right(again)])
        left = sorted(path.name for path in (index / "generations").iterdir())
        if len(left) > _KEPT or any(name.startswith(".") for name in left):
            outcome = Outcome(WRONG, f"left behind: {left}")
    return Outcome(outcome.verdict, f"{died['step'] or 'not reached'} {outcome.detail}".strip())


def kill_first_build(n: int, folder: Path) -> Outcome:
    """Kill the first build of an index at its n-th step: there is no index or a whole one; then build again."""
    after = expected(folder, AFTER)
    index = folder / f"first-{n}"
    died = _kill(index, [collection(folder, AFTER)], step=n + 1)
    opened = judge(lambda: answers(index), [after])
    missing = opened == Outcome(TOLD, IndexMissing.__name__) and died["killed"]
    outcome = _only_right([judge(lambda: rebuilt(folder, AFTER, index), [after])] if missing else [opened])
    shutil.rmtree(index)
    return Outcome(outcome.verdict, f"{died['step'] or 'not reached'} {outcome.detail}".strip())


def kill_at_random(n: int, folder: Path) -> Outcome:
    """Kill a writer that builds without end at a random moment, while a reader holds the generation from before."""
    both = [expected(folder, BEFORE), expected(folder, AFTER)]
    index = folder / "killed"
    if not (index / "current").exists():
        build_index(collection(folder, BEFORE), index, model=encoder())
    reader = Retriever.open(index, encoder=encoder())
    said = reader.ask(QUESTIONS[0])
    died = _kill(index, [collection(folder, AFTER), collection(folder, BEFORE)], seconds=random.Random(n).uniform(0, 1))
    held = judge(lambda: reader.ask(QUESTIONS[0]), [said])
    reader.passages.close()
    opened = judge(lambda: answers(index), both)
    rounds = [held, opened, *([judge(lambda: rebuilt(folder, AFTER, index), both[1:])] if n % 10 == 9 else [])]
    outcome = _only_right(rounds)
    return Outcome(outcome.verdict, outcome.detail) if died["killed"] else Outcome(WRONG, f"not killed: {died['step']}")


@cache
def _victims() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.faults.victim"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    return process


def _kill(index: Path, folders: list[Path], **when: float) -> dict[str, Any]:
    """Let a writer start and die; see :mod:`benchmarks.faults.victim`."""
    victims = _victims()
    assert victims.stdin is not None  # noqa: S101
    assert victims.stdout is not None  # noqa: S101
    victims.stdin.write(
        json.dumps({"index": str(index), "folders": [str(folder) for folder in folders], **when}) + "\n"
    )
    victims.stdin.flush()
    died: dict[str, Any] = json.loads(victims.stdout.readline())
    return died


def _only_right(outcomes: list[Outcome]) -> Outcome:
    """Where nothing was damaged an error is wrong too."""
    outcome = worst(outcomes)
    return Outcome(WRONG, f"refused: {outcome.detail}") if outcome.verdict == TOLD else outcome


def full_disk(n: int, folder: Path) -> Outcome:
    """Let no file grow beyond a limit while an index is brought up to date."""
    before, after = expected(folder, BEFORE), expected(folder, AFTER)
    index = folder / f"limited-{n}"
    shutil.copytree(folder / f"sound-{BEFORE}", index)
    most = max(path.stat().st_size for path in index.rglob("*"))
    limit = random.Random(n).randrange(most + 1)
    process = _update(folder, index, preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    outcome = _ended(process, folder, index, before, after)
    shutil.rmtree(index)
    return Outcome(outcome.verdict, f"{limit} bytes: {outcome.detail}")


def full_tmpfs(n: int, folder: Path) -> Outcome:
    """Bring an index up to date on a disk of a random size; needs the right to mount one."""
    before, after = expected(folder, BEFORE), expected(folder, AFTER)
    sound = folder / f"sound-{BEFORE}"
    used = sum(-(-path.stat().st_size // 4096) * 4096 for path in sound.rglob("*") if path.is_file())
    disk = folder / f"disk-{n}"
    disk.mkdir()
    size = used + random.Random(n).randrange(int(used * 1.1))
    if not _mounted(disk, size):
        return Outcome(TOLD, "not tried: no right to mount a disk")
    try:
        index = disk / "index"
        shutil.copytree(sound, index)
        outcome = _ended(_update(folder, index), folder, index, before, after, more_room=disk)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    return Outcome(outcome.verdict, f"{size} bytes: {outcome.detail}")


def read_only(n: int, folder: Path) -> Outcome:
    """Ask and index where nothing can be written: the first answers, the second says why not."""
    before = expected(folder, BEFORE)
    disk = folder / f"disk-{n}"
    disk.mkdir()
    if not _mounted(disk, 64 << 20):
        return Outcome(TOLD, "not tried: no right to mount a disk")
    try:
        index = disk / "index"
        shutil.copytree(folder / f"sound-{BEFORE}", index)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        asked = _only_right([judge(lambda: answers(index), [before])])
        process = _update(folder, index)
        return worst([asked, _told(process)]) if asked.verdict != WRONG else asked
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _mounted(disk: Path, size: int) -> bool:
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _update(folder: Path, index: Path, preexec: object = None) -> subprocess.CompletedProcess[str]:
    """Run ``qa index`` on the newer documents."""
    command = [sys.executable, "-m", "qa", "index", str(collection(folder, AFTER)), "--index", str(index)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, preexec_fn=preexec)  # type: ignore[call-overload,no-any-return]


def _told(process: subprocess.CompletedProcess[str]) -> Outcome:
    """Judge what ``qa index`` printed: one line of a ``QAError``, or success."""
    if process.returncode == 0:
        return Outcome(RIGHT)
    lines = process.stderr.strip().splitlines()
    if process.returncode == 1 and len(lines) == 1 and "Traceback" not in process.stderr:
        return Outcome(TOLD, lines[0].split(":", 1)[0])
    return Outcome(WRONG, f"exit {process.returncode}: {process.stderr[-300:]}")


def _ended(
    process: subprocess.CompletedProcess[str],
    folder: Path,
    index: Path,
    before: str,
    after: str,
    more_room: Path | None = None,
) -> Outcome:
    told = _told(process)
    opened = _only_right([judge(lambda: answers(index), [after if process.returncode == 0 else before])])
    if more_room is not None:
        subprocess.run(["mount", "-o", "remount,size=64m", str(more_room)], check=True)
    again = _only_right([judge(lambda: rebuilt(folder, AFTER, index), [after])])
    return worst([outcome for outcome in (opened, again, told) if outcome.verdict == WRONG] or [told])


def crowd(n: int, folder: Path) -> Outcome:
    """Let writers and readers loose on one index: every reader gets one version or the other, whole."""
    index = folder / f"crowd-{n}"
    (folder / "expected.json").write_text(json.dumps([expected(folder, version) for version in (BEFORE, AFTER)]))
    build_index(collection(folder, BEFORE), index, model=encoder())
    command = [sys.executable, "-m", "benchmarks.faults.kills"]
    roles = ["write"] * _WRITERS + ["read"] * _READERS
    processes = [
        subprocess.Popen([*command, role, str(folder), str(index), str(n)], stdout=subprocess.PIPE, text=True)
        for role in roles
    ]
    said = [process.communicate(timeout=600)[0].strip() for process in processes]
    shutil.rmtree(index)
    bad = [line or f"{role} died" for role, line, p in zip(roles, said, processes, strict=True) if p.returncode]
    if bad:
        return Outcome(WRONG, "; ".join(bad)[:600])
    counts = [
        sum(int(line) for role, line in zip(roles, said, strict=True) if role == kind) for kind in ("write", "read")
    ]
    return Outcome(RIGHT, f"{counts[0]} builds, {counts[1]} readings")


def _one_of_the_crowd(role: str, folder: Path, index: Path) -> int:
    """Write or read for some seconds; print how often, or what went wrong."""
    both = json.loads((folder / "expected.json").read_text())
    done, own = 0, random.Random(os.getpid())
    encoder()
    until = time.monotonic() + _CROWD_SECONDS
    while time.monotonic() < until:
        if role == "write":
            version = own.choice((BEFORE, AFTER))
            with suppress(IndexLocked):
                build_index(collection(folder, version), index, model=encoder())
                done += 1
            continue
        outcome = _only_right([judge(lambda: answers(index), both)])
        if outcome.verdict == WRONG:
            print(outcome.detail)
            return errno.EIO
        done += 1
    print(done)
    return 0


FAULTS = (
    Fault("kill -9 at each step of an update", kill_at_step, 80, 3),
    Fault("kill -9 at each step of a first build", kill_first_build, 60, 1),
    Fault("kill -9 at random moments", kill_at_random, 200, 2),
    Fault("no room for a file (RLIMIT_FSIZE)", full_disk, 60, 2),
    Fault("a full disk (tmpfs)", full_tmpfs, 40, 1),
    Fault("a read-only disk", read_only, 3, 1),
    Fault("3 writers and 6 readers at once", crowd, 5, 1),
)

if __name__ == "__main__":
    sys.exit(_one_of_the_crowd(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
