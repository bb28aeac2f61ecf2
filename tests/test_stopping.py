from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from test_app import start

from qa.stopping import PatientServer, Underway

QUESTION = "谁主持了大会"


# --- a small application, where every moment is known


class Slow:
    """An application that answers when it is let go; ``/gradio_api/heartbeat/…`` sends until it is cancelled."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = threading.Semaphore(0)
        self.cancelled = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
        self.entered.release()
        try:
            while not self.go.is_set() or "heartbeat" in scope["path"]:
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await send({"type": "http.response.body", "body": b"and finished"})


class Served:
    def __init__(self, seconds: float = 20) -> None:
        self.app = Slow()
        self.underway = Underway(self.app)
        config = uvicorn.Config(self.underway, port=0, log_level="critical", ws="none", timeout_graceful_shutdown=1)
        self.server = PatientServer(config, self.underway, seconds)
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self) -> Served:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.address = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"
        self.pool = ThreadPoolExecutor(4)
        return self

    def __exit__(self, *_: object) -> None:
        self.app.go.set()
        self.server.should_exit = True
        self.thread.join()
        self.pool.shutdown()

    def begin(self, method: str, path: str) -> Any:
        """Send a request and return when the application has it."""
        answer = self.pool.submit(httpx.request, method, self.address + path, timeout=30, trust_env=False)
        assert self.app.entered.acquire(timeout=20)
        return answer


def test_what_is_under_way_is_finished_and_what_is_new_is_refused() -> None:
    with Served() as served:
        asked = served.begin("POST", "/gradio_api/run/ask")
        served.server.handle_exit(signal.SIGTERM, None)
        for method, path in (("POST", "/gradio_api/queue/join"), ("GET", "/ready")):
            refused = httpx.request(method, served.address + path, trust_env=False)
            assert (refused.status_code, refused.json()["ready"]) == (503, False)
        served.pool.submit(lambda: time.sleep(0.3) or served.app.go.set())  # type: ignore[func-returns-value]
        assert httpx.get(served.address + "/gradio_api/queue/data", trust_env=False).text == "begun and finished"
        assert asked.result().text == "begun and finished"
        served.thread.join(timeout=20)
        assert not served.thread.is_alive()


def test_streams_that_last_as_long_as_their_page_are_ended() -> None:
    with Served() as served:
        heartbeat = served.begin("GET", "/gradio_api/heartbeat/abc")
        served.server.handle_exit(signal.SIGTERM, None)
        assert heartbeat.result(timeout=20).text == "begun "
        assert served.app.cancelled
        served.thread.join(timeout=20)
        assert not served.thread.is_alive()


def test_patience_has_an_end() -> None:
    with Served(seconds=0.3) as served:
        asked = served.begin("POST", "/gradio_api/run/ask")
        begun = time.monotonic()
        served.server.handle_exit(signal.SIGTERM, None)
        served.thread.join(timeout=20)
        assert 0.3 < time.monotonic() - begun < 15
        with pytest.raises(httpx.RemoteProtocolError):
            asked.result()


def test_told_twice_it_stops_at_once() -> None:
    with Served(seconds=100) as served:
        asked = served.begin("POST", "/gradio_api/run/ask")
        served.server.handle_exit(signal.SIGINT, None)
        served.server.handle_exit(signal.SIGINT, None)
        served.thread.join(timeout=20)
        assert not served.thread.is_alive()
        assert asked.exception() is not None


# --- the real program


@pytest.fixture
def process(seeds_index: Path) -> Iterator[subprocess.Popen[str]]:
    with start("--port", "0", "--index", str(seeds_index)) as started:
        yield started
        started.kill()


def test_a_server_that_is_told_to_stop_gives_every_answer_it_took(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    address = process.stderr.readline().split()[1]

    async def ask_and_stop() -> list[str]:
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client:
            async with client.stream("GET", "gradio_api/heartbeat/abc") as heartbeat:
                await anext(heartbeat.aiter_raw())
                body = {"data": [QUESTION, 5, None]}
                taken = await asyncio.gather(*(client.post("gradio_api/call/ask", json=body) for _ in range(12)))
                process.send_signal(signal.SIGTERM)
                ids = [one.json()["event_id"] for one in taken]
                answers = await asyncio.gather(*(client.get(f"gradio_api/call/ask/{id_}") for id_ in ids))
            return [answer.text for answer in answers]

    with ThreadPoolExecutor(1) as aside:  # Playwright's event loop may be running in this thread
        answers = aside.submit(asyncio.run, ask_and_stop()).result()
    assert len(answers) == 12
    assert all(text.startswith("event: complete\n") and '"answered": true' in text for text in answers)
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == ""
