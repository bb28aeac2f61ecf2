"""Two web nodes behind nginx, as docs/scale.md shows them, over one Milvus store."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from servers import free_port, stop, wait_for_port

from qa.build import build_index
from qa.embed import Encoder
from qa.stores import publish

ROOT = Path(__file__).parents[1]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the nodes share."""
    return tmp_path_factory.mktemp("shared") / "state"


@pytest.fixture(scope="module")
def site(
    milvus: str, seeds_index: Path, state: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, dict[str, subprocess.Popen[bytes]]]]:
    """Start what the documentation shows, on free ports; give nginx's port, and the nodes by their addresses."""
    if NGINX is None:
        pytest.skip("needs nginx: apt-get install nginx-light")
    store = f"{milvus}/nodes"
    publish(seeds_index, store)
    folder = tmp_path_factory.mktemp("nginx")
    ports = {shown: free_port() for shown in (7860, 7861, 7862)}
    text = re.sub(
        r"127\.0\.0\.1:(\d+)", lambda at: f"127.0.0.1:{ports[int(at[1])]}", (ROOT / "docs/nginx.conf").read_text()
    )
    (folder / "nginx.conf").write_text(text)
    with ExitStack() as after, (folder / "log").open("wb") as log:

        def start(port: int, *command: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
            after.callback(stop, process)
            wait_for_port(port, process, 120)
            return process

        nodes = {
            f"127.0.0.1:{ports[shown]}": start(
                ports[shown],
                *(sys.executable, "app.py", "--port", str(ports[shown])),
                *("--store", store, "--state", str(state)),
            )
            for shown in (7861, 7862)
        }
        start(ports[7860], NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"))
        yield ports[7860], nodes


def ask(port: int, visitor: str, question: str) -> tuple[str, dict[str, object]]:
    """Ask through the proxy from one of this machine's own addresses; return the node and its answer."""
    transport = httpx.HTTPTransport(local_address=visitor)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=120) as browser:
        posted = browser.post("/gradio_api/call/ask", json={"data": [question, 3, None]})
        posted.raise_for_status()
        events = browser.get(f"/gradio_api/call/ask/{posted.json()['event_id']}")
        [data] = re.findall(r"event: complete\ndata: (.*)", events.text)
        return posted.headers["x-served-by"], json.loads(data)[0]


def test_visitors_are_spread_over_the_nodes_and_get_the_same_answer(
    site: tuple[int, dict[str, subprocess.Popen[bytes]]],
) -> None:
    port, nodes = site
    answers = [ask(port, f"127.0.0.{n}", "谁主持了大会") for n in range(2, 14)]
    assert {node for node, _ in answers} == set(nodes)
    assert all(answer == answers[0][1] for _, answer in answers)
    assert "柴建军" in str(answers[0][1]["evidence"])
    again = [ask(port, f"127.0.0.{n}", "谁致闭幕词")[0] for n in (2, 3, 4)]
    assert again == [node for node, _ in answers[:3]]


class Browser:
    """A page that one of this machine's own addresses opened through the proxy."""

    def __init__(self, port: int, visitor: str, after: ExitStack) -> None:
        transport = httpx.HTTPTransport(local_address=visitor)
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=120)
        self._client = after.enter_context(client)
        opened = self._client.get("/config")
        self.node = opened.headers["x-served-by"]
        self._events = opened.json()["dependencies"]
        [self._judging] = (one["id"] for one in opened.json()["components"] if one["props"].get("server_fns"))

    def ask(self, question: str, kept: object) -> tuple[str, object]:
        """Ask as the page does; return the answer's HTML and what the browser is to keep."""
        event = next(one["id"] for one in self._events if one["api_name"] == "answer")
        sent = {"data": [{"id": "1", "question": question}, 3, None, "en", kept], "fn_index": event}
        self._client.post("/gradio_api/queue/join", json={**sent, "session_hash": self.node}).raise_for_status()
        told = self._client.get("/gradio_api/queue/data", params={"session_hash": self.node})
        messages = [json.loads(line.removeprefix("data: ")) for line in told.text.splitlines() if line]
        shown, kept = next(one for one in messages if one["msg"] == "process_completed")["output"]["data"]
        return shown["reply"], kept

    def judge(self, question: str) -> None:
        """Say that nothing answers a question."""
        said = {"question": question, "verdict": "declined", "language": "en"}
        sent = {"data": said, "component_id": self._judging, "fn_name": "judge", "session_hash": self.node}
        refused = self._client.post("/gradio_api/component_server", json=sent)
        assert (refused.status_code, refused.text) == (200, '""')


def test_a_conversation_goes_on_at_another_node_and_feedback_from_both_is_in_one_file(
    site: tuple[int, dict[str, subprocess.Popen[bytes]]], state: Path
) -> None:
    port, nodes = site
    with ExitStack() as after:
        opened = [Browser(port, f"127.0.0.{n}", after) for n in range(2, 14)]
        first, second = (next(page for page in opened if page.node == node) for node in nodes)
        _, kept = first.ask("谁主持了大会", None)
        shown, _ = second.ask("协和的呢?", kept)
        first.judge("甲问")
        second.judge("乙问")
    assert '<span class="wd-whole">协和，谁主持了大会</span>' in shown
    assert "柴建军" in shown
    rows = [json.loads(line) for line in (state / "index.feedback.jsonl").read_text("utf-8").splitlines()]
    assert {row["question"] for row in rows} == {"甲问", "乙问"}


def test_what_is_published_reaches_nodes_that_are_running(
    site: tuple[int, dict[str, subprocess.Popen[bytes]]], milvus: str, tmp_path: Path, encoder: Encoder
) -> None:
    _, nodes = site
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.txt").write_text("会议由柴建军主持。", "utf-8")
    generation = build_index(tmp_path / "documents", tmp_path / "index", model=encoder).generation

    def served() -> set[str]:
        return {httpx.get(f"http://{node}/ready", trust_env=False).json()["generation"] for node in nodes}

    assert generation not in served()
    publish(tmp_path / "index", f"{milvus}/nodes")
    deadline = time.monotonic() + 60
    while served() != {generation} and time.monotonic() < deadline:
        time.sleep(0.2)
    assert served() == {generation}


def test_when_a_node_dies_its_visitors_are_served_by_the_other(
    site: tuple[int, dict[str, subprocess.Popen[bytes]]],
) -> None:
    port, nodes = site
    dead, left = nodes
    nodes[dead].kill()
    nodes[dead].wait()
    answers = [ask(port, f"127.0.0.{n}", "谁主持了大会") for n in range(2, 14)]
    assert all(node.endswith(left) for node, _ in answers)
    assert all("柴建军" in str(answer["evidence"]) for _, answer in answers)
