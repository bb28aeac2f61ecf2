"""What only Milvus does: aliases, publishing that dies, documents in and out of a generation in use, real questions."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qa import milvus_records
from qa.build import entry
from qa.doctor import examine
from qa.embed import Encoder
from qa.errors import StoreDamaged, StoreUnreachable
from qa.evaluation import evaluate
from qa.generation import Generation
from qa.joint import Reading, shipped_joint_reader
from qa.milvus import Connection, MilvusStore, parse_address
from qa.milvus_records import analysed, number_of
from qa.milvus_update import delete_documents, upsert_documents
from qa.packer import Shown
from qa.questions import read_questions
from qa.records import Document, Passage
from qa.search import Retriever
from qa.stores import open_at, publish

ROOT = Path(__file__).parents[1]
QUESTIONS = ROOT / "questions" / "seeds.jsonl"
PAGES = [
    (Document("a.txt", "甲", "大会由柴建军主持。"), "甲", [(0, 9, "k0")]),
    (Document("b.txt", "乙", "会议圆满结束。大 会由柴建军主持。"), "乙", [(0, 7, "k1"), (7, 17, "k0")]),
    (Document("c.txt", "丙", "天气晴朗。"), "丙", [(0, 5, "k2")]),
]
VECTORS = np.eye(3, dtype=np.float32)


@pytest.fixture
def store(milvus: str, tmp_path: Path, again: Callable[[MilvusStore], None]) -> MilvusStore:
    """A generation of three small documents; two share a passage."""
    store = MilvusStore(f"{milvus}/c{uuid.uuid4().hex}")
    again(store)
    return store


@pytest.fixture
def again(tmp_path: Path, write_pages: Callable[..., str]) -> Callable[[MilvusStore], None]:
    """Publish the three documents once more."""

    def write_and_publish(store: MilvusStore) -> None:
        write_pages(tmp_path / "index", PAGES, VECTORS)
        assert publish(tmp_path / "index", store.location)

    return write_and_publish


@pytest.fixture
def read(store: MilvusStore) -> Iterator[Callable[[], Generation]]:
    """Open the generation in use."""
    opened: list[Generation] = []

    def open_it() -> Generation:
        opened.append(store.open())
        return opened[-1]

    yield open_it
    for generation in opened:
        generation.passages.close()


class Remembering:
    """The shipped reader, which reads nothing twice: the same words of the same passage read the same anywhere."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Shown], Reading] = {}

    def read(self, question: str, passages: Sequence[Shown]) -> list[Reading]:
        new = [shown for shown in passages if (question, shown) not in self._known]
        for shown, reading in zip(new, shipped_joint_reader().read(question, new) if new else [], strict=True):
            self._known[question, shown] = reading
        return [self._known[question, shown] for shown in passages]

    def alike(self, question: str, passages: Sequence[Shown]) -> list[float]:
        return shipped_joint_reader().alike(question, passages)


@pytest.fixture(scope="module")
def both(
    milvus: str, seeds_index: Path, retriever: Retriever, encoder: Encoder
) -> Iterator[tuple[Retriever, Retriever]]:
    """The seeds in a folder and in Milvus, with one reader."""
    reader = Remembering()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qa.search.shipped_joint_reader", lambda: reader)
        location = f"{milvus}/seeds"
        publish(seeds_index, location)
        served = Retriever.open(location, encoder=encoder)
        yield retriever, served
        served.passages.close()


def collections(store: MilvusStore) -> list[str]:
    call, _ = store.connect()
    alias = parse_address(store.location).alias
    names = sorted(name for name in call("list_collections") if number_of(alias, name))
    call("close")
    return names


def test_terms_are_cut_by_any_analyser_as_they_are_meant() -> None:
    assert analysed(["大会", "dean", "ก็", "é", "𠀀"]) == "u59274f1a dean u0e010e47 u00e9 ud840dc00"


def test_only_the_last_two_generations_are_kept(store: MilvusStore, again: Callable[[MilvusStore], None]) -> None:
    for _ in range(3):
        again(store)
    alias = parse_address(store.location).alias
    assert {number_of(alias, name) for name in collections(store)} == {3, 4}
    assert len(collections(store)) == 8


