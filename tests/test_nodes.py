"""Two web nodes behind nginx, as docs/scale.md shows them, over one Milvus store."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from servers import free_port, stop, wait_for_port

from qa.stores import publish

ROOT = Path(__file__).parents[1]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@pytest.fixture(scope="module")
def site(
    milvus: str, seeds_index: Path, tmp_path_factory: pytest.TempPathFactory
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
                ports[shown], sys.executable, "app.py", "--port", str(ports[shown]), "--store", store
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
