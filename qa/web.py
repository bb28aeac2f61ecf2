"""What stands between the network and the chat: security headers, and doors that the chat does not use kept shut."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]

# Gradio's page builds functions from its own configuration, hence 'unsafe-eval' and 'unsafe-inline' for scripts.
# Nothing may be loaded from, or sent to, any other machine.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
}
SHUT = (
    "/gradio_api/upload",
    "/gradio_api/process_recording",
    "/gradio_api/proxy=",
    "/gradio_api/runs",
    "/gradio_api/run-history",
    "/gradio_api/vibe-",
    "/gradio_api/undo-vibe-",
    "/monitoring",
)


class Guard:
    """ASGI middleware: adds :data:`HEADERS` to every answer and gives 404 for :data:`SHUT`."""

    def __init__(self, app: _App) -> None:
        self.app = app

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: _Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        if scope["path"].removeprefix(scope.get("root_path", "")).startswith(SHUT):
            await send_guarded({"type": "http.response.start", "status": 404, "headers": []})
            await send_guarded({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send_guarded)
