"""Chromium's own network log: while the chat is used, not a byte goes to another machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect
from test_browser import FLAGS, QUESTION, ask, chromium

from qa.chat import build_app
from qa.search import Retriever
from qa.web import running

__all__ = ["chromium"]

QUIET = [
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    "--disable-features=NetworkTimeServiceQuerying,OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
]


# What the browser itself asks for at its start, whatever page is open: accounts, clock and extensions of its maker.
BROWSERS_OWN = {
    "accounts.google.com",
    "clients2.google.com",
    "clients2.googleusercontent.com",
    "content-autofill.googleapis.com",
    "optimizationguide-pa.googleapis.com",
    "redirector.gvt1.com",
    "safebrowsingohttpgateway.googleapis.com",
    "update.googleapis.com",
    "www.google.com",
    "~notfound",  # what the rule above makes of all those
}


def host_of(where: str) -> str:
    return urlsplit(where if "//" in where else f"//{where}").hostname or ""


def reached(log: Path) -> Iterator[tuple[str, str]]:
    """Yield every host that was connected to, sent bytes to, looked up or asked for, with the event that says so."""
    recorded: dict[str, Any] = json.loads(log.read_text("utf-8"))
    kinds = {number: name for name, number in recorded["constants"]["logEventTypes"].items()}
    addresses: dict[int, str] = {}
    for event in recorded["events"]:
        kind, said, source = kinds[event["type"]], event.get("params", {}), event["source"]["id"]
        if kind == "UDP_CONNECT" and "address" in said:
            addresses[source] = said[
                "address"
            ]  # Chromium connects such a socket to see whether it could: nothing is sent
        elif kind == "UDP_BYTES_SENT":
            yield kind, addresses.get(source, said.get("address", "?"))
        elif kind == "TCP_CONNECT_ATTEMPT" and "address" in said:
            yield kind, said["address"]
        elif kind == "HOST_RESOLVER_MANAGER_REQUEST" and "host" in said:
            yield kind, said["host"]
        elif kind == "URL_REQUEST_START_JOB" and urlsplit(said.get("url", "")).scheme in {"http", "https", "ws", "wss"}:
            yield kind, said["url"]


def is_this_machine(where: str) -> bool:
    host = host_of(where)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.mark.browser
def test_nothing_leaves_this_machine(chromium: Browser, retriever: Retriever, tmp_path: Path) -> None:
    log = tmp_path / "netlog.json"
    kind = chromium.browser_type
    flags = [*FLAGS, *QUIET, f"--log-net-log={log}"]
    with running(build_app(retriever)) as address:
        browser = kind.launch(executable_path=_executable(), args=flags)
        page = browser.new_page(locale="zh-CN")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        expect(page.locator("#wd-box textarea")).to_be_enabled(timeout=30_000)
        ask(page, QUESTION)
        page.locator(".wd-open").first.click()
        expect(page.locator("#wd-here")).to_be_in_viewport(timeout=30_000)
        browser.close()
    seen = list(reached(log))
    assert {event for event, _ in seen} >= {"TCP_CONNECT_ATTEMPT", "URL_REQUEST_START_JOB"}
    assert len(seen) > 20
    elsewhere = {(event, where) for event, where in seen if not is_this_machine(where)}
    assert sorted((event, where) for event, where in elsewhere if host_of(where) not in BROWSERS_OWN) == []
    assert [url for url in asked if not url.startswith(("data:", "blob:")) and not is_this_machine(url)] == []


def _executable() -> str | None:
    return next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.parametrize(
    ("where", "here"),
    [
        ("127.0.0.1:80", True),
        ("[::1]:80", True),
        ("http://localhost:1/x", True),
        ("http://127.0.0.1:7860/?q=http://evil.example/", True),
        ("142.250.1.1:443", False),
        ("[2001:4860:4860::8888]:53", False),
        ("https://accounts.google.com/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://evil.example/127.0.0.1", False),
        ("?", False),
    ],
)
def test_a_place_elsewhere_is_told_from_this_machine(where: str, here: bool) -> None:
    assert is_this_machine(where) is here
