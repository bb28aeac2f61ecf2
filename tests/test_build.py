import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qa import build, intake, listing
from qa.build import build_collection, build_index, embedded_text, ensure_index, entry, heading_of
from qa.embed import Encoder, Floats, Progress
from qa.errors import ModelMissing, NoDocuments
from qa.layout import Layout, read_pointer
from qa.listing import digest, list_files
from qa.read import read_document
from qa.records import Document, Passage, Skipped
from qa.store import open_generation

LONG = "会议由甲同志主持,与会人员认真听取了工作报告,并就下一阶段的重点任务进行了深入讨论。"
OTHER = "医院召开了年度总结大会,院长作工作报告,党委书记提出三点要求,大家一致表示赞同。"


class Counting:
    """The real encoder, remembering every text that it embeds."""

    def __init__(self, encoder: Encoder, fingerprint: str | None = None) -> None:
        self._encoder = encoder
        self.name, self.dimension = encoder.name, encoder.dimension
        self.fingerprint = fingerprint or encoder.fingerprint
        self.embedded: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        return self._encoder.encode_queries(texts)

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        self.embedded += texts
        return self._encoder.encode_documents(texts, progress)


def test_a_file_that_was_new_when_it_was_listed_need_not_be_read_to_see_that_nothing_changed(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER})
    build_index(folder, tmp_path / "lately", model=encoder)
    assert open_generation(tmp_path / "lately").manifest.listing == ""
    files = list_files(folder, {".txt"})
    monkeypatch.setattr(build, "list_files", lambda *_: files)
    monkeypatch.setattr(listing, "_COARSEST_CLOCK", -1)  # as if the build took longer than a tick of the clock
    build_index(folder, tmp_path / "settled", model=encoder)
    settled = list_files(folder, {".txt"})
    assert open_generation(tmp_path / "settled").manifest.listing == digest(settled) != ""


@pytest.fixture
def counting(encoder: Encoder) -> Counting:
    return Counting(encoder)


def test_only_new_and_changed_text_is_embedded_again(
    documents: Callable[..., Path], tmp_path: Path, counting: Counting
) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER})
    assert build_index(folder, tmp_path / "i", model=counting).embedded == 2
    documents(**{"b.txt": OTHER + "\n\n" + LONG.replace("甲", "乙")})
    counting.embedded.clear()
    built = build_index(folder, tmp_path / "i", model=counting)
    assert (built.passages, built.embedded, built.changed) == (3, 1, True)
    assert ["乙同志" in text for text in counting.embedded] == [True]


def test_touching_a_file_embeds_nothing(documents: Callable[..., Path], tmp_path: Path, counting: Counting) -> None:
    folder = documents(**{"a.txt": LONG})
    first = build_index(folder, tmp_path / "i", model=counting)
    os.utime(folder / "a.txt", (1, 1))
    counting.embedded.clear()
    again = build_index(folder, tmp_path / "i", model=counting)
    assert (again.changed, again.embedded, again.generation, counting.embedded) == (False, 0, first.generation, [])


def test_an_updated_index_equals_one_built_from_nothing(
    documents: Callable[..., Path], tmp_path: Path, counting: Counting
) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER})
    build_index(folder, tmp_path / "updated", model=counting)
    (folder / "a.txt").unlink()
    documents(**{"c.txt": LONG + "\n" + OTHER})
    build_index(folder, tmp_path / "updated", model=counting)
    build_index(folder, tmp_path / "fresh", model=counting)
    updated, fresh = open_generation(tmp_path / "updated"), open_generation(tmp_path / "fresh")
    assert list(updated.passages) == list(fresh.passages)
    rows = list(range(len(fresh.passages)))
    assert np.array_equal(updated.vectors.rows(rows), fresh.vectors.rows(rows))
    assert updated.lexical.search("主持", 9) == fresh.lexical.search("主持", 9)


