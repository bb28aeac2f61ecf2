"""Stopping without losing an answer: when told to stop, finish what is under way, refuse what is new, then close."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from contextlib import suppress
from types import FrameType

import uvicorn

from qa.accesslog import App, Message, Receive, Send

SECONDS_TO_FINISH = 9.0  # containers are killed ten seconds after they are told to stop
_SECONDS_TO_COME_BACK = 3.0  # at most, between a question that was taken and the request that fetches its answer
_LASTING = (
    "/gradio_api/heartbeat/",
    "/gradio_api/mcp",
)  # streams that stay open as long as their page


class Underway:
    """ASGI middleware: knows what is under way; once stopping, takes no new question and ends the lasting streams."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.stopping = False
        self._open = 0
        self._last_taken = -_SECONDS_TO_COME_BACK
        self._end: asyncio.Event | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.stopping and (scope["method"] == "POST" or scope["path"].endswith("/ready")):
            await _refuse(send)
            return
        if scope["method"] == "GET" and any(door in scope["path"] for door in _LASTING):
            await self._lasting(scope, receive, send)
            return
        self._open += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open -= 1
            if scope["method"] == "POST":
                self._last_taken = time.monotonic()

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way, and whoever asked has had the time to come back for the answer."""
        return self._open == 0 and time.monotonic() - self._last_taken > _SECONDS_TO_COME_BACK

    def end_lasting(self) -> None:
        """End the streams that would stay open for as long as their page does."""
        if self._end is not None:
            self._end.set()

    async def _lasting(self, scope: Message, receive: Receive, send: Send) -> None:
        self._end = self._end or asyncio.Event()
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        answer = asyncio.ensure_future(self.app(scope, receive, send_noted))
        end = asyncio.ensure_future(self._end.wait())
        await asyncio.wait({answer, end}, return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if answer.done():
            answer.result()
            return
        answer.cancel()
        with suppress(asyncio.CancelledError):
            await answer
        if started:
            await send({"type": "http.response.body", "body": b""})
        else:
            await _refuse(send)


class PatientServer(uvicorn.Server):
    """A server that, told to stop, first lets what is under way finish; told twice, it stops at once."""

    def __init__(self, config: uvicorn.Config, underway: Underway, seconds: float = SECONDS_TO_FINISH) -> None:
        super().__init__(config)
        self._underway = underway
        self._seconds = seconds
        self._until = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to stop. The signal is not raised again at the end: a stop that was asked for is no failure."""
        if self._underway.stopping:
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT
        self._underway.stopping = True
        self._until = time.monotonic() + self._seconds

    async def on_tick(self, counter: int) -> bool:
        """Leave the main loop when everything is finished, or time is up."""
        if self._underway.stopping and (self._underway.quiet or time.monotonic() > self._until):
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Close the connections."""
        self._underway.end_lasting()
        await super().shutdown(sockets)  # type: ignore[arg-type]


async def _refuse(send: Send) -> None:
    body = json.dumps({"ready": False, "detail": "The server is stopping. Please try again in a moment."}).encode()
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"5"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
