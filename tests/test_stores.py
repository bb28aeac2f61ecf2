"""One contract for every place that an index is served from: a folder, and Milvus over the network or from a file."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qa.embed import Encoder, Floats
from qa.errors import DimensionMismatch, IndexMissing, IndexStale, InvalidStore, StoreMissing
from qa.generation import Generation
from qa.records import Document, Passage, Place
from qa.search import Retriever
from qa.stores import is_address, open_at, publish

FIRST = Document("a.txt", "甲", "大会由柴建军主持。", "2023-03-21", "本报", "/x/a.txt", "协和医院")
SECOND = Document('目录/b".txt', "乙", "会议圆满结束。大会由柴建军主持。The Dean, Zoë, spoke.", "", "", "\\n'\n")
EMPTY = Document("空.txt", "", "")
PAGES = [
    (FIRST, "甲 协和医院", [(0, 9, "k0")]),
    (SECOND, "乙", [(0, 7, "k1"), (7, 16, "k0"), (16, 37, "k2")]),
    (EMPTY, "", []),
]
PASSAGES = [
    Passage("a.txt#0-9", "a.txt", 0, 9, "大会由柴建军主持。", (Place(SECOND.id, 7, 16),)),
    Passage(f"{SECOND.id}#0-7", SECOND.id, 0, 7, "会议圆满结束。"),
    Passage(f"{SECOND.id}#16-37", SECOND.id, 16, 37, "The Dean, Zoë, spoke."),
]
VECTORS = np.array([[1, 0, 0, 0], [0.5, 0.75, 0, 0], [0.5, 0.75, 0, 0]], np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "索引 100%"


@pytest.fixture(params=["folder", "milvus", "milvus file"])
def place(request: pytest.FixtureRequest, folder: Path) -> str:
    """Somewhere to serve an index from."""
    if request.param == "folder":
        return str(folder)
    if request.param == "milvus":
        return f"{request.getfixturevalue('milvus')}/c{uuid.uuid4().hex}"
    pytest.importorskip("milvus_lite", reason="needs the extra milvus: pip install '.[milvus]'")
    return f"milvus+file:{folder.parent}/存 1.db"


@pytest.fixture
def serve(place: str, folder: Path, write_pages: Callable[..., str]) -> Iterator[Callable[..., Generation]]:
    """Write an index, publish it where it is not served from its folder, open it; closed after the test."""
    opened: list[Generation] = []

    def write_and_open(pages: object = PAGES, vectors: Floats = VECTORS) -> Generation:
        write_pages(folder, pages, vectors)
        if is_address(place):
            assert publish(folder, place)
        opened.append(open_at(place))
        return opened[-1]

    yield write_and_open
    for generation in opened:
        generation.passages.close()


@pytest.fixture
def served(serve: Callable[..., Generation]) -> Generation:
    """A small index, opened."""
    return serve()


def test_what_was_written_is_read_back(served: Generation) -> None:
    passages = served.passages
    assert list(passages) == PASSAGES
    assert passages.at([2, 0, 2]) == [PASSAGES[n] for n in (2, 0, 2)]
    assert [heading for _, heading in passages.headed_at([1, 0])] == ["乙", "甲 协和医院"]
    assert [passages.document(document.id) for document in (FIRST, SECOND, EMPTY)] == [FIRST, SECOND, EMPTY]
    assert np.array_equal(served.vectors.rows([2, 0]), VECTORS[[2, 0]])
    assert served.vectors.rows([]).shape == (0, 4)
    assert [len(part) for part in (passages, served.vectors, served.lexical)] == [3, 3, 3]


def test_the_manifest_says_what_is_there(served: Generation) -> None:
    manifest = served.manifest
    assert (manifest.dimension, manifest.documents, manifest.passages) == (4, 3, 3)
    assert (manifest.model, manifest.fingerprint, manifest.search, manifest.recall) == ("builtin", "f" * 64, "exact", 1)


def test_headings_come_without_text_in_index_order(served: Generation) -> None:
    headings = [replace(document, text="") for document in (FIRST, SECOND, EMPTY)]
    assert list(served.passages.headings().items()) == [(document.id, document) for document in headings]
    wanted = [SECOND.id, "nowhere", FIRST.id, SECOND.id]
    assert list(served.passages.headings(wanted).values()) == [headings[1], headings[0]]


def test_rows_of_a_document_include_repeats_that_stand_there(served: Generation) -> None:
    assert served.passages.rows_of([SECOND.id]) == [0, 1, 2]
    assert served.passages.rows_of(["a.txt", "nowhere"]) == [0]
    assert served.passages.rows_of([]) == []


def test_an_unknown_document_is_a_key_error(served: Generation) -> None:
    with pytest.raises(KeyError, match="nowhere"):
        served.passages.document("nowhere")


def test_the_dense_leg_is_the_inner_product_with_ties_by_row(served: Generation) -> None:
    query = np.array([[0.5, 0.5, 0, 0], [0, 0, 1, 0]], np.float32)
    near, far = served.vectors.search(query, 9)
    assert near == [(1, 0.625), (2, 0.625), (0, 0.5)]
    assert far == [(0, 0), (1, 0), (2, 0)]
    assert served.vectors.search(query[:1], 9, only=[2, 0])[0] == [near[1], near[2]]
    assert served.vectors.search(query[:1], 9, only=[]) == [[]]
    assert served.vectors.search(np.full((1, 4), np.nan, np.float32), 3) == [[]]
    with pytest.raises(DimensionMismatch, match="dimension 3, the index has 4"):
        served.vectors.search(np.zeros((1, 3), np.float32), 3)


def test_the_lexical_leg_finds_terms_of_body_and_heading(served: Generation) -> None:
    lexical = served.lexical
    assert [row for row, _ in lexical.search("柴建軍", 5)] == [0]
    assert [row for row, _ in lexical.search("乙", 5)] == [1, 2]
    assert [row for row, _ in lexical.search("the dean ZOË", 5)] == [2]
    assert lexical.search("火星", 5) == []
    assert lexical.search("?!", 5) == []
    assert [row for row, _ in lexical.search("会议 柴建军", 5, only=[1])] == [1]
    assert lexical.search("会议", 5, only=[]) == []
    left = ["会", "议", "会议"]
    assert lexical.search("会议 柴建军", 5, without=set(left)) == lexical.search("柴建军", 5)
    assert lexical.search("会议", 5, without=set(left)) == []
    found = dict(lexical.search("会议 柴建军 乙", 5))
    assert lexical.score("会议 柴建军 乙", [2, 1, 0]) == pytest.approx([found[2], found[1], found[0]])
    assert lexical.score("柴建军", [1, 0])[0] == 0
    assert lexical.frequencies(["大会", "会", "dean", "zoë", "火星"]) == [1, 2, 1, 1, 0]


def test_the_lexical_score_is_bm25_of_the_body_plus_half_the_headings(served: Generation) -> None:
    lengths, mean = {0: 17, 1: 13, 2: 4}, 34 / 3  # terms of each body
    expected = np.log(1 + 2.5 / 1.5) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * lengths[0] / mean))
    [(row, score)] = served.lexical.search("柴", 5)
    assert (row, score) == (0, pytest.approx(expected, rel=0.02))  # a folder keeps lengths in eight bits


def test_passages_and_long_texts_are_read_in_order_however_many(serve: Callable[..., Generation]) -> None:
    text = '字"𠀀' * 30_000
    page = (Document("d", "", text), "", [(n, n + 1, "") for n in range(2100)])
    passages = serve([page], np.ones((2100, 1), np.float32)).passages
    assert [passage.start for passage in passages] == list(range(2100))
    assert [passage.id for passage in passages.at([2050, 3, 1700])] == ["d#2050-2051", "d#3-4", "d#1700-1701"]
    assert passages.rows_of(["d"]) == list(range(2100))
    assert passages.document("d").text == text


def test_a_reader_keeps_its_generation_while_the_next_comes_into_use(serve: Callable[..., Generation]) -> None:
    old, new = serve(), serve(PAGES[:1], VECTORS[:1])
    assert old.manifest.generation < new.manifest.generation
    assert [passage.id for passage in old.passages] == [passage.id for passage in PASSAGES]
    assert [row for row, _ in old.lexical.search("圆满", 5)] == [1]
    assert [passage.id for passage in new.passages] == ["a.txt#0-9"]
    assert new.lexical.search("圆满", 5) == []


def test_a_place_without_an_index_says_how_to_make_one(place: str) -> None:
    with pytest.raises((IndexMissing, StoreMissing), match=r"no index was (built|published) here. Run: qa index --"):
        open_at(place)


def test_the_folder_alone_knows_whether_documents_changed(
    place: str, folder: Path, documents: Callable[..., Path], encoder: Encoder
) -> None:
    from qa.build import build_index

    build_index(documents(**{"a.txt": "大会由甲同志主持。", "b.txt": "天气晴朗。"}), folder, model=encoder)
    if is_address(place):
        assert publish(folder, place)
        assert not publish(folder, place)
    documents(**{"c.txt": "又一页。"})
    if not is_address(place):
        with pytest.raises(IndexStale):
            Retriever.open(place, encoder=encoder)
    retriever = Retriever.open(place, encoder=encoder, allow_stale=True)
    try:
        assert retriever.search("谁主持了大会")[0].document.id == "a.txt"
        assert {hit.document.id for hit in retriever.search("大会", documents=["b.txt"])} == {"b.txt"}
    finally:
        retriever.passages.close()


def test_a_file_is_read_by_a_new_process(folder: Path, write_pages: Callable[..., str]) -> None:
    pytest.importorskip("milvus_lite", reason="needs the extra milvus: pip install '.[milvus]'")
    write_pages(folder, PAGES, VECTORS)
    location = f"milvus+file:{folder.parent}/a.db"
    for code in (
        f"from pathlib import Path; from qa.stores import publish; publish(Path({str(folder)!r}), {location!r})",
        f"from qa.stores import open_at; print(len(list(open_at({location!r}).passages)))",
    ):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True, check=True
        )
    assert done.stdout == "3\n"


@pytest.mark.parametrize(
    "location",
    [
        "index",
        "milvus+http://host:19530",
        "milvus+http://host/a-b",
        "milvus+ftp://host/a",
        "milvus+file:a.txt",
        "milvus+http:///a",
    ],
)
def test_an_address_that_names_no_store_is_refused(location: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidStore, match=re.escape(f"{location}: expected milvus+http://")):
        publish(tmp_path, location)
