"""What stands between the network and the chat: the server, security headers, unused doors kept shut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from qa.accesslog import App, Message, Receive, Send
from qa.stopping import PatientServer, Underway

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
UPLOAD = "/gradio_api/upload"
SHUT = (
    UPLOAD,
    "/gradio_api/process_recording",
    "/gradio_api/proxy=",
    "/gradio_api/runs",
    "/gradio_api/run-history",
    "/gradio_api/vibe-",
    "/gradio_api/undo-vibe-",
    "/monitoring",
)
_SECONDS_TO_CLOSE = 3


class Guard:
    """ASGI middleware: security headers on every answer, unused doors shut, pages of other sites kept out."""

    def __init__(self, app: App, shut: Sequence[str] = SHUT, root_path: str = "") -> None:
        """Stand before an application.

        :param shut: paths that are answered with 404, and whatever begins like them.
        :param root_path: the path below which a proxy offers the application; it may leave it on or take it off.
        """
        self.app = app
        self._shut = tuple(shut)
        self._root = root_path.rstrip("/")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        scope = _below(scope, self._root)
        if scope["path"].removeprefix(scope.get("root_path", "")).startswith(self._shut):
            await _answer(send_guarded, 404)
        elif _is_from_another_site(scope):
            await _answer(send_guarded, 403)
        else:
            await self.app(scope, receive, send_guarded)


def _below(scope: Message, root: str) -> Message:
    """Return a request without the path below which the application is offered."""
    path: str = scope["path"]
    if not root or not (path == root or path.startswith(root + "/")):
        return scope
    raw: bytes = scope.get("raw_path") or path.encode()
    return {**scope, "path": path.removeprefix(root) or "/", "raw_path": raw.removeprefix(root.encode()) or b"/"}


def _is_from_another_site(scope: Message) -> bool:
    """Tell whether the page of another site sent this. A link to here is welcome; reading or posting is not.

    Gradio lets any site read with the visitor's cookies. Browsers say whence a request comes (Fetch Metadata, W3C).
    """
    headers = dict(scope["headers"])
    if headers.get(b"sec-fetch-site") not in {b"cross-site", b"same-site"}:
        return False
    return scope["method"] not in {"GET", "HEAD"} or headers.get(b"sec-fetch-mode") != b"navigate"


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

    :param port: 0 takes any free port.
    :raises OSError: if the port is taken or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=256)


def address_of(listener: socket.socket) -> str:
    """Return the address to type into a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104  (compared, not bound)
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(app: App, listener: socket.socket) -> None:
    """Serve until the process is told to stop (Ctrl-C or SIGTERM); answers under way are finished first."""
    _server(app).run(sockets=[listener])


@contextmanager
def running(app: App, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve from a thread for as long as the ``with`` block lasts; gives the address."""
    server, listener = _server(app), listen(host, port)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield address_of(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _server(app: App) -> PatientServer:
    underway = Underway(app)
    config = uvicorn.Config(
        underway,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_SECONDS_TO_CLOSE,
        ws="none",
    )
    return PatientServer(config, underway)
