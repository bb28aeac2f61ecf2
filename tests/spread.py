"""Run by test_ray_embed in a process of its own: embed on two Ray processes, kill one on the way, build an index.

``python spread.py TEXTS.json DOCUMENTS INDEX VECTORS.npy`` prints the process that was killed, the passages that were
reported, and the passages of the index.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from qa.build import build_index
from qa.embed import load_encoder
from qa.ray_embed import Cluster


def workers() -> list[int]:
    """Return the actors of this process's cluster."""
    parents, found = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if (folder / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                found.append(int(folder.name))
        except OSError:
            continue  # it ended meanwhile

    def ours(pid: int) -> bool:
        while pid > 1 and pid != os.getpid():
            pid = parents.get(pid, 0)
        return pid == os.getpid()

    return [pid for pid in found if ours(pid)]


def main(texts: str, documents: str, index: str, vectors: str) -> None:
    killed: list[int] = []
    steps: list[int] = []

    def step(n: int) -> None:
        steps.append(n)
        if not killed:
            killed.append(workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    encoder = load_encoder()
    with redirect_stdout(sys.stderr), Cluster(processes=2) as cluster:  # Ray tells there that a worker died
        np.save(vectors, cluster(encoder).encode_documents(json.loads(Path(texts).read_text("utf-8")), step))
        built = build_index(documents, index, model=encoder, spread=cluster)
    sys.stdout.write(json.dumps({"killed": killed, "reported": sum(steps), "embedded": built.embedded}))


if __name__ == "__main__":
    main(*sys.argv[1:])
