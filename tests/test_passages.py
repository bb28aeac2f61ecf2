from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qa.errors import IndexDamaged
from qa.passages import Cut, Entry, Passages, PassagesWriter
from qa.records import Document, FileState, Passage, Place, Skipped
from qa.store import open_generation


@pytest.fixture
def passages(small_index: Path) -> Iterator[Passages]:
    opened = open_generation(small_index).passages
    yield opened
    opened.close()


def test_passages_and_documents_are_read_back(passages: Passages) -> None:
    assert list(passages) == [
        Passage("a.txt#0-9", "a.txt", 0, 9, "大会由柴建军主持。", (Place("目录/b.txt", 7, 16),)),
        Passage("目录/b.txt#0-7", "目录/b.txt", 0, 7, "会议圆满结束。"),
    ]
    assert [heading for _, heading in passages.headed_at([1, 0])] == ["乙", "甲 协和医院"]
    assert passages.document("目录/b.txt") == Document("目录/b.txt", "乙", "会议圆满结束。大会由柴建军主持。")
    assert passages.rows_embedded(["h1", "h2", "h0"]) == {"h0": 0, "h1": 1}


def test_files_are_read_back(passages: Passages) -> None:
    states = {
        "a.txt": FileState("s", 1, 2),
        "c.pdf": FileState("t", 3, 4, "encrypted"),
        "目录/b.txt": FileState("u", 5, 6),
    }
    assert passages.files() == states
    assert passages.files(["c.pdf", "nowhere"]) == {"c.pdf": states["c.pdf"]}
    assert passages.skipped() == (Skipped("c.pdf", "encrypted"),)


def test_cuts_of_a_document_include_its_repeats_in_order(passages: Passages) -> None:
    assert passages.cuts("目录/b.txt") == [Cut(0, 7, b"k1"), Cut(7, 16, b"k0")]
    assert passages.cuts("nowhere") == []


def test_headings_leave_the_text_on_disk(passages: Passages) -> None:
    headings = passages.headings()
    assert list(headings) == ["a.txt", "目录/b.txt"]
    assert headings["a.txt"] == Document("a.txt", "甲", "", "2023-03-21", "本报", "/x/a.txt", "协和医院")
    assert list(passages.headings(["目录/b.txt", "a.txt", "目录/b.txt"])) == ["目录/b.txt", "a.txt"]


def test_rows_of_a_document_include_repeats_that_stand_there(passages: Passages) -> None:
    assert passages.rows_of(["目录/b.txt"]) == [0, 1]
    assert passages.rows_of(["a.txt"]) == [0]
    assert passages.rows_of(["nowhere"]) == []


def test_a_file_that_is_harmed_while_it_is_open_is_named_with_its_index(small_index: Path, passages: Passages) -> None:
    [path] = small_index.glob("generations/*/passages.sqlite")
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(IndexDamaged, match=r"passages\.sqlite: .*malformed") as told:
        passages.files()
    assert told.value.folder == small_index
    with pytest.raises(IndexDamaged, match="not a database"):
        path.write_bytes(b"\xff" * len(data))
        Passages(path)


def test_passages_are_read_in_order_however_many(tmp_path: Path) -> None:
    writer = PassagesWriter(tmp_path / "p")
    many = [Entry(Passage(str(n), "d", n, n + 1, "字"), "", str(n)) for n in range(2500)]
    assert writer.add(Document("d", "", "字" * 2500), many) == many
    writer.close(complete=True)
    passages = Passages(tmp_path / "p")
    assert [passage.id for passage in passages] == [str(n) for n in range(2500)]
    assert [passage.id for passage in passages.at([2400, 3, 1700])] == ["2400", "3", "1700"]
    assert passages.rows_of(["d"]) == list(range(2500))
    passages.close()


def test_passages_that_are_kept_are_those_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.passages._KEPT", 5)
    rows = PassagesWriter(tmp_path / "rows.sqlite")
    entries = (Entry(Passage(f"{n}", "a", n, n + 1, f"{n}"), f"h{n}", f"e{n}") for n in range(20))
    rows.add(Document("a", "a", "a"), entries)
    rows.close(complete=True)
    opened = Passages(tmp_path / "rows.sqlite")
    try:
        for wanted in ([3, 1, 3], [1, 2], [], [7, 1, 4, 2], list(range(19, 7, -1)), [0, 19]):
            assert [passage.text for passage in opened.at(wanted)] == [f"{row}" for row in wanted]
            assert [heading for _, heading in opened.headed_at(wanted)] == [f"h{row}" for row in wanted]
            assert len(opened._kept) <= 5
    finally:
        opened.close()


def test_passages_are_read_from_many_threads(passages: Passages) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: passages.at([0])[0].id, range(40))) == {"a.txt#0-9"}


def test_an_unknown_document_is_a_key_error(passages: Passages) -> None:
    with pytest.raises(KeyError, match="nowhere"):
        passages.document("nowhere")


def test_a_writer_goes_on_after_the_last_commit(tmp_path: Path) -> None:
    first = PassagesWriter(tmp_path / "p")
    first.add_file("a", FileState("s", 1, 2))
    first.add(Document("a", "", "甲"), [Entry(Passage("a#0-1", "a", 0, 1, "甲"), "h", "e", b"k")])
    first.commit()
    first.add(Document("b", "", "乙"), [Entry(Passage("b#0-1", "b", 0, 1, "乙"), "h", "f", b"l")])
    first.close(complete=False)
    second = PassagesWriter(tmp_path / "p")
    assert (len(second), second.documents, list(second.files()), list(second.texts())) == (1, 1, ["a"], [("h", "甲")])
    again = Entry(Passage("c#0-1", "c", 0, 1, "甲"), "h", "e", b"k")
    assert second.add(Document("c", "", "甲"), [again]) == []
    second.close(complete=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p"]
    passages = Passages(tmp_path / "p")
    assert list(passages) == [Passage("a#0-1", "a", 0, 1, "甲", (Place("c", 0, 1),))]
    passages.close()
