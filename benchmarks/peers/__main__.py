"""Measure this program beside others and print tables: ``python -m benchmarks.peers --questions SET --texts FOLDER``.

Each system runs in its own process; rounds of building and of asking go from one to the next, so that whatever else
the machine does meets all of them alike. ``--python`` names the interpreter of an environment with ``wenda[bench]``.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.systems import DENSE, HYBRID, LEXICAL, MODEL, SYSTEMS, WHOLE
from qa.embed import load_encoder
from qa.questions import read_questions
from qa.records import QuestionSet

K = 10
PASSAGE = 250  # characters


class Child:
    """A system in its own process."""

    def __init__(self, name: str, python: str, passages: Path) -> None:
        start = time.perf_counter()
        self.name = name
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.peers.child", name, str(passages)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        said = self._hear()
        self.start, self.modes, self.memory = time.perf_counter() - start, said["modes"], said["memory"]
        self.versions: dict[str, str] = said["versions"]

    def do(self, order: str, **details: Any) -> Any:
        """Give an order and return what came of it."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(json.dumps({"do": order, **details}) + "\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with {self._process.wait()}; run benchmarks.peers.child to see why")
        return json.loads(line)

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument(
        "--questions", type=Path, required=True, help="a SQuAD file or BEIR folder: passages and labels"
    )
    parser.add_argument("--texts", type=Path, required=True, help="a folder of .txt, .jsonl, .jsonl.xz: more passages")
    parser.add_argument("--passages", type=int, default=20_000, help="how many passages in all")
    parser.add_argument("--sample", type=int, default=300, help="how many questions to measure quality on")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of timing; a third of them also build")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the systems' processes")
    parser.add_argument("--only", nargs="*", default=list(SYSTEMS), help="names of systems")
    parser.add_argument("--json", type=Path, help="also write all figures here")
    options = parser.parse_args()
    questions = read_questions(options.questions)
    passages = [document.text for document in questions.documents]
    passages += list(_filler(options.texts, options.passages - len(passages), set(passages)))
    with tempfile.TemporaryDirectory(prefix="qa-peers-") as folder:
        file = Path(folder, "passages.json")
        file.write_text(json.dumps(passages), "utf-8")
        children = [Child(name, options.python, file) for name in options.only]
        versions = children[0].versions
        figures = _measure(children, questions, options.rounds, options.sample)
        for child in children:
            child.close()
    limits = _limits(passages, options.rounds)
    if options.json:
        told = {"versions": versions, "figures": figures, "limits": limits}
        options.json.write_text(json.dumps(told, indent=1), "utf-8")
    print("\n".join(_report(figures, limits, len(passages), options.rounds, versions)))


def _filler(folder: Path, n: int, taken: set[str]) -> Iterator[str]:
    """Give n passages of running text that the question set does not hold."""
    for path in sorted(folder.rglob("*")):
        for text in _texts(path):
            for start in range(0, len(text), PASSAGE):
                passage = text[start : start + PASSAGE].strip()
                if n <= 0:
                    return
                if len(passage) > PASSAGE // 2 and passage not in taken:
                    taken.add(passage)
                    n -= 1
                    yield passage


