import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from qa.errors import IndexDamaged, IndexForeign, IndexLocked, IndexMissing, UnreadableFile
from qa.layout import Files, Layout, check_files, read_manifest, read_pointer
from qa.lock import writing
from qa.passages import Entry
from qa.records import Document, FileState, Passage, Place, Skipped
from qa.store import open_generation, write_generation

DOCUMENTS = [
    Document("a.txt", "甲", "大会由柴建军主持。", "2023-03-21", "本报", "/x/a.txt", "协和医院"),
    Document("目录/b.txt", "乙", "会议圆满结束。大会由柴建军主持。"),
]
ENTRIES = [
    Entry(
        Passage("a.txt#0-9", "a.txt", 0, 9, "大会由柴建军主持。", (Place("目录/b.txt", 7, 16),)), "甲 协和医院", "h0"
    ),
    Entry(Passage("目录/b.txt#0-7", "目录/b.txt", 0, 7, "会议圆满结束。"), "乙", "h1"),
]
VECTORS = np.eye(2, 4, dtype=np.float32)
ABOUT = {
    "model": "builtin",
    "fingerprint": "f" * 64,
    "folder": "/x",
    "files": {"a.txt": FileState("s", 1, 2)},
    "skipped": (Skipped("c.pdf", "encrypted"),),
}


def write(folder: Path) -> str:
    with writing(folder):
        return write_generation(folder, DOCUMENTS, ENTRIES, VECTORS, ABOUT).generation


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "索引 100%"
    write(folder)
    return folder


def test_what_was_written_is_read_back(index: Path) -> None:
    opened = open_generation(index)
    assert list(opened.passages) == [entry.passage for entry in ENTRIES]
    assert opened.passages.headings_at([1, 0]) == ["乙", "甲 协和医院"]
    assert [opened.passages.document(document.id) for document in DOCUMENTS] == DOCUMENTS
    assert np.array_equal(opened.vectors.rows([0, 1]), VECTORS)
    assert [row for row, _ in opened.lexical.search("柴建军", 5)] == [0]
    assert opened.passages.embedded() == {"h0": 0, "h1": 1}


def test_the_manifest_says_what_is_there(index: Path) -> None:
    manifest = open_generation(index).manifest
    assert (manifest.format, manifest.dimension, manifest.documents, manifest.passages) == (1, 4, 2, 2)
    assert (manifest.model, manifest.fingerprint, manifest.folder) == ("builtin", "f" * 64, "/x")
    assert manifest.files == ABOUT["files"]
    assert manifest.skipped == ABOUT["skipped"]
    assert {"vectors.faiss", "passages.sqlite", "lexical/meta.json"} <= manifest.checksums.keys()


def test_headings_leave_the_text_on_disk(index: Path) -> None:
    headings = open_generation(index).passages.headings()
    assert list(headings) == ["a.txt", "目录/b.txt"]
    assert headings["a.txt"] == Document("a.txt", "甲", "", "2023-03-21", "本报", "/x/a.txt", "协和医院")


def test_rows_of_a_document_include_repeats_that_stand_there(index: Path) -> None:
    passages = open_generation(index).passages
    assert passages.rows_of(["目录/b.txt"]) == [0, 1]
    assert passages.rows_of(["a.txt"]) == [0]
    assert passages.rows_of(["nowhere"]) == []


def test_passages_are_read_in_order_however_many(tmp_path: Path) -> None:
    text = "字" * 2500
    many = [Entry(Passage(str(n), "d", n, n + 1, "字"), "", str(n)) for n in range(2500)]
    with writing(tmp_path):
        write_generation(tmp_path, [Document("d", "", text)], many, np.ones((2500, 1), np.float32), ABOUT)
    passages = open_generation(tmp_path).passages
    assert [passage.id for passage in passages] == [str(n) for n in range(2500)]
    assert [passage.id for passage in passages.at([2400, 3, 1700])] == ["2400", "3", "1700"]
    assert passages.rows_of(["d"]) == list(range(2500))


def test_passages_are_read_from_many_threads(index: Path) -> None:
    passages = open_generation(index).passages
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: passages.at([0])[0].id, range(40))) == {"a.txt#0-9"}