def test_a_removed_document_is_gone(documents: Callable[..., Path], tmp_path: Path, encoder: Encoder) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER})
    build_index(folder, tmp_path / "i", model=encoder)
    (folder / "b.txt").unlink()
    assert build_index(folder, tmp_path / "i", model=encoder).documents == 1
    assert [passage.document_id for passage in open_generation(tmp_path / "i").passages] == ["a.txt"]


def test_another_model_embeds_everything_again(
    documents: Callable[..., Path], tmp_path: Path, counting: Counting, encoder: Encoder
) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER})
    build_index(folder, tmp_path / "i", model=counting)
    assert build_index(folder, tmp_path / "i", model=Counting(encoder, "another")).embedded == 2


def test_an_unchanged_file_is_not_read_again(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER + "\n\n" + LONG})
    (folder / "c.pdf").write_bytes(b"no pdf")
    build_index(folder, tmp_path / "i", model=encoder)
    read: list[str] = []

    def reading(path: Path, root: Path) -> Document:
        read.append(path.name)
        return read_document(path, root)

    monkeypatch.setattr(intake, "read_document", reading)
    (folder / "a.txt").rename(folder / "d.txt")
    built = build_index(folder, tmp_path / "i", model=encoder)
    assert (read, built.embedded, built.documents, [item.path for item in built.skipped]) == (
        ["d.txt"],
        1,
        2,
        ["c.pdf"],
    )


