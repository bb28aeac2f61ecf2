"""Embed texts with one Ray process and with two, in turns; print passages a second and the ratio.

Run: ``python -m benchmarks.ray_speed [--texts N] [--turns N]``. Starting processes and loading models is left out: the
clock runs from the block that each actor brings first to the last of all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

from qa.embed import load_encoder
from qa.ray_embed import Cluster


def rate(texts: list[str], processes: int) -> float:
    """Return passages a second, from the first block that comes back to the last."""
    encoder = load_encoder()
    came: list[tuple[float, int]] = []
    with Cluster(processes=processes) as cluster:
        for rows, _ in cluster.embed(texts, encoder.name, encoder.fingerprint):
            came.append((time.perf_counter(), len(rows)))
    first = processes  # each actor's first block waits for its model
    return sum(n for _, n in came[first:]) / (came[-1][0] - came[first - 1][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    paragraph = "第{n}次大会由{m}号同志主持,与会人员认真听取了工作报告,并就下一阶段的重点任务进行了深入讨论。"
    texts = [paragraph.format(n=n, m=n % 97) * 5 for n in range(options.texts)]
    ratios = []
    for turn in range(options.turns):
        one, two = rate(texts, 1), rate(texts, 2)
        ratios.append(two / one)
        print(f"turn {turn + 1}: {one:,.0f} passages/s with one process, {two:,.0f} with two: {two / one:.2f} times")
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    load = os.getloadavg()[0]
    print(f"median {statistics.median(ratios):.2f} times ({spread}); {os.cpu_count()} cores, load {load:.1f}")


if __name__ == "__main__":
    main()
