import os
from pathlib import Path

import pytest

from qa import listing
from qa.errors import NoDocuments
from qa.layout import sha256
from qa.listing import Listed, digest, digest_of, is_unchanged, list_files, looked_at_again
from qa.records import FileState

OLD = (1_600_000_000, 1_600_000_000)


def times(path: Path) -> int:
    """When it was written, long ago, and when that was recorded."""
    return OLD[0] * 10**9 + path.stat().st_ctime_ns


def test_files_are_listed_by_name_with_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "目录").mkdir()
    for name, text in (("b.TXT", "12"), ("目录/a.txt", "123"), ("c.png", "")):
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, OLD)
    assert list_files(tmp_path, {".txt"}) == [
        Listed("b.TXT", str(tmp_path / "b.TXT"), 2, times(tmp_path / "b.TXT")),
        Listed("目录/a.txt", str(tmp_path / "目录" / "a.txt"), 3, times(tmp_path / "目录" / "a.txt")),
    ]
    with pytest.raises(NoDocuments, match="there is no such folder"):
        list_files(tmp_path / "nowhere", {".txt"})


def test_a_folder_has_the_digest_of_its_list(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in (b"b/a.txt", b"b.txt", b"a\xff.txt", b"a\xfe.txt", b"c.png"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.write_bytes(name)
        os.utime(path, OLD)
    assert digest_of(tmp_path, {".txt"}) == digest(list_files(tmp_path, {".txt"})) != ""
    (tmp_path / "b.txt").write_text("lately")
    assert digest_of(tmp_path, {".txt"}) == ""
    with pytest.raises(NoDocuments, match="there is no such folder"):
        digest_of(tmp_path / "nowhere", {".txt"})


def test_a_name_that_is_no_unicode_is_made_valid(tmp_path: Path) -> None:
    for name in (b"a\xff.txt", b"a\xfe.txt"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")
    assert [file.name for file in list_files(tmp_path, {".txt"})] == ["a\ufffd.txt"]


def test_the_time_of_a_file_that_was_just_written_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("一")
    [file] = list_files(tmp_path, {".txt"})
    assert (file.mtime_ns, digest([file])) == (-1, "")
    before = FileState(sha256(path), file.size, -1)
    assert is_unchanged(file, before)
    path.write_text("二")
    assert not is_unchanged(file, before)


def test_a_file_that_has_settled_since_it_was_listed_gets_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("一")
    [lately] = list_files(tmp_path, {".txt"})
    assert looked_at_again(lately) == lately
    monkeypatch.setattr(listing, "_COARSEST_CLOCK", -1)
    path.write_text("一二")
    [settled] = list_files(tmp_path, {".txt"})
    assert looked_at_again(lately) == settled
    assert settled.mtime_ns > 0
    path.unlink()
    assert looked_at_again(lately) == lately
    assert looked_at_again(settled) == settled


def test_the_digest_changes_with_every_name_size_and_time() -> None:
    file = Listed("a", "/a", 1, 2)
    others = [[], [Listed("b", "/a", 1, 2)], [Listed("a", "/a", 2, 2)], [Listed("a", "/a", 1, 3)], [file, file]]
    assert len({digest(files) for files in ([file], *others)}) == 6
    assert digest([Listed("a", "/elsewhere", 1, 2)]) == digest([file])


def test_a_file_with_the_same_size_and_time_is_not_read(tmp_path: Path) -> None:
    gone = Listed("a", str(tmp_path / "a"), 1, 2)
    assert is_unchanged(gone, FileState("s", 1, 2))
    assert not is_unchanged(gone, FileState("s", 1, 3))
    assert not is_unchanged(gone, FileState("s", 2, 2))
    assert is_unchanged(gone, FileState("", 1, 2))  # could not be opened then, cannot be now
