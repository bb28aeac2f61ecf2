"""Ask as many people at once: ``python -m benchmarks.load [--users 50] [--questions 20] [--same]``.

Starts ``app.py`` on the seeds as its own process, times it from its start until it is ready, and then lets every user
ask one question of ``questions/seeds.jsonl`` after another through the queue, as the page does. Prints times, errors,
the server's work and memory.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx

ROOT = Path(__file__).parents[1]
# Their number is larger than what the chat remembers, so that every question is answered anew.
QUESTIONS = tuple(
    str(json.loads(line)["question"]) for line in (ROOT / "questions/seeds.jsonl").read_text("utf-8").splitlines()
)


@click.command()
@click.option("--users", default=50, show_default=True, help="How many ask at once.")
@click.option("--questions", default=20, show_default=True, help="How many each asks, one after the other.")
@click.option("--rounds", default=3, show_default=True, help="How often all of it is repeated, to see memory settle.")
@click.option("--same", is_flag=True, help="Everybody asks the same questions, each in another order.")
@click.option("--index", help="An index folder. [default: one of the seeds, built first]")
def main(users: int, questions: int, rounds: int, same: bool, index: str | None) -> None:
    """Print what so many users at once meet."""
    rng = random.Random(0)
    shuffled = rng.sample(QUESTIONS, len(QUESTIONS))
    asked = itertools.cycle(shuffled)
    with tempfile.TemporaryDirectory() as folder:
        if index is None:
            index = str(Path(folder, "index"))
            subprocess.run([sys.executable, "-m", "qa", "index", "seeds", "--index", index], cwd=ROOT, check=True)
        with served(index) as (address, process, ready):
            print(f"start to ready  {ready:6.2f} s")
            print(f"memory at start {resident(process):6.0f} MiB")
            for number in range(1, rounds + 1):
                start, worked = time.perf_counter(), processor(process)
                # What is not the same is handed out in turn, so that a question comes again only when it is forgotten.
                each: list[Iterable[str]] = [
                    rng.sample(shuffled[:questions], questions) if same else itertools.islice(asked, questions)
                    for _ in range(users)
                ]
                times, errors = asyncio.run(crowd(address, each))
                took, worked = time.perf_counter() - start, processor(process) - worked
                ordered = sorted(times)
                print(
                    f"round {number}: {len(times)} answers, {len(errors)} errors in {took:.1f} s "
                    f"({len(times) / took:.0f} a second); "
                    f"p50 {statistics.median(ordered):.2f} s, p95 {ordered[int(len(ordered) * 0.95)]:.2f} s, "
                    f"slowest {ordered[-1]:.2f} s; server {worked / len(times) * 1000:.0f} ms of processor an answer; "
                    f"memory {resident(process):.0f} MiB"
                )
                for error in errors[:3]:
                    print(f"  {error}")


@contextmanager
def served(index: str) -> Iterator[tuple[str, int, float]]:
    """Run ``app.py`` for as long as the ``with`` block lasts; gives its address, process id and seconds to ready."""
    start = time.perf_counter()
    command = [sys.executable, str(ROOT / "app.py"), "--port", "0", "--index", index]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None  # noqa: S101
            address = next(line for line in process.stderr if line.startswith("Open ")).split()[1]
            while not is_ready(address):
                time.sleep(0.02)
            yield address, process.pid, time.perf_counter() - start
        finally:
            process.terminate()


def is_ready(address: str) -> bool:
    """Tell whether a server says that it is ready."""
    try:
        return httpx.get(address + "ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def resident(process: int) -> float:
    """Return the memory that a process holds, in MiB."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def processor(process: int) -> float:
    """Return the seconds that all of a process's threads have computed, which other processes do not lengthen much."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def crowd(address: str, each: Sequence[Iterable[str]]) -> tuple[list[float], list[str]]:
    """Let users ask their questions at once, one after the other; return the seconds of each answer, and the errors."""
    # Connections are given up before the server does so, five seconds after their last use.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=len(each), keepalive_expiry=2)
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60, limits=limits) as client:
        page = Page(client, (await client.get("config")).json())

        async def visit(questions: Iterable[str]) -> list[float | str]:
            visitor = Visitor(page)
            return [await visitor.ask(question) for question in questions]

        outcomes = [one for visitor in await asyncio.gather(*map(visit, each)) for one in visitor]
    return [one for one in outcomes if isinstance(one, float)], [one for one in outcomes if isinstance(one, str)]


class Page:
    """What the page knows of the server: the event that answers, and what its components hold at first."""

    def __init__(self, client: httpx.AsyncClient, config: dict[str, Any]) -> None:
        self.client = client
        self.event = next(one for one in config["dependencies"] if one["api_name"] == "answer")
        self.held = {one["id"]: one["props"].get("value") for one in config["components"]}


class Visitor:
    """One browser: it keeps its conversation, as the page does."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = uuid.uuid4().hex
        self._held = dict(page.held)

    async def ask(self, question: str) -> float | str:
        """Ask through the queue; return the seconds until the answer is there, or what went wrong."""
        event, client, start = self._page.event, self._page.client, time.perf_counter()
        name = uuid.uuid4().hex
        data = [{"id": name, "question": question}, *(self._held[one] for one in event["inputs"][1:])]
        sent = {"data": data, "fn_index": event["id"], "session_hash": self._session}
        try:
            joined = await client.post("gradio_api/queue/join", json=sent)
            if joined.status_code != 200:
                return f"{joined.status_code} {joined.text[:200]}"
            told = await client.get("gradio_api/queue/data", params={"session_hash": self._session})
        except httpx.HTTPError as error:
            return repr(error)
        took = time.perf_counter() - start
        messages = [json.loads(line.removeprefix("data: ")) for line in told.text.splitlines() if line]
        done = next((one for one in messages if one["msg"] == "process_completed"), None)
        if done is None or not done["success"]:
            return told.text[-200:]
        self._held.update(zip(event["outputs"], done["output"]["data"], strict=True))
        reply = done["output"]["data"][0]
        right = reply["id"] == name and "wd-turn" in reply["reply"] and "wd-notice" not in reply["reply"]
        return took if right else f"another answer: {reply}"


if __name__ == "__main__":
    main()
