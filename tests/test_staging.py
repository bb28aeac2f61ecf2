from pathlib import Path

import numpy as np
import pytest

from qa.layout import Layout
from qa.lexical import LexicalIndex
from qa.passages import Entry
from qa.records import Document, FileState, Passage
from qa.staging import Staging
from qa.vectors import VectorIndex

ABOUT = {"folder": "/x"}


def add(staging: Staging, *names: str) -> None:
    for name in names:
        staging.add_file(name, FileState("s", 1, 2))
        text = f"{name}医院召开会议"
        entry = Entry(Passage(name, name, 0, len(text), text), "题", name, name.encode())
        assert staging.add(Document(name, "题", text), [entry]) == [entry]
        staging.add_vectors(np.full((1, 2), ord(name), np.float32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Layout(tmp_path).generations.mkdir()
    return tmp_path


def test_what_was_committed_is_gone_on_from(folder: Path) -> None:
    first = Staging.begin(folder, 2, ABOUT)
    add(first, "a", "b")
    first.commit()
    add(first, "c")
    first.close()
    second = Staging.begin(folder, 2, ABOUT, resume=True)
    assert (len(second), second.documents, list(second.files())) == (2, 2, ["a", "b"])
    add(second, "d")
    assert second.sample(3) == ["a医院召开会议", "b医院召开会议", "d医院召开会议"]
    files = second.finish(scan=False)
    assert VectorIndex.open(files.vectors).rows([0, 1, 2]).tolist() == [[97, 97], [98, 98], [100, 100]]
    assert [row for row, _ in LexicalIndex.open(files.lexical).search("d", 5)] == [2]
    assert not files.scan.exists()


@pytest.mark.parametrize("about", [{"folder": "/y"}, {**ABOUT, "more": 1}])
def test_what_is_about_something_else_is_not_gone_on_from(folder: Path, about: dict[str, object]) -> None:
    first = Staging.begin(folder, 2, ABOUT)
    add(first, "a")
    first.commit()
    first.close()
    second = Staging.begin(folder, 2, about, resume=True)
    assert len(second) == 0
    second.close()


@pytest.mark.parametrize("harm", ["vectors.raw", "passages.sqlite"])
def test_what_is_damaged_is_not_gone_on_from(folder: Path, harm: str) -> None:
    first = Staging.begin(folder, 2, ABOUT)
    add(first, "a")
    first.commit()
    first.close()
    path = Layout(folder).unfinished / harm
    path.write_bytes(b"x" * (path.stat().st_size // 2))
    second = Staging.begin(folder, 2, ABOUT, resume=True)
    assert (len(second), list(second.files())) == (0, [])
    add(second, "b")
    assert len(VectorIndex.open(second.finish(scan=False).vectors)) == 1


def test_without_resuming_everything_that_was_left_is_swept_up(folder: Path) -> None:
    first = Staging.begin(folder, 2, ABOUT)
    add(first, "a")
    first.commit()
    first.close()
    (Layout(folder).generations / ".removed-000001-deadbeef").mkdir()
    second = Staging.begin(folder, 2, ABOUT)
    assert len(second) == 0
    second.close()
    assert [path.name for path in Layout(folder).generations.iterdir()] == [".unfinished"]