def test_publishing_that_is_killed_is_never_seen_and_is_swept_up(
    store: MilvusStore, again: Callable[[MilvusStore], None], write_pages: Callable[..., str], tmp_path: Path
) -> None:
    before = store.open().manifest
    page = (Document("d", "", "字" * 20_000), "", [(n, n + 1, "") for n in range(20_000)])
    write_pages(tmp_path / "large", [page], np.ones((20_000, 8), np.float32))
    code = (
        "import sys; from pathlib import Path; from qa.stores import publish; publish(Path(sys.argv[1]), sys.argv[2])"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "large"), store.location]
    publisher = subprocess.Popen(arguments, cwd=ROOT)
    deadline = time.monotonic() + 120
    while len(collections(store)) == 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    publisher.send_signal(signal.SIGKILL)
    assert publisher.wait() == -signal.SIGKILL
    left = set(collections(store))
    assert len(left) > 4
    assert store.open().manifest == before
    for _ in range(3):
        again(store)
    assert not left & set(collections(store))


def test_a_store_that_lost_passages_is_told(store: MilvusStore) -> None:
    assert store.check().startswith("3 passages counted in ")
    call, collection = store.connect()
    call("delete", collection, filter="row == 1")
    call("close")
    with pytest.raises(StoreDamaged, match="holds 2 rows, 3 were written"):
        store.check()


