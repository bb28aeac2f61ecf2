"""The access log: one JSON object a line for each request, answer and change, never a question's text unless asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

from qa.records import Answer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class AccessLog:
    """Writes lines of JSON; from many threads, each line whole."""

    def __init__(self, stream: TextIO, *, questions: bool = False) -> None:
        """Write to an open stream.

        :param questions: whether the text of questions is written too.
        """
        self._stream = stream
        self._questions = questions
        self._line = threading.Lock()

    def write(self, event: str, **fields: Any) -> None:
        """Write one line: the time, the kind of event and its fields."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, **fields}, ensure_ascii=False)
        with self._line:
            self._stream.write(line + "\n")
            self._stream.flush()

    def answer(self, question: str, answer: Answer, seconds: float) -> None:
        """Write that a question was answered or declined: its length, and its text only if that was asked for."""
        text = {"question": question} if self._questions else {}
        self.write(
            "answer",
            characters=len(question),
            answered=answer.answered,
            confidence=round(answer.confidence, 3),
            hits=len(answer.hits),
            ms=round(seconds * 1000, 1),
            **text,
        )


class Logged:
    """ASGI middleware: writes each request when it is over. The query is left out: ``?q=`` holds a question."""

    def __init__(self, app: App, log: AccessLog) -> None:
        self.app = app
        self.log = log

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, size, start = 0, 0, time.perf_counter()

        async def send_counted(message: Message) -> None:
            nonlocal status, size
            status = message.get("status", status)
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, send_counted)
        finally:
            self.log.write(
                "request",
                client=(scope.get("client") or ("",))[0],
                method=scope["method"],
                path=scope["path"],
                status=status,
                bytes=size,
                ms=round((time.perf_counter() - start) * 1000, 1),
            )
