from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from qa.errors import UploadRefused
from qa.layout import sha256
from qa.records import FileState, Skipped
from qa.uploads import Incoming, Shelf, UploadLimits, safe_name

TEXT = "图书馆周六上午九点开门，下午五点关门。\n"


@pytest.fixture
def folder(documents: Callable[..., Path]) -> Path:
    return documents(**{"年假.txt": "年假有十天。\n"})


@pytest.fixture
def sent(tmp_path: Path) -> Callable[..., Incoming]:
    """Put a file where uploads lie, under the name that the visitor gives."""
    place = tmp_path / "sent"
    place.mkdir()

    def write(name: str, content: str | bytes = TEXT) -> Incoming:
        path = place / str(len(list(place.iterdir())))
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Incoming(name, path)

    return write


def add(shelf: Shelf, *files: Incoming, known: dict[str, FileState] | None = None) -> tuple[tuple[str, ...], list[str]]:
    with shelf.adding(files, known or {}) as admission:
        pass
    return admission.added, [item.reason for item in admission.refused]


# --- names


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("开放时间.txt", "开放时间.txt"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\windows\\win.md", "win.md"),
        ("/etc/cron.d/job.html", "job.html"),
        ("C:\\secret.pdf", "secret.pdf"),
        ("  a  b .TXT ", "a b.txt"),
        (".hidden.txt", "hidden.txt"),
        ("...txt.txt", "txt.txt"),
        ("a\x00b\nc.txt", "abc.txt"),
        ("evil\u202efdp.txt", "evilfdp.txt"),
        ("\u200bzero\u2060width\ufeff.txt", "zerowidth.txt"),
        ("\ud800lone.txt", "lone.txt"),
        ("cafe\u0301.md", "caf\u00e9.md"),
        ('what?<is>"this"|*:.txt', "what__is__this____.txt"),
        ("report.php.html", "report.php.html"),
        ("长" * 300 + ".docx", "长" * 60 + ".docx"),
    ],
)
def test_a_file_is_kept_under_a_safe_name(given: str, kept: str) -> None:
    assert safe_name(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        ".",
        "..",
        "/",
        ".txt",
        "a",
        "a.exe",
        "a.pdf.exe",
        "a.txt/",
        "a.txt:evil.exe",
        "a.txt\u202e.exe",
        "a.txt%00.exe",
    ],
)
def test_a_name_without_a_readable_ending_is_refused(given: str) -> None:
    with pytest.raises(UploadRefused, match=r"only \.txt"):
        safe_name(given)


@pytest.mark.parametrize("given", ["con.txt", "NUL.tar.txt", "Com1.md", "lpt\u00b9.html", "aux .pdf"])
def test_the_name_of_a_device_is_refused(given: str) -> None:
    with pytest.raises(UploadRefused, match="device"):
        safe_name(given)


# --- adding


def test_what_is_added_lies_in_the_folder_byte_by_byte(folder: Path, sent: Callable[..., Incoming]) -> None:
    assert add(Shelf(folder), sent("../开放时间.txt")) == (("开放时间.txt",), [])
    assert (folder / "开放时间.txt").read_bytes() == TEXT.encode()
    assert sorted(path.name for path in folder.iterdir()) == ["年假.txt", "开放时间.txt"]


def test_one_bad_file_does_not_stop_the_others(folder: Path, sent: Callable[..., Incoming]) -> None:
    shelf = Shelf(folder, UploadLimits(file_bytes=1 << 20))
    added, reasons = add(
        shelf,
        sent("空.txt", ""),
        sent("好.txt"),
        sent("程序.exe"),
        sent("假.pdf", b"\x7fELF" + b"\x00" * 100),
        sent("大.txt", "长" * (1 << 20)),
    )
    assert added == ("好.txt",)
    assert [reason.split(" ")[0] for reason in reasons[1:2]] == ["only"]
    assert reasons[3] == "larger than 1 MiB"
    assert len(reasons) == 4
    assert sorted(path.name for path in folder.iterdir()) == ["好.txt", "年假.txt"]


def test_what_is_there_is_never_overwritten(folder: Path, sent: Callable[..., Incoming]) -> None:
    (folder / "Ａ.txt").write_text("全角的名字。")
    added, reasons = add(Shelf(folder), sent("年假.txt"), sent("a.TXT"), sent("新.txt"), sent("新.txt", "另一份。"))
    assert added == ("新.txt",)
    assert reasons == [
        f"a document of this name is there ({twin}). Remove it first" for twin in ("年假.txt", "Ａ.txt", "新.txt")
    ]
    assert (folder / "年假.txt").read_text() == "年假有十天。\n"
    assert (folder / "新.txt").read_text() == TEXT


