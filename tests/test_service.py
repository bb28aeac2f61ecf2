"""The served chat as its visitors' programs meet it: accounts, MCP, log, proxies below a path. All of it is real."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from playwright.sync_api import Browser, expect
from test_browser import QUESTION, ask, chromium, is_elsewhere, is_trouble

from qa.accesslog import AccessLog
from qa.auth import Accounts, make_line, read_accounts
from qa.chat import build_app
from qa.errors import ExtraMissing
from qa.limits import Limits
from qa.search import Retriever
from qa.service import Service
from qa.show import to_json
from qa.web import listen, running

__all__ = ["chromium"]

expect.set_options(timeout=20_000)
NAME, PASSWORD = "李雷", "correct horse"


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    path = tmp_path_factory.mktemp("accounts") / "accounts"
    path.write_text(make_line(NAME, PASSWORD) + "\n", "utf-8")
    return read_accounts(path)


# --- accounts


@pytest.fixture(scope="module")
def locked(retriever: Retriever, accounts: Accounts) -> Iterator[str]:
    with running(build_app(retriever, Service(accounts=accounts, mcp=True))) as address:
        yield address


def test_without_a_password_nothing_about_the_documents_comes_out(locked: str, retriever: Retriever) -> None:
    title = next(iter(retriever.documents.values())).title
    with httpx.Client(trust_env=False) as client:
        page = client.get(locked)
        assert page.status_code == 200
        assert title not in page.text
        assert "wd-talk" not in page.text
        for path in ("config", "gradio_api/info", "gradio_api/queue/data?session_hash=x", "gradio_api/file=README.md"):
            assert client.get(locked + path).status_code == 401
        for path in ("gradio_api/run/ask", "gradio_api/call/ask", "gradio_api/queue/join"):
            assert client.post(locked + path, json={"data": [QUESTION, 5, None]}).status_code == 401
        assert client.get(locked + "health").status_code == 200


def test_a_program_logs_in_with_name_and_password(locked: str, retriever: Retriever) -> None:
    client = Client(locked, auth=(NAME, PASSWORD), verbose=False)
    assert client.predict(QUESTION, api_name="/ask") == to_json(retriever.ask(QUESTION))
    client.close()
    with pytest.raises(ValueError, match="Could not login"):
        Client(locked, auth=(NAME, "wrong password"), verbose=False)


@pytest.mark.browser
def test_a_visitor_logs_in_on_the_page(chromium: Browser, retriever: Retriever, accounts: Accounts) -> None:
    with running(build_app(retriever, Service(accounts=accounts))) as address:
        page = chromium.new_page(locale="zh-CN")
        page.goto(address)
        fields = page.locator("input")
        fields.nth(0).fill(NAME)
        fields.nth(1).fill("wrong password")
        page.keyboard.press("Enter")
        expect(page.get_by_text("凭据不正确")).to_be_visible()
        expect(page.locator("#wd-box")).to_have_count(0)
        fields.nth(0).fill(NAME)  # Gradio empties it
        fields.nth(1).fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("#wd-box textarea")).to_be_enabled()
        ask(page, QUESTION)
        page.close()


# --- MCP


async def call_tools(address: str, **headers: str) -> tuple[list[str], Any, Any]:
    """Return the tools that an MCP client sees, and what two of them answer."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async with (
        httpx.AsyncClient(trust_env=False, headers=headers) as http,
        streamable_http_client(address + "gradio_api/mcp/", http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = await session.list_tools()
        answer = await session.call_tool("ask", {"question": QUESTION})
        refused = await session.call_tool("search", {"question": "  "})
        return [tool.name for tool in tools.tools], answer, refused


@pytest.mark.parametrize("log_in", [False, True])
def test_an_mcp_client_asks(retriever: Retriever, accounts: Accounts, log_in: bool) -> None:
    service = Service(mcp=True, accounts=accounts if log_in else None)
    header = httpx.BasicAuth(NAME.encode(), PASSWORD.encode())._auth_header if log_in else ""
    with running(build_app(retriever, service)) as address:
        calls = call_tools(address, **({"authorization": header} if log_in else {}))
        with ThreadPoolExecutor(1) as aside:  # Playwright's event loop may be running in this thread
            names, answer, refused = aside.submit(asyncio.run, calls).result()
    assert names == ["ask", "search"]
    assert json.loads(answer.content[0].text) == to_json(retriever.ask(QUESTION))
    assert refused.isError
    assert "InvalidQuestion: the question is empty" in refused.content[0].text


def test_mcp_asks_for_name_and_password_too(locked: str) -> None:
    with httpx.Client(trust_env=False) as client:
        for auth in (None, (NAME.encode(), b"wrong password"), (b"nobody", PASSWORD.encode())):
            for path in ("gradio_api/mcp", "gradio_api/mcp/", "gradio_api/mcp/sse", "gradio_api/mcp/schema"):
                answer = client.get(locked + path, auth=auth, follow_redirects=True)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Basic ")
        assert client.get(locked + "gradio_api/mcp/schema", auth=(NAME.encode(), PASSWORD.encode())).status_code == 200


def test_without_the_flag_there_is_no_mcp(retriever: Retriever) -> None:
    with running(build_app(retriever)) as address, httpx.Client(trust_env=False) as client:
        assert client.get(address + "gradio_api/mcp/schema").status_code == 404


def test_an_extra_that_is_missing_is_named(retriever: Retriever, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.chat.find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r"--mcp needs packages .* Run: pip install 'wenda\[mcp\]'"):
        build_app(retriever, Service(mcp=True))


# --- the access log


@pytest.mark.parametrize("questions", [False, True])
def test_the_log_has_a_line_for_each_request_and_answer(retriever: Retriever, questions: bool) -> None:
    stream = io.StringIO()
    with running(build_app(retriever, Service(log=AccessLog(stream, questions=questions)))) as address:
        client = Client(address, verbose=False)
        client.predict(QUESTION, api_name="/ask")
        client.close()
        with httpx.Client(trust_env=False) as browser:
            browser.get(address, params={"q": QUESTION}, headers={"x-forwarded-for": "203.0.113.7"})
            browser.post(address + "gradio_api/upload")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    answers = [line for line in lines if line["event"] == "answer"]
    expected = retriever.ask(QUESTION)
    assert len(answers) == 1
    assert {name: answers[0][name] for name in ("characters", "answered", "hits")} == {
        "characters": len(QUESTION),
        "answered": expected.answered,
        "hits": 5,
    }
    assert answers[0]["ms"] > 0
    page = next(line for line in lines if line.get("client") == "203.0.113.7")
    assert (page["method"], page["path"], page["status"]) == ("GET", "/", 200)
    assert page["bytes"] > 1000
    assert next(line for line in lines if line.get("path") == "/gradio_api/upload")["status"] == 404
    assert (QUESTION in stream.getvalue()) is questions
    assert answers[0].get("question") == (QUESTION if questions else None)


# --- limits


def test_a_visitor_who_asks_too_often_is_told_when_to_come_back(retriever: Retriever) -> None:
    with (
        running(build_app(retriever, Service(limits=Limits(a_minute=3)))) as address,
        httpx.Client(trust_env=False) as it,
    ):
        headers = {"x-forwarded-for": "203.0.113.9", "accept-language": "en"}
        body = {"data": [QUESTION, 5, None]}
        statuses = [it.post(address + "gradio_api/run/ask", json=body, headers=headers).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]


def test_another_site_may_link_here_but_neither_read_nor_ask(retriever: Retriever) -> None:
    with running(build_app(retriever)) as address, httpx.Client(trust_env=False) as client:
        other = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert client.get(address, headers={**other, "sec-fetch-mode": "navigate"}).status_code == 200
        for mode in ("cors", "no-cors"):
            assert client.get(address + "config", headers={**other, "sec-fetch-mode": mode}).status_code == 403
        for mode in ("cors", "navigate"):
            asked = client.post(address + "gradio_api/run/ask", json={}, headers={**other, "sec-fetch-mode": mode})
            assert (asked.status_code, asked.headers["x-content-type-options"]) == (403, "nosniff")


# --- below a path, behind a proxy

NGINX = """
worker_processes 1; pid {folder}/pid; error_log stderr; daemon off;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen 127.0.0.1:{port};
    location /office/qa/ {{
      proxy_pass {address};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_buffering off;
    }}
  }}
}}
"""


def proxy(address: str) -> Any:
    """Return an application that passes ``/office/qa/…`` on to an address, path and all, and knows nothing else."""

    async def pass_on(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        if not scope["path"].startswith("/office/qa/"):
            await send({"type": "http.response.start", "status": 418, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        target = address.rstrip("/") + scope["raw_path"].decode() + "?" + scope["query_string"].decode()
        async with (
            httpx.AsyncClient(trust_env=False, timeout=None, verify=False) as client,
            client.stream(scope["method"], target, headers=scope["headers"], content=body) as answer,
        ):
            await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.headers.raw})
            async for part in answer.aiter_raw():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    return pass_on


@contextmanager
def nginx(address: str, folder: Path) -> Iterator[str]:
    executable = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if executable is None:
        pytest.skip("nginx is not installed")
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, address=address), "utf-8")
    process = subprocess.Popen([executable, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        for _ in range(100):
            try:
                httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/office/qa/"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def plain(address: str, _: Path) -> Iterator[str]:
    with running(proxy(address)) as served:
        yield served + "office/qa/"


@pytest.mark.browser
@pytest.mark.parametrize("behind", [plain, nginx], ids=["path left on", "nginx takes it off"])
def test_the_chat_works_below_a_path(
    chromium: Browser, retriever: Retriever, tmp_path: Path, behind: Callable[[str, Path], Any]
) -> None:
    wrong: list[str] = []
    service = Service(root_path="/office/qa")
    with running(build_app(retriever, service)) as address, behind(address, tmp_path) as outside:
        page = chromium.new_page(locale="zh-CN")
        page.on("request", lambda request: wrong.append(request.url) if is_elsewhere(request.url) else None)
        page.on("request", lambda request: wrong.append(request.url) if "/office/qa/" not in request.url else None)
        page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
        page.on(
            "console", lambda said: wrong.append(said.location["url"]) if is_trouble(said.type, said.text) else None
        )
        page.goto(outside + "?q=" + QUESTION)
        expect(page.locator(".wd-asked")).to_have_text(QUESTION)
        ask(page, "谁致闭幕词", 2)
        page.locator(".wd-open").first.click()
        expect(page.locator("#wd-here")).to_be_in_viewport()
        page.close()
        client = Client(outside, verbose=False)
        assert client.predict(QUESTION, api_name="/ask") == to_json(retriever.ask(QUESTION))
        client.close()
        with httpx.Client(trust_env=False) as browser:
            shut = browser.post(outside + "gradio_api/upload")
            assert (shut.status_code, shut.headers["x-content-type-options"]) == (404, "nosniff")
            assert browser.get(outside + "health").json()["passages"] == retriever.manifest.passages
    wrong = [
        url for url in wrong if not url.endswith("/favicon.ico")
    ]  # which Chromium asks for, whatever the page says
    assert [url for url in wrong if not url.startswith(("data:", "blob:"))] == []
