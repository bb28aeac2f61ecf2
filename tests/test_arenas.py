from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest
from click.testing import CliRunner

import qa.arenas
from app import main

_HEAPS = """
import ctypes, sys, threading
from qa.arenas import share_arenas
libc = ctypes.CDLL(None)
if len(sys.argv) > 1:
    share_arenas(int(sys.argv[1]))
together = threading.Barrier(8)
def hold():
    libc.malloc(1000)
    together.wait()
threads = [threading.Thread(target=hold) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""


def heaps(*most: str) -> int:
    done = subprocess.run([sys.executable, "-c", _HEAPS, *most], capture_output=True, text=True, check=True)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_threads_share_two_heaps() -> None:
    assert heaps() > 2
    assert heaps("2") == 2


def test_the_server_shares_them_before_it_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[int] = []
    monkeypatch.setattr(qa.arenas, "share_arenas", lambda: shared.append(threading.active_count()))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        before = threading.active_count()
        CliRunner().invoke(main, ["--port", str(taken.getsockname()[1])])
    assert shared == [before]