def test_the_same_contents_are_taken_once(folder: Path, sent: Callable[..., Incoming]) -> None:
    known = {"年假.txt": FileState(sha256(folder / "年假.txt"), 0, 0)}
    added, reasons = add(Shelf(folder), sent("假期.txt", "年假有十天。\n"), sent("一.txt"), sent("二.txt"), known=known)
    assert (added, reasons) == (
        ("一.txt",),
        ["the same document is there as 年假.txt", "the same document is there as 一.txt"],
    )


def test_a_link_is_neither_followed_nor_replaced(folder: Path, tmp_path: Path, sent: Callable[..., Incoming]) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("外面的文件。")
    (folder / "dangling.txt").symlink_to(tmp_path / "target.txt")
    link = tmp_path / "link"
    link.symlink_to(outside)
    os.mkfifo(tmp_path / "pipe")
    added, reasons = add(
        Shelf(folder), Incoming("a.txt", link), Incoming("b.txt", tmp_path / "pipe"), sent("dangling.txt")
    )
    assert (added, len(reasons)) == ((), 3)
    assert not (tmp_path / "target.txt").exists()


def test_counts_are_limited(folder: Path, sent: Callable[..., Incoming]) -> None:
    files = [sent(f"{n}.txt", f"第{n}份文件。") for n in range(4)]
    assert add(Shelf(folder, UploadLimits(files=2)), *files) == (
        ("0.txt", "1.txt"),
        ["at most 2 files are taken at once"] * 2,
    )
    added, reasons = add(Shelf(folder, UploadLimits(documents=4)), *files[2:])
    assert (added, reasons) == (("2.txt",), ["the folder holds 4 documents, no more are taken"])


def test_a_change_that_fails_later_leaves_the_folder_as_it_was(folder: Path, sent: Callable[..., Incoming]) -> None:
    shelf = Shelf(folder)
    with pytest.raises(RuntimeError), shelf.adding([sent("新.txt")], {}) as admission:
        assert (folder / "新.txt").exists()
        raise RuntimeError
    assert admission.added == ("新.txt",)
    (folder / "二.txt").write_text("第二份。")
    with pytest.raises(RuntimeError), shelf.removing(["二.txt"]):
        assert not (folder / "二.txt").exists()
        raise RuntimeError
    assert sorted(path.name for path in folder.iterdir()) == ["二.txt", "年假.txt"]


# --- removing


def test_what_is_removed_is_gone(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "二.txt").write_text("第二份。")
    with Shelf(folder).removing(["sub/二.txt"]) as removed:
        assert removed == ("sub/二.txt",)
    assert list(Shelf(folder).files()) == ["年假.txt"]


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname", "no.txt", "", "linked/inside.txt"])
def test_only_documents_of_the_folder_can_be_removed(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside.txt").write_text("外面。")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "inside.txt").write_text("别处。")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "二.txt").write_text("第二份。")
    with pytest.raises(UploadRefused, match="no such document"), Shelf(folder).removing(["二.txt", name]):
        pytest.fail("nothing may be removed")
    assert (tmp_path / "outside.txt").exists()
    assert (tmp_path / "elsewhere" / "inside.txt").exists()
    assert (folder / "二.txt").exists()


def test_the_last_document_stays(folder: Path) -> None:
    with pytest.raises(UploadRefused, match="last document"), Shelf(folder).removing(["年假.txt"]):
        pass
    assert (folder / "年假.txt").exists()


# --- the folder


def test_a_kept_folder_and_what_is_in_it_is_never_taken(folder: Path, tmp_path: Path) -> None:
    (folder / "inner").mkdir()
    (tmp_path / "link").symlink_to(folder)
    for given in (folder, folder / "inner", tmp_path / "link", folder / "inner" / ".."):
        with pytest.raises(UploadRefused, match=r"never edited by the program\. Run: cp -r "):
            Shelf(given, kept=[folder])


def test_a_folder_that_cannot_be_changed_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UploadRefused, match="no such folder"):
        Shelf(tmp_path / "missing")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)  # the tests may run as root, who may write anywhere
    with pytest.raises(UploadRefused, match=r"cannot be written to \(Read-only file system\)"):
        Shelf(tmp_path)


def test_what_a_stopped_process_left_aside_is_removed(folder: Path) -> None:
    (folder / ".aside-1").mkdir()
    (folder / ".aside-1" / "x.txt").write_text("x")
    Shelf(folder)
    assert [path.name for path in folder.iterdir()] == ["年假.txt"]


def test_refusals_name_the_file_as_it_was_given(folder: Path, sent: Callable[..., Incoming]) -> None:
    with Shelf(folder).adding([sent("a.exe")], {}) as admission:
        assert admission.refused == (Skipped("a.exe", "only .txt .md .markdown .html .htm .pdf .docx are taken"),)
