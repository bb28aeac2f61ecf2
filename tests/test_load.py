"""Only regular files of a bounded size are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qa.load import load


def test_a_file_up_to_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert load(tmp_path / "x", 3) == b"abc"
    with pytest.raises(OSError, match="it is larger than 2 bytes"):
        load(tmp_path / "x", 2)


def test_a_file_that_claims_a_terabyte_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="it is larger than 1024 MiB"):
        load(tmp_path / "x", 1 << 30)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match="it is not a regular file"):
            load(path, 10)


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b"])
def test_what_is_no_name_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match="it is not the name of a file"):
        load(tmp_path / name, 10)
