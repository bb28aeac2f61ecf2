import os
from collections.abc import Callable
from pathlib import Path

import pytest

from qa.build import build_index
from qa.embed import Encoder
from qa.errors import IndexStale
from qa.fresh import check_fresh, compare
from qa.layout import read_manifest, read_pointer
from qa.listing import Listed
from qa.records import FileState

LONG = "会议由甲同志主持,与会人员认真听取了工作报告,并就下一阶段的重点任务进行了深入讨论。"
OTHER = "医院召开了年度总结大会,院长作工作报告,党委书记提出三点要求,大家一致表示赞同。"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: (folder / "b.txt").write_text(OTHER, "utf-8"), r"1 new \(b\.txt\)"),
        (lambda folder: (folder / "a.txt").rename(folder / "c.txt"), r"1 new \(c\.txt\), 1 gone \(a\.txt\)"),
        (lambda folder: (folder / "a.txt").write_text(OTHER, "utf-8"), r"1 changed \(a\.txt\)"),
    ],
)
def test_documents_that_changed_make_the_index_stale(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder, change: Callable[[Path], object], told: str
) -> None:
    folder = documents(**{"a.txt": LONG})
    build_index(folder, tmp_path / "i", model=encoder)
    change(folder)
    with pytest.raises(IndexStale, match=rf"{told}. Run: qa index"):
        check_fresh(tmp_path / "i", read_manifest(tmp_path / "i", read_pointer(tmp_path / "i")))


def test_a_touched_file_or_a_folder_that_is_gone_is_not_stale(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    folder = documents(**{"a.txt": LONG})
    build_index(folder, tmp_path / "i", model=encoder)
    manifest = read_manifest(tmp_path / "i", read_pointer(tmp_path / "i"))
    os.utime(folder / "a.txt", (1, 1))
    check_fresh(tmp_path / "i", manifest)
    (folder / "a.txt").unlink()
    folder.rmdir()
    check_fresh(tmp_path / "i", manifest)


def test_files_whose_listing_is_known_are_not_looked_up(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    folder = documents(**{"a.txt": LONG})
    os.utime(folder / "a.txt", (1, 1))
    build_index(folder, tmp_path / "i", model=encoder)
    manifest = read_manifest(tmp_path / "i", read_pointer(tmp_path / "i"))
    check_fresh(tmp_path / "nowhere", manifest)


def test_compare_counts_and_names_the_differences() -> None:
    before = {name: FileState("s", 1, 2) for name in ("a", "b", "c", "d")}
    now = [Listed("a", "", 1, 2), Listed("c", "", 9, 2), Listed("x", "", 1, 2), Listed("y", "", 1, 2)]
    assert compare(before, now) == "2 new (x), 2 gone (b), 1 changed (c)"
    assert compare({}, []) == ""
