"""A folder becomes documents; one bad file never stops the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qa.errors import NoDocuments, UnreadableFile
from qa.load import SIZE_LIMIT
from qa.read import read_document, read_documents, scan
from qa.records import Document, Skipped

SEEDS = Path(__file__).parents[1] / "seeds"


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("会议由院长主持。", encoding="utf-8")


def test_scan_takes_readable_files_in_order(tmp_path: Path) -> None:
    fill(tmp_path, "b.TXT", "a/z.md", "a.html", ".hidden.txt", ".git/x.txt", "image.png", "c.docx")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "broken.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    assert [path.relative_to(tmp_path).as_posix() for path in scan(tmp_path)] == ["a.html", "a/z.md", "b.TXT", "c.docx"]


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    fill(tmp_path, "elsewhere/x.txt", "docs/y.txt")
    for name in ("one", "two"):
        (tmp_path / "docs" / name).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert [path.relative_to(tmp_path).as_posix() for path in scan(tmp_path)] == [
        "docs/y.txt",
        "elsewhere/x.txt",
    ] or len(scan(tmp_path)) == 2


def test_read_document(tmp_path: Path) -> None:
    path = tmp_path / "通知" / "会议.txt"
    path.parent.mkdir()
    text = "首页 > 新闻\n某某市第一医院召开会议\n时间:2024.4.20 点击:3 来源:宣传科\n某某市第一医院的会议由院长主持。"
    path.write_bytes(text.replace("\n", "\r\n").encode("gb18030"))
    assert read_document(path, tmp_path) == Document(
        "通知/会议.txt", "某某市第一医院召开会议", text, "2024-04-20", "宣传科", str(path), "某某市第一医院"
    )


def test_an_html_page_keeps_its_title_and_by_line(tmp_path: Path) -> None:
    body = "".join(f"<p>第{n}项议程由院长主持,各科室负责人参加会议并作了汇报发言。</p>" for n in range(6))
    byline = "<div><span>时间:2024-04-01</span> <span>来源:宣传科</span></div>"
    page = f"<title>会议召开</title><h1>会议召开</h1>{byline}<div class=content>{body}</div>"
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    document = read_document(tmp_path / "a.html", tmp_path)
    assert document.text.startswith("会议召开\n时间:2024-04-01 来源:宣传科\n第0项议程由院长主持")
    assert (document.title, document.date, document.source) == ("会议召开", "2024-04-01", "宣传科")


def test_the_title_falls_back_to_the_file_name(tmp_path: Path) -> None:
    fill(tmp_path, "请假制度.txt")
    assert read_document(tmp_path / "请假制度.txt", tmp_path).title == "请假制度"


def test_one_bad_file_is_reported_and_the_rest_go_on(tmp_path: Path) -> None:
    fill(tmp_path, "good.txt")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "fake.docx").write_bytes(b"no zip")
    skipped: list[Skipped] = []
    assert [document.id for document in read_documents(tmp_path, skipped.append)] == ["good.txt"]
    assert [(skip.path, skip.reason[:19]) for skip in skipped] == [
        ("empty.txt", "the file is empty"),
        ("fake.docx", "not a Word document"),
    ]


def test_errors_name_the_file_and_the_reason(tmp_path: Path) -> None:
    big = tmp_path / "big.txt"
    with big.open("wb") as file:
        file.truncate(SIZE_LIMIT + 1)
    with pytest.raises(UnreadableFile, match=r"big\.txt: it is larger than 64 MiB"):
        read_document(big, tmp_path)
    with pytest.raises(UnreadableFile, match=r"gone\.txt: No such file"):
        read_document(tmp_path / "gone.txt", tmp_path)


def test_no_documents(tmp_path: Path) -> None:
    with pytest.raises(NoDocuments, match="there is no such folder"):
        read_documents(tmp_path / "none")
    with pytest.raises(NoDocuments, match="there are no documents in it"):
        read_documents(tmp_path)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(NoDocuments, match="none of its 1 files can be read"):
        read_documents(tmp_path)


def test_the_seeds() -> None:
    facts = [
        (document.title[:12], document.date, document.source, document.organisation)
        for document in read_documents(SEEDS)
    ]
    assert facts == [
        ("北京协和医院召开第九届二", "2023-03-21", "", "北京协和医院"),
        ("踔厉奋发担使命 蓄力起航", "2024-04-01", "党委办公室宣传科", "内蒙古医科大学附属医院"),
        ("中西医结合医院召开202", "2024-02-04", "", "中西医结合医院"),
        ("深化合作共建,锐意开拓进", "2024-04-22", "今视频", "南昌市第一医院"),
        ("2022年重点工作推进会", "2022-09-22", "北仑区人民医院", "北仑区人民医院"),
    ]