def test_another_way_of_reading_reads_everything_again(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = documents(**{"a.txt": LONG})
    build_index(folder, tmp_path / "i", model=encoder)
    monkeypatch.setattr(build, "reading", lambda: "newer")
    built = build_index(folder, tmp_path / "i", model=encoder)
    assert (built.changed, built.embedded) == (True, 0)
    assert open_generation(tmp_path / "i").manifest.reading == "newer"


def test_exact_search_can_be_asked_for(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "SCAN_FROM", 30)
    folder = documents(**{f"{n}.txt": LONG.replace("甲", f"甲{n}") for n in range(40)})
    scanned = build_index(folder, tmp_path / "i", model=encoder)
    assert (scanned.search, scanned.recall, open_generation(tmp_path / "i").vectors.scans) == ("scan", 1.0, True)
    exact = build_index(folder, tmp_path / "i", model=encoder, exact=True)
    assert (exact.search, exact.embedded, open_generation(tmp_path / "i").vectors.scans) == ("exact", 0, False)


def test_a_build_that_was_stopped_goes_on_and_gives_the_same_index(
    documents: Callable[..., Path], tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_COMMIT_EVERY", 10)
    folder = documents(**{f"{n:02d}.txt": LONG.replace("甲", f"甲{n}") for n in range(35)})
    build_index(folder, tmp_path / "whole", model=counting)
    steps = iter(range(3))

    def stop(done: int, total: int) -> None:
        if next(steps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(folder, tmp_path / "i", model=counting, progress=stop)
    counting.embedded.clear()
    built = build_index(folder, tmp_path / "i", model=counting)
    assert (built.passages, built.embedded, len(counting.embedded)) == (35, 15, 15)
    assert stored(tmp_path / "i") == stored(tmp_path / "whole")


def test_a_stopped_build_whose_files_changed_starts_anew(
    documents: Callable[..., Path], tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_COMMIT_EVERY", 1)
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER})
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(build, "publish", lambda *_: 1 // 0)
        build_index(folder, tmp_path / "i", model=counting)
    documents(**{"a.txt": LONG.replace("甲", "乙")})
    counting.embedded.clear()
    assert build_index(folder, tmp_path / "i", model=counting).embedded == 2
    build_index(folder, tmp_path / "fresh", model=counting)
    assert stored(tmp_path / "i") == stored(tmp_path / "fresh")


def stored(index: Path) -> list[object]:
    """Return all that an index holds and a search gives, but for the times of files."""
    opened = open_generation(index)
    path = Layout(index).generations / opened.manifest.generation / "passages.sqlite"
    connection = sqlite3.connect(path)
    columns = {"files": "ord, name, sha256, size, reason", "documents": "*", "passages": "*", "repeats": "*"}
    tables = [connection.execute(f"SELECT {names} FROM {table}").fetchall() for table, names in columns.items()]
    connection.close()
    vectors = opened.vectors.rows(list(range(len(opened.vectors)))).tolist()
    found = [opened.lexical.search(question, 20) for question in ("主持", "医院", "谁提出要求")]
    opened.passages.close()
    return [tables, vectors, found, len(opened.lexical), opened.manifest.skipped]


TEXTS = [
    *("", "短", LONG, OTHER, f"{LONG}\n\n{OTHER}", f"{OTHER}\n{LONG}\n{LONG}"),
    *(f"某某医院召开会议\n{LONG}", LONG.replace("甲", "乙")),
]
NAMES = ["a.txt", "b.txt", "c/a.txt", "c/d.md", "e.txt"]
EDITS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(TEXTS)),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
)


def edit(folder: Path, what: str, name: str, value: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "write":
        path.write_text(value, "utf-8")
    elif path.exists() and what == "remove":
        path.unlink()
    elif path.exists():
        (folder / value).parent.mkdir(exist_ok=True)
        path.rename(folder / value)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(st.lists(EDITS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_sequence_of_edits_gives_what_a_full_build_gives(
    tmp_path: Path, encoder: Encoder, rounds: list[list[tuple[str, str, str]]]
) -> None:
    work = Path(tempfile.mkdtemp(dir=tmp_path))
    for n, edits in enumerate(rounds):
        edit(work / "documents", "write", "z.txt", LONG + OTHER)
        for one in edits:
            edit(work / "documents", *one)
        build_index(work / "documents", work / "updated", model=encoder)
        build_index(work / "documents", work / f"fresh{n}", model=encoder)
        assert stored(work / "updated") == stored(work / f"fresh{n}")


def test_rebuild_embeds_everything_again(documents: Callable[..., Path], tmp_path: Path, counting: Counting) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER})
    build_index(folder, tmp_path / "i", model=counting)
    assert build_index(folder, tmp_path / "i", model=counting, rebuild=True).embedded == 2


def test_a_damaged_index_is_built_anew(documents: Callable[..., Path], tmp_path: Path, encoder: Encoder) -> None:
    folder = documents(**{"a.txt": LONG})
    build_index(folder, tmp_path / "i", model=encoder)
    (tmp_path / "i" / "current").write_text("nonsense")
    assert build_index(folder, tmp_path / "i", model=encoder).embedded == 1
    assert len(open_generation(tmp_path / "i").passages) == 1


def test_a_repeated_paragraph_is_one_passage_that_lists_its_places(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER + "\n\n" + LONG})
    build_index(folder, tmp_path / "i", model=encoder)
    passages = list(open_generation(tmp_path / "i").passages)
    [repeated] = [passage for passage in passages if passage.also_in]
    assert (repeated.document_id, [place.document_id for place in repeated.also_in]) == ("a.txt", ["b.txt"])


def test_a_file_that_cannot_be_read_is_named_and_the_rest_go_on(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    folder = documents(**{"a.txt": LONG})
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 no")
    built = build_index(folder, tmp_path / "i", model=encoder)
    assert (built.documents, [item.path for item in built.skipped]) == (1, ["broken.pdf"])
    assert open_generation(tmp_path / "i").manifest.skipped == built.skipped
    assert isinstance(built.skipped[0], Skipped)
    assert built.skipped[0].reason


def test_nothing_readable_leaves_the_old_index(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    folder = documents(**{"a.txt": LONG})
    build_index(folder, tmp_path / "i", model=encoder)
    before = read_pointer(tmp_path / "i")
    (folder / "a.txt").write_bytes(b"")
    with pytest.raises(NoDocuments, match=r"a\.txt"):
        build_index(folder, tmp_path / "i", model=encoder)
    assert read_pointer(tmp_path / "i") == before


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoDocuments, match="nowhere"):
        build_index(tmp_path / "nowhere", tmp_path / "i")


def test_a_model_that_is_not_there_leaves_the_old_index(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    folder = documents(**{"a.txt": LONG})
    build_index(folder, tmp_path / "i", model=encoder)
    with pytest.raises(ModelMissing):
        build_index(folder, tmp_path / "i", model="no/model")
    assert len(open_generation(tmp_path / "i").passages) == 1


def test_progress_reaches_the_total(documents: Callable[..., Path], tmp_path: Path, encoder: Encoder) -> None:
    steps: list[tuple[int, int]] = []
    folder = documents(**{"a.txt": LONG, "b.txt": OTHER})
    build_index(folder, tmp_path / "i", model=encoder, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (2, 2)


def test_a_passage_is_embedded_under_its_organisation_and_title() -> None:
    passage = Passage("p", "d", 0, 2, "正文")
    assert embedded_text(heading_of(Document("d", "职代会召开", "", organisation="协和医院")), passage) == (
        "协和医院 职代会召开\n正文"
    )
    assert heading_of(Document("d", "协和医院召开职代会", "", organisation="协和医院")) == "协和医院召开职代会"
    assert embedded_text("", passage) == "正文"
    assert embedded_text("正文", passage) == "正文"


@pytest.mark.parametrize("title", ["职代会召开", ""])
def test_an_item_of_a_list_is_indexed_under_what_announces_it_too(title: str) -> None:
    text = "书记王明提出两点要求。\n一是抓学习。\n二是抓落实。"
    document = Document("d", title, text)
    before, item = (Passage("p", "d", start, start + 6, text[start : start + 6]) for start in (0, text.index("二是")))
    assert entry(document, before).heading == title
    assert entry(document, item).heading == f"{title}\n书记王明提出两点要求。"
    assert entry(document, item).embedded != entry(replace(document, text=text.replace("王明", "李明")), item).embedded


def test_a_collection_makes_each_document_one_passage(tmp_path: Path, encoder: Encoder) -> None:
    texts = [Document("x", "题", "一。\n\n二。" * 300), Document("y", "", "三")]
    build_collection(texts, tmp_path, encoder)
    assert [(p.id, p.text) for p in open_generation(tmp_path).passages] == [("x", texts[0].text), ("y", "三")]


def test_ensure_index_builds_once_and_says_so(documents: Callable[..., Path], tmp_path: Path) -> None:
    said: list[str] = []
    folder = documents(**{"a.txt": LONG})
    for _ in range(2):
        ensure_index(tmp_path / "i", folder, say=said.append)
    assert [line.split(": ")[1] for line in said] == [
        f"no index yet, building it from {folder}",
        "1 documents, 1 passages",
    ]


KILLED_BUILD = """
import sys
from qa.build import build_index
from qa.embed import load_encoder
encoder = load_encoder()
print("ready", flush=True)
while True:
    build_index(sys.argv[1], sys.argv[2], model=encoder, rebuild=True)
    print("built", flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_build_killed_at_any_moment_leaves_a_complete_index(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder, seed: int
) -> None:
    folder = documents(**{f"{n}.txt": LONG.replace("甲", f"甲{n}") for n in range(20)})
    build_index(folder, tmp_path / "i", model=encoder)
    moments = np.random.default_rng(seed)
    for _ in range(10):
        command = [sys.executable, "-c", KILLED_BUILD, str(folder), str(tmp_path / "i")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(float(moments.uniform(0, 0.25)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        opened = open_generation(tmp_path / "i")
        assert len(opened.passages) == len(opened.vectors) == len(opened.lexical) == 20
        assert [row for row, _ in opened.lexical.search("甲7", 1)] == [17]
    assert build_index(folder, tmp_path / "i", model=encoder, rebuild=True).embedded == 20
