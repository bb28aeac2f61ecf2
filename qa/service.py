"""How the chat is offered to others: who may come in, how often, what is written down, what stands around it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI

from qa.accesslog import AccessLog, App, Logged, Message, Receive, Send
from qa.auth import Accounts, read_basic
from qa.limits import Limited, Limits
from qa.live import Library
from qa.web import SHUT, UPLOAD, Guard

_MCP = "/gradio_api/mcp"
_REMEMBERED = 1000
_ASK_FOR_PASSWORD = [(b"www-authenticate", b'Basic realm="wenda", charset="UTF-8"')]


@dataclass(frozen=True, slots=True)
class Service:
    """What the one who starts the server chose; by default nobody logs in and nothing can be added.

    :ivar logins: the file that keeps who is logged in over a restart; none by default.
    """

    accounts: Accounts | None = None
    logins: Path | None = None
    limits: Limits = field(default_factory=Limits)
    log: AccessLog | None = None
    library: Library | None = None
    mcp: bool = False
    root_path: str = ""


def surround(app: FastAPI, service: Service) -> None:
    """Put the middleware of a service around an application; the last one added meets a request first."""
    if service.accounts is not None and service.mcp:
        app.add_middleware(Door, accounts=service.accounts)
    app.add_middleware(Limited, limits=service.limits)
    shut = SHUT if service.library is None else tuple(door for door in SHUT if door != UPLOAD)
    app.add_middleware(Guard, shut=shut, root_path=service.root_path)
    if service.log is not None:
        app.add_middleware(Logged, log=service.log)


class Door:
    """ASGI middleware: MCP clients show name and password with each request; Gradio asks for them everywhere else."""

    def __init__(self, app: App, accounts: Accounts) -> None:
        self.app = app
        self._accounts = accounts
        self._key = secrets.token_bytes(32)
        self._let_in: dict[bytes, None] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_MCP) and not await self._may_enter(scope):
            await send({"type": "http.response.start", "status": 401, "headers": _ASK_FOR_PASSWORD})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send)

    async def _may_enter(self, scope: Message) -> bool:
        header = dict(scope["headers"]).get(b"authorization", b"")
        mark = hmac.digest(self._key, header, hashlib.sha256)
        if mark in self._let_in:  # so that not every call of a program costs a hash
            return True
        given = read_basic(header.decode("latin-1"))
        if given is None or not await self._accounts.verify_aside(*given):
            return False
        if len(self._let_in) >= _REMEMBERED:
            self._let_in.clear()
        self._let_in[mark] = None
        return True
