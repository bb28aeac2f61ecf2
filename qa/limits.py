"""How much one visitor may ask for: events a minute, failed logins, bodies, and how many wait at once.

Whoever goes over a limit is told so politely, in their language, and when to come back. Requests that come from this
machine itself are not counted by the minute; behind a proxy on this machine the client is the one it names.
"""

from __future__ import annotations

import ipaddress
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qa.accesslog import App, Message, Receive, Send
from qa.wording import language_of, words

_CLIENTS = 10_000
_FREE = ("/gradio_api/cancel", "/gradio_api/reset")
_DIRECT = ("/gradio_api/run/", "/gradio_api/api/", "/gradio_api/call/", "/gradio_api/mcp")
_UPLOAD = "/gradio_api/upload"
_REFUSED = {400, 401}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one server; ``a_minute`` is 0 for no limit."""

    a_minute: int = 120
    failed_logins: int = 10
    at_once: int = 200
    body_bytes: int = 8 << 20
    upload_bytes: int = 0


class Buckets:
    """A token bucket for each client (Turner 1986): full at first, one token back every ``60 / a_minute`` seconds.

    Only the clients seen last are remembered: one that comes back after many others starts with a full bucket.
    """

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(a_minute)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Return the seconds until a client has a token, 0 if there is one."""
        return max(0.0, (1 - self._tokens(client)) * 60 / self._most)

    def take(self, client: str) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        wait = self.wait(client)
        if wait == 0:
            self._left[client] = (self._tokens(client) - 1, self._clock())
            self._left.move_to_end(client)
            if len(self._left) > _CLIENTS:
                self._left.popitem(last=False)
        return wait

    def _tokens(self, client: str) -> float:
        left, then = self._left.get(client, (self._most, self._clock()))
        return min(self._most, left + (self._clock() - then) * self._most / 60)


class Limited:
    """ASGI middleware: holds :class:`Limits`."""

    def __init__(self, app: App, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.app = app
        self.limits = limits
        self._events = Buckets(limits.a_minute, clock) if limits.a_minute else None
        self._logins = Buckets(limits.failed_logins, clock)
        self._under_way = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        client = (scope.get("client") or ("",))[0]
        most = self.limits.upload_bytes if path == _UPLOAD else self.limits.body_bytes
        if int(_header(scope, b"content-length") or 0) > most:
            await _refuse(scope, send, 413, words_key="too_large", most=f"{most >> 20} MiB")
        elif wait := self._wait(path, client):
            await _refuse(scope, send, 429, words_key="too_often", retry_after=wait)
        elif path.startswith(_DIRECT):
            await self._one_of_many(scope, _capped(receive, most), send)
        else:
            await self._watched(path, client, scope, _capped(receive, most), send)

    def _wait(self, path: str, client: str) -> float:
        """Return the seconds that a client has to wait before this request."""
        if path.startswith("/login"):
            return self._logins.wait(client)
        if self._events is None or path.startswith(_FREE) or is_here(client):
            return 0
        return self._events.take(client)

    async def _one_of_many(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on that is answered without the queue, if not too many are under way."""
        if self._under_way >= self.limits.at_once:
            await _refuse(scope, send, 503, words_key="too_many", retry_after=1)
            return
        self._under_way += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._under_way -= 1

    async def _watched(self, path: str, client: str, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on; count a refused login, and say in the visitor's language that the queue is full."""
        full = False

        async def send_watched(message: Message) -> None:
            nonlocal full
            if message["type"] == "http.response.start":
                full = message["status"] == 503
                if path.startswith("/login") and message["status"] in _REFUSED:
                    self._logins.take(client)
            if not full:
                await send(message)
            elif message["type"] == "http.response.start":
                # The page shows its own English words for 503, and ours for 429.
                await _refuse(scope, send, 429, words_key="too_many", retry_after=1)

        await self.app(scope, receive, send_watched)


def is_here(client: str) -> bool:
    """Tell whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False


def _capped(receive: Receive, most: int) -> Receive:
    """Return a ``receive`` that cuts a body off which is longer than it said."""
    seen = 0

    async def receive_capped() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            return {"type": "http.disconnect"}
        return message

    return receive_capped


def _header(scope: Message, name: bytes) -> str:
    found: dict[bytes, bytes] = dict(scope.get("headers", []))
    return found.get(name, b"").decode("latin-1")


async def _refuse(
    scope: Message, send: Send, status: int, *, words_key: str, retry_after: float = 0, **said: Any
) -> None:
    say = words(language_of(_header(scope, b"accept-language")))
    seconds = max(1, round(retry_after + 0.5))
    body = json.dumps({"detail": say[words_key].format(seconds=seconds, **said)}, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if retry_after:
        headers.append((b"retry-after", str(seconds).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
