import errno
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qa.errors import IndexLocked, IndexUnwritable, UnreadableFile
from qa.lock import writing


def test_only_one_writer_at_a_time_and_the_other_is_named(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with writing(tmp_path):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(10)
    told = rf"process {os.getpid()} on {socket.gethostname()} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d"
    try:
        with pytest.raises(IndexLocked, match=told), writing(tmp_path):
            pass
    finally:
        leave.set()
        thread.join()
    with writing(tmp_path):
        pass


def test_a_dead_writer_holds_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from qa.lock import writing\n"
        "with writing(Path(sys.argv[1])): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    with writing(tmp_path):
        pass


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("")
    with pytest.raises(UnreadableFile, match="cannot be written to"), writing(tmp_path / "index"):
        pass


def test_a_write_that_fails_is_told_and_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(IndexUnwritable, match="No space left on device"), writing(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(IndexUnwritable, match="disk is full"), writing(tmp_path):
        raise sqlite3.OperationalError("database or disk is full")
    with writing(tmp_path):
        pass