def test_an_unknown_document_is_a_key_error(index: Path) -> None:
    with pytest.raises(KeyError, match="nowhere"):
        open_generation(index).passages.document("nowhere")


def test_a_folder_without_an_index_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match=r"no index was built here. Run: qa index --index") as caught:
        open_generation(tmp_path)
    assert caught.value.folder == tmp_path


def test_a_new_generation_replaces_the_old_and_one_old_is_kept(index: Path) -> None:
    names = [read_pointer(index).generation, write(index), write(index)]
    assert [name.split("-")[0] for name in names] == ["000001", "000002", "000003"]
    assert sorted(path.name for path in Layout(index).generations.iterdir()) == names[1:]
    assert read_pointer(index).generation == names[2]


def test_a_reader_keeps_its_generation_while_writers_prune_it(index: Path) -> None:
    opened = open_generation(index)
    for _ in range(3):
        write(index)
    assert not (Layout(index).generations / opened.manifest.generation).exists()
    assert list(opened.passages) == [entry.passage for entry in ENTRIES]
    assert [row for row, _ in opened.lexical.search("柴建军", 5)] == [0]


def test_what_a_dead_writer_left_is_swept_up(index: Path) -> None:
    left = Layout(index).generations / ".000009-deadbeef"
    left.mkdir()
    write(index)
    assert not left.exists()


@pytest.mark.parametrize("name", ["vectors.faiss", "passages.sqlite", "lexical/meta.json", "manifest.json"])
@pytest.mark.parametrize("harm", ["cut", "flip", "remove"])
def test_a_damaged_file_is_named_with_the_command_that_mends_it(index: Path, name: str, harm: str) -> None:
    path = Layout(index).generations / read_pointer(index).generation / name
    data = path.read_bytes()
    if harm == "remove":
        path.unlink()
    else:
        middle = len(data) // 2
        path.write_bytes(data[:-1] if harm == "cut" else data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    with pytest.raises(IndexDamaged, match=rf"{Path(name).name}.*Run: qa index --rebuild") as caught:
        open_generation(index)
    assert caught.value.folder == index


@pytest.mark.parametrize("text", ["", "x", "../../etc 0", "000001-aaaaaaaa", "\udce4"])
def test_a_damaged_pointer_is_told(index: Path, text: str) -> None:
    Layout(index).current.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(IndexDamaged, match="current") as caught:
        open_generation(index)
    assert caught.value.folder == index


def test_another_format_is_foreign(index: Path) -> None:
    pointer = read_pointer(index)
    path = Files(Layout(index).generations / pointer.generation).manifest
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    Layout(index).current.write_text(f"{pointer.generation} {checksum}\n")
    with pytest.raises(IndexForeign, match="has format 2, this version reads 1"):
        open_generation(index)


def test_checking_sizes_only_does_not_read_the_files(index: Path) -> None:
    manifest = read_manifest(index, read_pointer(index))
    path = Files(Layout(index).generations / manifest.generation).vectors
    path.write_bytes(bytes(path.stat().st_size))
    check_files(index, manifest, contents=False)
    with pytest.raises(IndexDamaged, match=r"vectors\.faiss was altered"):
        check_files(index, manifest, contents=True)


def test_only_one_writer_at_a_time_and_the_other_is_named(index: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with writing(index):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(10)
    try:
        with pytest.raises(IndexLocked, match=f"process {os.getpid()}"), writing(index):
            pass
    finally:
        leave.set()
        thread.join()
    with writing(index):
        pass


def test_a_dead_writer_holds_no_lock(index: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from qa.lock import writing\n"
        "with writing(Path(sys.argv[1])): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(index)], check=False).returncode == 9
    with writing(index):
        pass


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("")
    with pytest.raises(UnreadableFile, match="cannot be written to"), writing(tmp_path / "index"):
        pass


def test_an_index_can_be_copied_elsewhere(index: Path, tmp_path: Path) -> None:
    shutil.copytree(index, tmp_path / "copy")
    shutil.rmtree(index)
    assert len(open_generation(tmp_path / "copy").passages) == 2
