"""Measure how the engine grows: ``python -m benchmarks.scale --texts FOLDER [--sizes 1000 10000 …] [--minutes M]``.

For each size a folder of real text is made (:mod:`benchmarks.corpus`), indexed and asked, each in a process of its own.
What was measured stays in ``--work``: run the command again to go on, also in the middle of a build, which is stopped
after ``--minutes``. The table goes to ``benchmarks/SCALE.md``, the plot beside it. Times are those of the wall clock
and of the processor: on a machine that others use too, the latter tells more. OpenBLAS gets one thread there: of
two, one spins while the other waits for its turn.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.corpus import questions, read_texts, write_corpus

HERE = Path(__file__).parent
SIZES = (1_000, 10_000, 100_000, 1_000_000)
Figures = dict[str, Any]


def main() -> None:
    """Measure what is not yet measured, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help="a folder of .txt, .jsonl or .jsonl.xz files")
    parser.add_argument("--work", type=Path, default=HERE / ".cache", help="where corpora, indexes and figures go")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--minutes", type=float, default=10.0, help="stop a build after so long; run again to go on")
    parser.add_argument("--questions", type=int, default=100, help="how many to ask")
    options = parser.parse_args()
    texts = read_texts(options.texts)
    asked = options.work / "questions.json"
    options.work.mkdir(parents=True, exist_ok=True)
    asked.write_text(json.dumps(questions(texts, options.questions), ensure_ascii=False), "utf-8")
    for n in options.sizes:
        corpus, index, kept = (options.work / f"{n}{name}" for name in ("", "-index", ".json"))
        write_corpus(texts, corpus, n)
        figures: Figures = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
        if not figures.get("built"):
            figures = _added(figures, _run("build", corpus, index, minutes=options.minutes))
            kept.write_text(json.dumps(figures, indent=1), "utf-8")
        if not figures.get("built"):
            print(f"{n}: the build was stopped after {options.minutes} minutes; run this again to go on")
            continue
        figures["asked"] = _run("ask", index, asked)["told"]
        figures["bare"] = _run("bare", index)["told"]
        figures["disk_mib"] = sum(path.stat().st_size for path in index.rglob("*") if path.is_file()) / 2**20
        kept.write_text(json.dumps(figures, indent=1), "utf-8")
    measured = {n: json.loads((options.work / f"{n}.json").read_text("utf-8")) for n in _sizes(options.work)}
    table = render(measured)
    print(table)
    page = (HERE / "SCALE.md").read_text("utf-8")
    before, after = page.split("<!-- table -->")[0], page.split("<!-- end -->")[1]
    (HERE / "SCALE.md").write_text(f"{before}<!-- table -->\n{table}\n<!-- end -->{after}", "utf-8")
    plot(measured, HERE / "scale.png")


def _sizes(work: Path) -> list[int]:
    return sorted(int(path.stem) for path in work.glob("*.json") if path.stem.isdigit())


def _added(before: Figures, run: Figures) -> Figures:
    """Add a run to those that it went on from."""
    return {
        "built": run["told"],
        "build_s": before.get("build_s", 0.0) + run["wall_s"],
        "build_cpu_s": before.get("build_cpu_s", 0.0) + run["cpu_s"],
        "peak_mib": max(before.get("peak_mib", 0.0), run["peak_mib"]),
        "runs": before.get("runs", 0) + 1,
    }


def _run(*arguments: str | Path, minutes: float | None = None) -> Figures:
    """Run a measurement in a new process; what it tells is None if it was stopped."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "benchmarks.scale_process", *map(str, arguments)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    )
    try:
        output, _ = process.communicate(timeout=None if minutes is None else minutes * 60)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(output) if output else None
    if told is None and minutes is None:
        sys.exit(f"{' '.join(command)} failed")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = (told or {}).get("memory_mib", after.ru_maxrss / 1024)  # the latter is that of the largest child so far
    return {"told": told, "wall_s": time.perf_counter() - start, "cpu_s": cpu, "peak_mib": peak}


ROWS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("passages", lambda f: f"{f['built']['passages']:,}"),
    ("build, s (processor s)", lambda f: f"{f['build_s']:.0f} ({f['build_cpu_s']:.0f})"),
    ("… µs of processor a passage", lambda f: f"{f['build_cpu_s'] / f['built']['passages'] * 1e6:.0f}"),
    ("… of which bare tokenisation", lambda f: f"{f['bare']['tokenise_us']:.0f}"),
    ("peak memory of the build, MiB", lambda f: f"{f['peak_mib']:.0f}"),
    ("disk, MiB", lambda f: f"{f['disk_mib']:.0f}"),
    ("… writing as much, bare, s", lambda f: f"{f['disk_mib'] / f['bare']['write_mib_s']:.1f}"),
    ("`Retriever.open`, new process, s", lambda f: f"{f['asked']['open_s']:.2f} ({f['asked']['open_cpu_s']:.2f})"),
    ("memory after the questions, MiB", lambda f: f"{f['asked']['memory_mib']:.0f}"),
    ("both legs fused (`fuse`), ms, p50 / p95", lambda f: _spread(f["asked"]["fuse"])),
    ("both legs before ranking, ms, p50 / p95", lambda f: _spread(f["asked"]["legs"])),
    ("`ask`, ms, p50 / p95", lambda f: _spread(f["asked"]["ask"])),
    ("dense leg, ms of processor, p50", lambda f: f"{f['asked']['dense']['cpu_p50']:.1f}"),
    ("… exact, without the scan", lambda f: f"{f['asked']['exact']['cpu_p50']:.1f}"),
    ("… bare float32 matrix product", lambda f: f"{f['bare']['product_ms']:.1f}"),
    ("recall@10 of the dense leg", lambda f: f"{f['asked']['recall_dense']:.3f}"),
    ("recall@10 of both fused", lambda f: f"{f['asked']['recall_fused']:.3f}"),
    ("recall@10 of the whole", lambda f: f"{f['asked']['recall_whole']:.3f}"),
)


def _spread(times: Figures) -> str:
    return "{p50:.0f} / {p95:.0f} ({cpu_p50:.0f} / {cpu_p95:.0f})".format(**times)


def render(figures: dict[int, Figures]) -> str:
    """Return the Markdown table of the sizes that are measured."""
    done = {n: one for n, one in figures.items() if "asked" in one}
    lines = ["| size | " + " | ".join(f"{n:,}" for n in done) + " |", "|---|" + "---|" * len(done)]
    lines += [f"| {name} | " + " | ".join(tell(one) for one in done.values()) + " |" for name, tell in ROWS]
    return "\n".join(lines)


def plot(figures: dict[int, Figures], path: Path) -> None:
    """Draw build time and question time over the size."""
    from matplotlib import pyplot  # noqa: PLC0415

    done = {one["built"]["passages"]: one for one in figures.values() if "asked" in one}
    drawn, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    sizes = list(done)
    left.loglog(sizes, [one["build_cpu_s"] for one in done.values()], "o-", label="processor s")
    left.loglog(sizes, [one["peak_mib"] for one in done.values()], "s--", label="peak memory, MiB")
    left.set_title("build")
    for name in ("ask", "legs", "dense", "exact"):
        right.loglog(sizes, [one["asked"][name]["cpu_p50"] for one in done.values()], "o-", label=name)
    right.set_title("a warm question, ms of processor, median")
    for axes in (left, right):
        axes.set_xlabel("passages")
        axes.legend()
        axes.grid(visible=True, which="both", alpha=0.2)
    drawn.tight_layout()
    drawn.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
