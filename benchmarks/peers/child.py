"""One system in its own process: ``python -m benchmarks.peers.child SYSTEM PASSAGES``; orders come as lines of JSON.

``build`` → seconds and memory; ``time`` (mode, questions, k) → milliseconds each; ``rank`` → rankings. PASSAGES is a
JSON file. The first line that it writes says that it is ready to take passages.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

for name, value in {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2", "HAYSTACK_TELEMETRY_ENABLED": "False"}.items():
    os.environ.setdefault(name, value)

from benchmarks.peers.systems import SYSTEMS, System  # noqa: E402  (libraries read the settings when they load)

PACKAGES = (
    "faiss-cpu",
    "sentence-transformers",
    "txtai",
    "langchain-community",
    "rank-bm25",
    "llama-index-core",
    "llama-index-retrievers-bm25",
    "haystack-ai",
)


def main() -> None:
    """Obey until the input ends. What libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    system = SYSTEMS[sys.argv[1]]()
    passages = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    ready = {"modes": list(system.modes), "memory": _memory("VmRSS"), "versions": _versions()}
    print(json.dumps(ready), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_obey(system, passages, json.loads(line))), file=answers, flush=True)


def _obey(system: System, passages: list[str], order: dict[str, Any]) -> Any:
    if order["do"] == "build":
        start, spent = time.perf_counter(), time.process_time()
        system.build(passages)
        seconds, spent = time.perf_counter() - start, time.process_time() - spent
        return {"seconds": seconds, "processor": spent, "memory": _memory("VmRSS"), "peak": _memory("VmHWM")}
    mode, k, found, times = order["mode"], order["k"], [], []
    for question in order["questions"]:
        start = time.perf_counter()
        found.append(system.search(question, k, mode))
        times.append((time.perf_counter() - start) * 1000)
    return found if order["do"] == "rank" else times


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _memory(name: str) -> float:
    """Return a figure of this process's memory in MiB, as Linux tells it."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