def _texts(path: Path) -> Iterator[str]:
    if path.suffix == ".txt":
        yield path.read_text("utf-8")
    elif path.name.endswith((".jsonl", ".jsonl.xz")):
        with (lzma.open if path.suffix == ".xz" else open)(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield str(json.loads(line).get("text", ""))


def _measure(children: Sequence[Child], questions: QuestionSet, rounds: int, sample: int) -> dict[str, dict[str, Any]]:
    chosen = [question for question in questions.questions if question.id in questions.relevance]
    chosen = random.Random(0).sample(chosen, min(sample, len(chosen)))
    wordings = [question.text for question in chosen]
    number = {document.id: n for n, document in enumerate(questions.documents)}
    right = [{number[name] for name, grade in questions.relevance[q.id].items() if grade > 0} for q in chosen]
    built: dict[str, list[dict[str, float]]] = {child.name: [] for child in children}
    times: dict[tuple[str, str], list[list[float]]] = {(c.name, mode): [] for c in children for mode in c.modes}
    asked = 0
    for number_of_round in range(rounds):
        for child in children:
            if number_of_round % 3 == 0:
                built[child.name].append(child.do("build"))
        some = [wordings[(asked + n) % len(wordings)] for n in range(20)]
        asked += len(some)
        for mode in (DENSE, LEXICAL, HYBRID, WHOLE):
            for child in children:
                if mode in child.modes:
                    warm = () if number_of_round else child.do("time", mode=mode, questions=wordings[-3:], k=K)
                    del warm
                    times[child.name, mode].append(child.do("time", mode=mode, questions=some, k=K))
        print(f"round {number_of_round + 1} of {rounds}", file=sys.stderr, flush=True)
    quality = {
        (child.name, mode): _success(child.do("rank", mode=mode, questions=wordings, k=K), right)
        for child in children
        for mode in child.modes
    }
    return {
        child.name: {
            "start": child.start,
            "build": [item["seconds"] for item in built[child.name]],
            "processor": [item["processor"] for item in built[child.name]],
            "memory": built[child.name][0]["peak"],
            "own memory": built[child.name][0]["memory"] - child.memory,
            "modes": {
                mode: {"times": times[child.name, mode], "success": quality[child.name, mode]} for mode in child.modes
            },
        }
        for child in children
    }


def _success(rankings: Sequence[Sequence[int]], right: Sequence[set[int]]) -> tuple[float, float]:
    at = [[bool(set(ranking[:k]) & wanted) for ranking, wanted in zip(rankings, right, strict=True)] for k in (1, K)]
    return statistics.mean(at[0]), statistics.mean(at[1])


def _limits(passages: Sequence[str], rounds: int) -> dict[str, float]:
    """Return the medians of the bare work that no system can do without, in seconds (the product: in milliseconds)."""
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_file(str(Path(MODEL, "0_StaticEmbedding", "tokenizer.json")))
    vectors = np.random.default_rng(0).standard_normal((len(passages), load_encoder().dimension), np.float32)
    texts = "\n".join(passages).encode()
    found: dict[str, list[float]] = {"product": [], "tokenise": [], "write": []}
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(20):
            vectors @ vectors[0]
        found["product"].append((time.perf_counter() - start) * 1000 / 20)
        start = time.perf_counter()
        tokenizer.encode_batch_fast(list(passages), add_special_tokens=False)
        found["tokenise"].append(time.perf_counter() - start)
        with tempfile.TemporaryFile() as file:
            start = time.perf_counter()
            file.write(vectors.tobytes() + texts)
            file.flush()
            os.fsync(file.fileno())
            found["write"].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in found.items()}


def _report(
    figures: dict[str, dict[str, Any]], limits: dict[str, float], n: int, rounds: int, versions: Mapping[str, str]
) -> Iterator[str]:
    """Give the lines of the tables, in Markdown."""
    names = ", ".join(" ".join(pair) for pair in versions.items())
    yield f"{n} passages, {rounds} interleaved rounds, {len(os.sched_getaffinity(0))} core(s); {names}."
    yield "\n| system | ready | passages/s | in proportion to the first | of processor | peak memory | of the index |"
    yield "|---|---|---|---|---|---|---|"
    ours = next(iter(figures.values()))["build"]
    for name, own in figures.items():
        rate, spent = n / statistics.median(own["build"]), n / statistics.median(own["processor"])
        ratio = statistics.median(first / seconds for first, seconds in zip(ours, own["build"], strict=True))
        memory = f"{own['memory']:.0f} MiB | {own['own memory']:.0f} MiB"
        yield f"| {name} | {own['start']:.1f} s | {rate:,.0f} | {ratio:.2f} | {spent:,.0f} | {memory} |"
    for mode in (DENSE, LEXICAL, HYBRID, WHOLE):
        yield f"\n| {mode} | p50 | p95 | p50 in proportion to the first | success@1 | success@10 |"
        yield "|---|---|---|---|---|---|"
        first: list[float] = []
        for name, own in figures.items():
            if mode in own["modes"]:
                medians = [statistics.median(times) for times in own["modes"][mode]["times"]]
                first = first or medians
                times = [value for times in own["modes"][mode]["times"] for value in times]
                ratio = statistics.median(mine / theirs for mine, theirs in zip(medians, first, strict=True))
                one, ten = own["modes"][mode]["success"]
                p50, p95 = np.percentile(times, [50, 95])
                yield f"| {name} | {p50:.1f} ms | {p95:.1f} ms | {ratio:.2f} | {one:.3f} | {ten:.3f} |"
    yield (
        f"\nThe bare work: all vectors times one question {limits['product']:.2f} ms; tokenising all passages "
        f"{n / limits['tokenise']:,.0f} passages/s; writing vectors and texts to disk with fsync "
        f"{limits['write']:.2f} s."
    )


if __name__ == "__main__":
    main()