def test_a_large_index_is_searched_approximately_and_says_how_well(
    store: MilvusStore, again: Callable[[MilvusStore], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus_records, "_EXACT_ROWS", 2)
    again(store)
    manifest = store.open().manifest
    assert (manifest.search, manifest.recall) == ("milvus", 1.0)


def test_a_document_is_replaced_where_it_stands(store: MilvusStore, read: Callable[[], Generation]) -> None:
    page = Document("c.txt", "丙", "会议闭幕。院长致辞。")
    passages = [Passage("c.txt#0-5", "c.txt", 0, 5, "会议闭幕。"), Passage("c.txt#5-10", "c.txt", 5, 10, "院长致辞。")]
    manifest = upsert_documents(store, [page], [entry(page, p) for p in passages], np.eye(3, dtype=np.float32)[[1, 2]])
    assert (manifest.documents, manifest.passages) == (3, 4)
    after = read()
    assert after.manifest == manifest
    assert [passage.id for passage in after.passages] == ["a.txt#0-9", "b.txt#0-7", "c.txt#0-5", "c.txt#5-10"]
    assert after.passages.document("c.txt") == page
    assert list(after.passages.headings()) == ["a.txt", "b.txt", "c.txt"]
    assert after.lexical.frequencies(["天气", "会议", "院长"]) == [0, 2, 1]
    assert [passage.text for passage in after.passages.at([row for row, _ in after.lexical.search("院长", 3)])] == [
        "院长致辞。"
    ]
    [nearest, *_] = after.vectors.search(np.array([[0, 0, 1]], np.float32), 1)[0]
    assert after.passages.at([nearest[0]])[0].id == "c.txt#5-10"


def test_a_new_document_comes_last(store: MilvusStore, read: Callable[[], Generation]) -> None:
    page = Document("新.txt", "丁", "字" * 40_000)
    one = [entry(page, Passage("新.txt#0-1", "新.txt", 0, 1, "字"))]
    assert upsert_documents(store, [page], one, np.ones((1, 3), np.float32)).documents == 4
    assert list(read().passages.headings()) == ["a.txt", "b.txt", "c.txt", "新.txt"]
    shorter = Document("新.txt", "丁", "字")
    assert upsert_documents(store, [shorter], one, np.ones((1, 3), np.float32)).passages == 4
    assert read().passages.document("新.txt") == shorter


def test_a_deleted_documents_passage_moves_to_where_it_also_stands(
    store: MilvusStore, read: Callable[[], Generation]
) -> None:
    manifest = delete_documents(store, ["a.txt", "c.txt", "nowhere"])
    assert (manifest.documents, manifest.passages) == (1, 2)
    after = read()
    moved = Passage("b.txt#7-17", "b.txt", 7, 17, "大 会由柴建军主持。")
    assert list(after.passages) == [moved, Passage("b.txt#0-7", "b.txt", 0, 7, "会议圆满结束。")]
    assert after.passages.rows_of(["b.txt"]) == [0, 1]
    assert after.passages.rows_of(["a.txt", "c.txt"]) == []
    assert list(after.passages.headings()) == ["b.txt"]
    assert after.lexical.frequencies(["天气", "柴建"]) == [0, 1]
    assert after.lexical.search("晴朗", 3) == []
    assert delete_documents(store, []) == manifest


def test_the_same_questions_give_the_same_hits_as_the_folder(both: tuple[Retriever, Retriever]) -> None:
    folder, served = both
    assert list(served.passages) == list(folder.passages)
    questions = [json.loads(line)["question"] for line in QUESTIONS.read_text("utf-8").splitlines()][::9]
    for question in questions:
        ours, theirs = folder.legs(question, 10), served.legs(question, 10)
        for leg, share in (("dense", 1e-6), ("lexical", 0.12)):  # a folder keeps passage lengths in eight bits
            here = {hit.passage.id: hit.score for hit in ours[leg]}
            there = {hit.passage.id: hit.score for hit in theirs[leg]}
            assert [
                one for one in here.keys() & there.keys() if here[one] != pytest.approx(there[one], share, 1e-6)
            ] == []
            cut = min(here.values(), default=0)
            assert [one for one in there.keys() - here.keys() if there[one] > cut * (1 + share) + 1e-6] == []


def test_the_server_is_asked_once_for_what_is_shown(
    both: tuple[Retriever, Retriever], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    call = Connection.__call__

    def noted(connection: Connection, method: str, *arguments: Any, **settings: Any) -> Any:
        asked.extend(field for field in ("text", "title") if field in settings.get("output_fields", ()))
        return call(connection, method, *arguments, **settings)

    monkeypatch.setattr(Connection, "__call__", noted)
    _, served = both
    assert len(served.ask("谁主持了闭幕大会", k=5).hits) == 5
    assert asked == ["text", "title"]
    assert len(served.legs("谁主持了闭幕大会", k=5)["fused"]) == 5
    assert asked == ["text", "title", "title"]
    assert len(served.fuse("谁主持了闭幕大会", k=5)) == 5
    assert asked[3:] == ["text", "title"]


def test_quality_on_the_seeds_is_the_folders(both: tuple[Retriever, Retriever], milvus: str, seeds_index: Path) -> None:
    folder, _ = both
    questions = read_questions(QUESTIONS).questions
    with ThreadPoolExecutor(3) as at_once:
        reports = at_once.map(partial(evaluate, QUESTIONS), (seeds_index, f"{milvus}/seeds"))
        # Reading takes most of the time: the later half is read by the time that it is asked there.
        at_once.map(folder.ask, [question.text for question in questions[len(questions) // 2 :]])
        here, there = (report.figures for report in reports)
    assert there["success@1"] == pytest.approx(here["success@1"], abs=0.005)
    assert there["legs"]["dense"] == here["legs"]["dense"]


@pytest.mark.usefixtures("both")
def test_lexical_scores_on_the_seeds_are_the_folders_but_for_lengths_that_it_rounds(
    milvus: str, seeds_index: Path
) -> None:
    folder, served = open_at(seeds_index), open_at(f"{milvus}/seeds")
    ratios = []
    for question in read_questions(QUESTIONS).questions:
        best = dict(folder.lexical.search(question.text, 10))
        there = served.lexical.score(question.text, list(best))
        ratios += [other / one for one, other in zip(best.values(), there, strict=True)]
    assert len(ratios) > 3_000
    assert ratios == pytest.approx([1.0] * len(ratios), abs=0.12)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)
    for generation in (folder, served):
        generation.passages.close()


def test_the_command_line_publishes_and_asks_there(
    milvus: str,
    documents: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from qa.__main__ import main

    location = f"{milvus}/c{uuid.uuid4().hex}"
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["qa", *arguments, "--store", location])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code
        out, err = capsys.readouterr()
        return out, err

    folder = str(documents(**{"a.txt": "大会由甲同志主持。"}))
    assert run("index", folder)[1] == f"{location}: published\n"
    assert run("index", folder)[1] == f"{location}: up to date\n"
    assert json.loads(run("ask", "谁主持了大会", "--json")[0])["hits"][0]["document"] == "a.txt"
    assert run("why", "谁主持了大会", "--expect", "甲同志")[0].startswith("shown")
    assert "store: 1 passages counted in" in run("doctor")[0]


def test_a_server_that_is_not_there_is_told() -> None:
    pytest.importorskip("pymilvus", reason="needs the extra milvus: pip install '.[milvus]'")
    location = "milvus+http://127.0.0.1:1/a"
    with pytest.raises(StoreUnreachable, match=r"^.*127\.0\.0\.1:1/a: Milvus says: .*Run: qa doctor --store"):
        MilvusStore(location).open()
    assert [finding.well for finding in examine(location)][-1] is False


def test_an_address_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(StoreUnreachable, match=r"pymilvus is not installed. Run: pip install 'wenda\[milvus\]'"):
        Connection("milvus+http://127.0.0.1:1/a", "http://127.0.0.1:1")
