import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qa.errors import IndexDamaged, NoEarlierGeneration
from qa.layout import Layout, read_pointer
from qa.store import open_generation, roll_back

Write = Callable[[Path], str]


def test_what_was_written_is_read_back(small_index: Path) -> None:
    opened = open_generation(small_index)
    assert [passage.id for passage in opened.passages] == ["a.txt#0-9", "目录/b.txt#0-7"]
    assert np.array_equal(opened.vectors.rows([0, 1]), np.eye(2, 4, dtype=np.float32))
    assert [row for row, _ in opened.lexical.search("柴建军", 5)] == [0]


def test_the_manifest_says_what_is_there(small_index: Path) -> None:
    manifest = open_generation(small_index).manifest
    assert (manifest.format, manifest.dimension, manifest.documents, manifest.passages) == (2, 4, 2, 2)
    assert (manifest.model, manifest.fingerprint, manifest.folder) == ("builtin", "f" * 64, "/x")
    assert {"vectors.faiss", "passages.sqlite", "lexical/meta.json"} <= manifest.checksums.keys()
    assert manifest.checksums.keys() == manifest.sizes.keys() == manifest.heads.keys()
    folder = Layout(small_index).generations / manifest.generation
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {name for name in there if not name.endswith(".lock")} == {*manifest.sizes, "manifest.json"}


def test_rolling_back_makes_the_earlier_generation_the_one_in_use(small_index: Path, write_small: Write) -> None:
    first = read_pointer(small_index).generation
    second = write_small(small_index)
    assert roll_back(small_index).generation == first
    assert open_generation(small_index).manifest.generation == first
    with pytest.raises(NoEarlierGeneration, match=f"no generation before {first} is kept"):
        roll_back(small_index)
    third = write_small(small_index)
    assert third.startswith("000003-")
    assert sorted(path.name for path in Layout(small_index).generations.iterdir()) == [first, third]
    assert second not in {first, third}


def test_a_damaged_earlier_generation_is_not_rolled_back_to(small_index: Path, write_small: Write) -> None:
    first = read_pointer(small_index).generation
    second = write_small(small_index)
    (Layout(small_index).generations / first / "vectors.faiss").write_bytes(b"")
    with pytest.raises(IndexDamaged, match=r"vectors\.faiss has 0 bytes"):
        roll_back(small_index)
    assert read_pointer(small_index).generation == second


def test_a_new_generation_replaces_the_old_and_one_old_is_kept(small_index: Path, write_small: Write) -> None:
    names = [read_pointer(small_index).generation, write_small(small_index), write_small(small_index)]
    assert [name.split("-")[0] for name in names] == ["000001", "000002", "000003"]
    assert sorted(path.name for path in Layout(small_index).generations.iterdir()) == names[1:]
    assert read_pointer(small_index).generation == names[2]


def test_a_reader_keeps_its_generation_while_writers_prune_it(small_index: Path, write_small: Write) -> None:
    opened = open_generation(small_index)
    for _ in range(3):
        write_small(small_index)
    assert not (Layout(small_index).generations / opened.manifest.generation).exists()
    assert [passage.id for passage in opened.passages] == ["a.txt#0-9", "目录/b.txt#0-7"]
    assert [row for row, _ in opened.lexical.search("柴建军", 5)] == [0]


def test_what_a_dead_writer_left_is_swept_up(small_index: Path, write_small: Write) -> None:
    left = Layout(small_index).generations / ".000009-deadbeef"
    left.mkdir()
    write_small(small_index)
    assert not left.exists()


@pytest.mark.parametrize("name", ["vectors.faiss", "passages.sqlite", "lexical/meta.json", "manifest.json"])
@pytest.mark.parametrize("harm", ["cut", "flip", "remove"])
def test_a_damaged_file_is_named_with_the_command_that_mends_it(small_index: Path, name: str, harm: str) -> None:
    path = Layout(small_index).generations / read_pointer(small_index).generation / name
    data = path.read_bytes()
    if harm == "remove":
        path.unlink()
    else:
        middle = len(data) // 2
        path.write_bytes(data[:-1] if harm == "cut" else data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    with pytest.raises(IndexDamaged, match=rf"{Path(name).name}.*Run: qa index --rebuild") as caught:
        open_generation(small_index)
    assert caught.value.folder == small_index


def test_an_index_can_be_copied_elsewhere(small_index: Path, tmp_path: Path) -> None:
    shutil.copytree(small_index, tmp_path / "copy")
    shutil.rmtree(small_index)
    assert len(open_generation(tmp_path / "copy").passages) == 2
