"""One measurement of :mod:`benchmarks.scale`, in a process of its own: ``build``, ``ask`` or ``bare``; prints JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

WARM = 10


def build(corpus: str, index: str) -> dict[str, Any]:
    """Build or go on building an index."""
    from qa.build import build_index  # noqa: PLC0415

    built = build_index(corpus, index)
    return {
        "documents": built.documents,
        "passages": built.passages,
        "search": built.search,
        "recall": built.recall,
        "memory_mib": _peak(),
    }


def ask(index: str, questions: str) -> dict[str, Any]:
    """Open an index and ask it; the same questions once more with exact search tell what the scan loses."""
    started = time.perf_counter(), time.process_time()
    from qa import Retriever  # noqa: PLC0415

    retriever = Retriever.open(index)
    opened = time.perf_counter() - started[0], time.process_time() - started[1]
    asked = json.loads(Path(questions).read_text("utf-8"))
    generation, encoder = retriever._generation, retriever._encoder
    exact = Retriever(replace(generation, vectors=_Exact(generation.vectors)), encoder)  # type: ignore[arg-type]
    for question in asked[:WARM]:
        retriever.ask(question)
    vectors = [encoder.encode_queries([question]) for question in asked]
    dense = _timed(vectors, lambda vector: generation.vectors.search(vector, 100)[0])
    nearest = _timed(vectors, lambda vector: generation.vectors.search(vector, 100, exact=True)[0])
    fused = _timed(asked, lambda question: retriever.fuse(question, 10))
    right_fused = _timed(asked, lambda question: exact.fuse(question, 10))
    answers = _timed(asked, lambda question: retriever.ask(question, 10))
    right = _timed(asked, lambda question: exact.ask(question, 10))
    return {
        "open_s": opened[0],
        "open_cpu_s": opened[1],
        "memory_mib": _peak(),
        "fuse": _spread(fused[1]),
        "legs": _spread(_timed(asked, retriever.candidates)[1]),
        "ask": _spread(answers[1]),
        "dense": _spread(dense[1]),
        "exact": _spread(nearest[1]),
        "recall_dense": _recall(_rows(dense[0]), _rows(nearest[0])),
        "recall_fused": _recall([_ids(hits) for hits in fused[0]], [_ids(hits) for hits in right_fused[0]]),
        "recall_whole": _recall([_ids(one.hits) for one in answers[0]], [_ids(one.hits) for one in right[0]]),
    }


class _Exact:
    """A vector index that never scans."""

    def __init__(self, vectors: Any) -> None:
        self._vectors = vectors

    def search(self, *arguments: Any) -> Any:
        return self._vectors.search(*arguments, exact=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vectors, name)


def bare(index: str) -> dict[str, Any]:
    """Measure what no program can do without: tokenising, one matrix product a question, writing to the disk."""
    from qa.embed import StaticEncoder, load_encoder  # noqa: PLC0415
    from qa.store import open_generation  # noqa: PLC0415

    opened = open_generation(Path(index))
    encoder = load_encoder()
    assert isinstance(encoder, StaticEncoder)  # noqa: S101
    rows = range(0, len(opened.passages), max(1, len(opened.passages) // 2000))
    texts = [passage.text for passage in opened.passages.at(list(rows))]
    encoder._tokenizer.ids(texts[:1], many=True)
    started = time.process_time()
    encoder._tokenizer.ids(texts, many=True)
    tokenise = (time.process_time() - started) / len(texts)
    n = min(len(opened.passages), 100_000)
    table = np.random.default_rng(0).random((n, encoder.dimension), np.float32)
    products = _timed(list(table[:20]), lambda query: table @ query)[1]
    return {
        "tokenise_us": tokenise * 1e6,
        "product_ms": _spread(products)["cpu_p50"] * len(opened.passages) / n,
        "write_mib_s": _written(Path(index).parent),
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _written(folder: Path) -> float:
    block = os.urandom(2**20)
    with tempfile.TemporaryFile(dir=folder) as file:
        started = time.perf_counter()
        for _ in range(256):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return 256 / (time.perf_counter() - started)


def _timed(values: list[Any], call: Callable[[Any], Any]) -> tuple[list[Any], list[tuple[float, float]]]:
    """Return what each call gives, and its milliseconds by the wall clock and by the processor."""
    results, times = [], []
    for value in values:
        wall, cpu = time.perf_counter(), time.process_time()
        results.append(call(value))
        times.append(((time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3))
    return results, times


def _spread(times: list[tuple[float, float]]) -> dict[str, float]:
    wall, cpu = np.array(times).T
    names = ("p50", "p95", "cpu_p50", "cpu_p95")
    return dict(zip(names, (*np.percentile(wall, [50, 95]), *np.percentile(cpu, [50, 95])), strict=True))


def _rows(found: list[list[tuple[int, float]]]) -> list[list[int]]:
    return [[row for row, _ in one[:10]] for one in found]


def _ids(hits: list[Any]) -> list[str]:
    return [hit.passage.id for hit in hits]


def _recall(found: list[list[Any]], right: list[list[Any]]) -> float:
    return sum(len(set(a) & set(b)) for a, b in zip(found, right, strict=True)) / max(1, sum(map(len, right)))


if __name__ == "__main__":
    print(json.dumps({"build": build, "ask": ask, "bare": bare}[sys.argv[1]](*sys.argv[2:])))
