"""Print times, memory and sizes on the seeds: ``python -m benchmarks.footprint``.

Every figure is the median of several runs of the real program; nothing is asserted.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUESTIONS = (
    "谁主持了大会",
    "協和醫院的大會由誰主持?",
    "Who gave the closing speech?",
    "有多少人参加会议",
    "会议在哪里召开",
)
IMPORT = "import time; t = time.perf_counter(); import qa; print(time.perf_counter() - t)"
OPEN = (
    "import sys, time; t = time.perf_counter(); from qa import Retriever; Retriever.open(sys.argv[1]);"
    " print(time.perf_counter() - t)"
)


def run(*arguments: str) -> tuple[float, float, str]:
    """Run a command; return its seconds, its peak memory in MiB and its output."""
    start = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None  # noqa: S101
    output = process.stdout.read()
    _, status, usage = resource_of(process)
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return time.perf_counter() - start, usage / 1024, output


def resource_of(process: subprocess.Popen[str]) -> tuple[int, int, int]:
    """Wait for a process; return its id, exit status and peak memory in KiB."""
    import os  # noqa: PLC0415

    pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    return pid, status, usage.ru_maxrss


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        index = str(Path(folder, "index"))
        python = [sys.executable]
        build, build_memory, _ = run(*python, "-m", "qa", "index", "seeds", "--index", index)
        asked = [run(*python, "-m", "qa", "ask", QUESTIONS[0], "--json", "--index", index) for _ in range(5)]
        imports = [float(run(*python, "-c", IMPORT)[2]) for _ in range(5)]
        opens = [float(run(*python, "-c", OPEN, index)[2]) for _ in range(5)]
        print(f"model on disk                 {folder_size(ROOT / 'qa' / 'builtin') / 2**20:8.1f} MiB")
        print(f"import qa                     {statistics.median(imports) * 1000:8.1f} ms")
        print(f"first build of the seeds      {build:8.2f} s   {build_memory:6.0f} MiB peak")
        seconds, memory = statistics.median(run[0] for run in asked), max(run[1] for run in asked)
        print(f"qa ask, new process           {seconds:8.2f} s   {memory:6.0f} MiB peak")
        print(f"Retriever.open, new process   {statistics.median(opens):8.2f} s")
        print("warm question                 {:8.1f} ms  p95 {:6.1f} ms".format(*warm(index)))
        print(f"memory of this process        {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MiB")


def warm(index: str) -> tuple[float, float]:
    """Return median and 95th percentile of a question that was asked before, in milliseconds."""
    from qa import Retriever  # noqa: PLC0415

    retriever = Retriever.open(index)
    for question in QUESTIONS:
        retriever.ask(question)
    times = []
    for turn in range(40):
        start = time.perf_counter()
        retriever.ask(QUESTIONS[turn % len(QUESTIONS)])
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), sorted(times)[int(len(times) * 0.95)]


def folder_size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
