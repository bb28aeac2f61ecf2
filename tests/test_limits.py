from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from qa.limits import Buckets, Limited, Limits, is_here
from qa.web import running

ELSEWHERE = {"x-forwarded-for": "203.0.113.7"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def answering(status: int = 200) -> Any:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                body = b"cut"
                break
            body, more = body + message["body"], message.get("more_body", False)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": str(len(body)).encode()})

    return answer


def test_a_bucket_is_full_at_first_and_fills_again() -> None:
    clock = Clock()
    buckets = Buckets(6, clock)
    assert [buckets.take("a") for _ in range(6)] == [0] * 6
    assert buckets.take("a") == pytest.approx(10)
    assert buckets.take("b") == 0
    clock.now += 4
    assert buckets.wait("a") == pytest.approx(6)
    clock.now += 6
    assert [buckets.take("a"), buckets.take("a")] == [0, pytest.approx(10)]
    clock.now += 3600
    assert [buckets.take("a") for _ in range(7)] == [0] * 6 + [pytest.approx(10)]


def test_the_memory_of_clients_is_bounded() -> None:
    buckets = Buckets(1, Clock())
    for n in range(10_001):
        assert buckets.take(str(n)) == 0
    assert len(buckets._left) == 10_000
    assert buckets.take("10000") > 0


def test_too_often_is_said_politely_in_the_visitors_language_and_when_to_come_back() -> None:
    clock = Clock()
    with running(Limited(answering(), Limits(a_minute=2), clock)) as address, httpx.Client(trust_env=False) as client:

        def ask(**headers: str) -> httpx.Response:
            return client.post(address + "gradio_api/queue/join", headers={**ELSEWHERE, **headers})

        assert [ask().status_code, ask().status_code] == [200, 200]
        refused = ask(**{"accept-language": "zh-CN,zh;q=0.9"})
        assert refused.status_code == 429
        assert refused.json() == {"detail": "提问太频繁了，请 30 秒后再试。"}
        assert refused.headers["retry-after"] == "30"
        assert ask(**{"accept-language": "en"}).json()["detail"].endswith("try again in 30 seconds.")
        assert client.post(address + "gradio_api/cancel", headers=ELSEWHERE).status_code == 200
        assert client.get(address + "gradio_api/queue/data", headers=ELSEWHERE).status_code == 200
        assert client.post(address + "x", headers={"x-forwarded-for": "203.0.113.8"}).status_code == 200
        assert [client.post(address + "x").status_code for _ in range(4)] == [200] * 4
        clock.now += 31
        assert ask().status_code == 200


def test_no_limit_a_minute_is_no_limit() -> None:
    with running(Limited(answering(), Limits(a_minute=0))) as address, httpx.Client(trust_env=False) as client:
        assert {client.post(address, headers=ELSEWHERE).status_code for _ in range(50)} == {200}


def test_only_refused_logins_count_and_then_nobody_gets_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    for status, statuses in ((200, [200] * 4), (400, [400, 400, 429, 429])):
        served = Limited(answering(status), Limits(failed_logins=2), clock)
        with running(served) as address, httpx.Client(trust_env=False) as client:
            assert [client.post(address + "login").status_code for _ in range(4)] == statuses


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() -> None:
    served = Limited(answering(), Limits(body_bytes=2 << 20, upload_bytes=4 << 20))
    with running(served) as address, httpx.Client(trust_env=False) as client:

        def post(path: str, size: int, *, said: bool) -> httpx.Response:
            whole = b"x" * size
            return client.post(
                address + path, content=whole if said else iter([whole[: size // 2], whole[size // 2 :]])
            )

        assert post("a", 2 << 20, said=True).text == str(2 << 20)
        assert post("a", 2 << 20, said=False).text == str(2 << 20)
        refused = post("a", (2 << 20) + 1, said=True)
        assert (refused.status_code, refused.json()["detail"]) == (413, "内容太大，最多 2 MiB。")
        assert post("a", (2 << 20) + 1, said=False).text == "3"
        assert post("gradio_api/upload", 4 << 20, said=True).status_code == 200
        assert post("gradio_api/upload", (4 << 20) + 1, said=True).status_code == 413


def test_requests_past_the_queue_are_counted_too() -> None:
    release = threading.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"  # there is nothing to start up
        while not release.is_set():
            await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with (
        running(Limited(slow, Limits(at_once=2))) as address,
        httpx.Client(trust_env=False, timeout=20) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        waiting = [pool.submit(client.post, address + "gradio_api/run/ask") for _ in range(2)]
        time.sleep(0.3)
        refused = client.post(address + "gradio_api/run/ask", headers={"accept-language": "en"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.json()["detail"].startswith("Too many people are asking just now.")
        release.set()
        assert [one.result().status_code for one in waiting] == [200, 200]
        assert client.post(address + "gradio_api/run/ask").status_code == 200


def test_a_full_queue_is_said_in_the_visitors_language() -> None:
    with running(Limited(answering(503), Limits())) as address, httpx.Client(trust_env=False) as client:
        refused = client.post(address + "gradio_api/queue/join", headers={"accept-language": "zh-TW"})
        assert (refused.status_code, refused.json()) == (429, {"detail": "現在提問的人太多，請 2 秒後再試。"})


@pytest.mark.parametrize(
    ("client", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("203.0.113.7", False),
        ("", False),
        ("testclient", False),
    ],
)
def test_this_machine_is_known(client: str, here: bool) -> None:
    assert is_here(client) is here
