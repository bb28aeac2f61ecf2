from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qa.build import build_index
from qa.embed import Encoder
from qa.errors import IndexDamaged, IndexLocked, UploadRefused
from qa.live import Library, Live
from qa.lock import writing
from qa.stores import publish
from qa.uploads import Incoming, Shelf

ANNUAL = "员工每年有十天年假，须提前两周申请。\n"
LIBRARY = "图书馆周六上午九点开门，下午五点关门。\n"


@pytest.fixture
def index(documents: Callable[..., Path], tmp_path: Path, encoder: Encoder) -> Path:
    build_index(documents(**{"年假.txt": ANNUAL}), tmp_path / "index", model=encoder)
    return tmp_path / "index"


@pytest.fixture
def library(index: Path, tmp_path: Path) -> Iterator[Library]:
    yield Library(Live(index), Shelf(tmp_path / "documents"))
    gc.collect()


@pytest.fixture
def sent(tmp_path: Path) -> Callable[[str, str], Incoming]:
    def write(name: str, text: str) -> Incoming:
        path = tmp_path / f"sent-{name}"
        path.write_text(text, "utf-8")
        return Incoming(name, path)

    return write


def quotes(library: Library, question: str) -> list[str]:
    return [hit.passage.document_id for hit in library.live.now.search(question)]


def test_what_is_added_is_found_and_what_is_removed_is_not(
    library: Library, sent: Callable[[str, str], Incoming]
) -> None:
    steps: list[tuple[int, int]] = []
    admission = library.add([sent("图书馆.txt", LIBRARY), sent("坏.exe", "x")], lambda *step: steps.append(step))
    assert (admission.added, [item.path for item in admission.refused]) == (("图书馆.txt",), ["坏.exe"])
    assert steps[-1] == (1, 1)
    assert quotes(library, "图书馆几点开门")[0] == "图书馆.txt"
    assert library.remove(["图书馆.txt"]) == ("图书馆.txt",)
    assert quotes(library, "图书馆几点开门") == ["年假.txt"]


def test_a_build_that_cannot_be_leaves_folder_and_answers_as_they_were(
    library: Library, index: Path, tmp_path: Path, sent: Callable[[str, str], Incoming]
) -> None:
    library.add([sent("图书馆.txt", LIBRARY)])
    before = library.live.now
    with writing(index):
        with pytest.raises(IndexLocked):
            library.add([sent("新.txt", "新的一份。")])
        with pytest.raises(IndexLocked):
            library.remove(["图书馆.txt"])
    assert sorted(path.name for path in (tmp_path / "documents").iterdir()) == ["图书馆.txt", "年假.txt"]
    assert library.live.now is before


def test_questions_go_on_while_documents_come_and_go(library: Library, sent: Callable[[str, str], Incoming]) -> None:
    wrong: list[BaseException] = []
    asked = 0
    over = threading.Event()

    def ask() -> None:
        nonlocal asked
        try:
            while not over.is_set():
                assert library.live.now.ask("年假有几天").hits[0].document.id == "年假.txt"
                asked += 1
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(4):
        library.add([sent(f"{n}.txt", f"第{n}号楼的食堂在{n}层，由后勤处管理。\n" * 3)])
        library.remove([f"{n}.txt"])
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert asked > 8


def test_an_old_generation_is_closed_when_its_last_reader_lets_go(
    library: Library, sent: Callable[[str, str], Incoming]
) -> None:
    old = library.live.now
    passages = old.passages
    library.add([sent("图书馆.txt", LIBRARY)])
    assert library.live.now is not old
    assert len(old.search("年假")) == 1
    del old
    gc.collect()
    with pytest.raises(Exception, match="closed"):
        passages.at([0])


def test_a_generation_that_another_process_built_is_taken_up(
    library: Library, index: Path, tmp_path: Path, encoder: Encoder
) -> None:
    over = threading.Event()
    follower = threading.Thread(target=library.live.follow, args=(over, 0.01))
    follower.start()
    (tmp_path / "documents" / "图书馆.txt").write_text(LIBRARY, "utf-8")
    built = build_index(tmp_path / "documents", index, model=encoder)
    for _ in range(500):
        if library.live.now.manifest.generation == built.generation:
            break
        over.wait(0.01)
    over.set()
    follower.join()
    assert quotes(library, "图书馆几点开门")[0] == "图书馆.txt"
    assert library.live.refresh() is False


def test_a_generation_that_cannot_be_opened_leaves_the_old_one_in_use(
    library: Library, index: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (index / "current").write_text("nonsense")
    with pytest.raises(IndexDamaged):
        library.live.refresh()
    over = threading.Event()
    follower = threading.Thread(target=library.live.follow, args=(over, 0.01))
    follower.start()
    while not caplog.messages:
        over.wait(0.01)
    over.wait(0.1)
    over.set()
    follower.join()
    assert [message.split(":")[0] for message in caplog.messages] == ["the old generation stays in use"]
    assert quotes(library, "年假") == ["年假.txt"]


def test_an_index_of_another_folder_is_refused(index: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    said = r"was built from .*documents\. Run: python app\.py --index my-index --allow-upload .*other"
    with pytest.raises(UploadRefused, match=said):
        Library(Live(index), Shelf(tmp_path / "other"))


def test_a_store_that_another_generation_was_published_to_is_followed(
    index: Path, milvus: str, documents: Callable[..., Path], encoder: Encoder
) -> None:
    store = f"{milvus}/followed"
    publish(index, store)
    live = Live(store, encoder=encoder)
    before = live.now
    assert not live.refresh()
    build_index(documents(**{"图书馆.txt": LIBRARY}), index, model=encoder)
    publish(index, store)
    stopped = threading.Event()
    following = threading.Thread(target=live.follow, args=(stopped, 0.05))
    following.start()
    deadline = time.monotonic() + 60
    while live.now is before and time.monotonic() < deadline:
        time.sleep(0.05)
    stopped.set()
    following.join()
    assert live.now.search("图书馆几点开门")[0].passage.document_id == "图书馆.txt"
    assert [hit.passage.document_id for hit in before.search("图书馆几点开门")] == ["年假.txt"]
    assert not live.refresh()
    del before
    gc.collect()
    assert live.now.search("图书馆几点开门")[0].passage.document_id == "图书馆.txt"
