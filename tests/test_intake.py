import os
from collections.abc import Callable
from pathlib import Path

import pytest

from qa import intake
from qa.intake import reading, take
from qa.listing import list_files
from qa.passages import Cut, Entry, Passages, PassagesWriter
from qa.records import Document, FileState, Passage
from qa.split import key

LONG = "会议由甲同志主持,与会人员认真听取了工作报告,并就下一阶段的重点任务进行了深入讨论。"


def test_a_new_file_is_read_and_split_and_one_that_cannot_be_read_says_why(documents: Callable[..., Path]) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": ""})
    good, bad = take(list_files(folder, {".txt"}), folder, None)
    assert (good.name, good.cuts) == ("a.txt", [Cut(0, len(LONG), key(LONG))])
    assert good.document == Document("a.txt", "a", LONG, path=str(folder / "a.txt"))
    assert (bad.document, bad.state.reason) == (None, "the file is empty")


def test_an_unchanged_file_is_taken_as_it_was_from_wherever_it_lies(
    documents: Callable[..., Path], tmp_path: Path
) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": ""})
    for name in ("a.txt", "b.txt"):
        os.utime(folder / name, (1, 1))
    times = {file.name: file.mtime_ns for file in list_files(folder, {".txt"})}
    writer = PassagesWriter(tmp_path / "p")
    writer.add_file("a.txt", FileState("s", len(LONG.encode()), times["a.txt"]))
    writer.add(
        Document("a.txt", "旧", "旧文", path="/old/a.txt"), [Entry(Passage("p", "a.txt", 0, 2, "旧文"), "", "", b"k")]
    )
    writer.add_file("b.txt", FileState("t", 0, times["b.txt"], "旧的原因"))
    writer.close(complete=True)
    old = Passages(tmp_path / "p")
    kept, left_out = take(list_files(folder, {".txt"}), folder, old)
    assert kept.document == Document("a.txt", "旧", "旧文", path=str(folder / "a.txt"))
    assert (list(kept.cuts), kept.state.sha256) == ([Cut(0, 2, b"k")], "s")
    assert left_out.state == FileState("t", 0, times["b.txt"], "旧的原因")
    old.close()


def test_the_hash_of_reading_covers_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = reading()
    reading.cache_clear()
    monkeypatch.setattr(intake, "_ROOMS", intake._ROOMS[1:])
    assert reading() != before
    reading.cache_clear()
