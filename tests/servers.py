"""Programs that tests start beside themselves, and stop."""

from __future__ import annotations

import random
import socket
import subprocess
import time

# No port is given twice, nor one that the system may lend to a connection before the program listens on it.
_PORTS = iter(random.SystemRandom().sample(range(20_000, 32_768), 1_000))


def free_port() -> int:
    """Return a port that nothing on this machine listens on, another one each time."""
    for port in _PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no port is left")


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args} ended with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port} after {seconds} s")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
