"""Faults on purpose: the first rounds of ``python -m benchmarks.faults``, and properties of any text."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.faults import __main__ as long_run
from benchmarks.faults.__main__ import FAULTS
from benchmarks.faults.fuzz import PIECES, read_and_split, wrong_offsets, wrong_passages, wrong_set
from benchmarks.faults.trial import WRONG, Fault, Outcome, judge, worst
from qa.errors import InvalidQuestion, QAError
from qa.formats import READERS
from qa.questions import read_questions
from qa.records import Document
from qa.split import split_document

TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(), st.text(max_size=40)), max_size=60).map("".join)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["id", "question", "evidence", "document", "quote", "answers", "text", "data", "paragraphs", "context"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_survived_or_told(fault: Fault, tmp_path: Path) -> None:
    outcomes = [fault.run(n, tmp_path) for n in range(fault.quick)]
    assert [outcome.detail for outcome in outcomes if outcome.verdict == WRONG] == []


def fail(error: BaseException) -> str:
    raise error


def test_a_round_is_right_told_or_wrong() -> None:
    assert judge(lambda: 1, [1, 2]) == Outcome("right")
    assert judge(lambda: 3, [1, 2]) == Outcome("WRONG", "unexpected: 3")
    assert judge(lambda: fail(InvalidQuestion("x")), [1]) == Outcome("told", "InvalidQuestion")
    assert judge(lambda: fail(ValueError("x")), [1]) == Outcome("WRONG", "ValueError: x")
    assert worst([Outcome("right"), Outcome("told", "a"), Outcome("WRONG", "b")]) == Outcome("WRONG", "b")
    assert worst([Outcome("right", "c"), Outcome("told", "a")]) == Outcome("told", "a")


def test_one_child_runs_all_rounds_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[list[int]] = []

    def child(fault: Fault, rounds: Sequence[int]) -> Iterator[dict[str, Any]]:
        children.append([])
        for n in rounds:
            children[-1].append(n)
            yield {"fault": fault.name, "round": n, "verdict": "right", "detail": "", "seconds": 0.0}

    monkeypatch.setattr(long_run, "_in_child", child)
    state = tmp_path / "state.jsonl"
    for rounds in (2, 6):
        long_run._try_all(Fault("f", lambda n, folder: Outcome("right"), 6, 1), rounds, state)
    assert children == [[0, 1], [2, 3, 4, 5]]
    assert [row["round"] for row in long_run.read_state(state)] == list(range(6))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(TEXT)
def test_passages_are_slices_of_any_text(text: str) -> None:
    document = Document("d", "", text)
    passages = split_document(document)
    assert wrong_passages(document, passages) == []
    kept = "".join(passage.text for passage in passages)
    assert len("".join(kept.split())) <= len("".join(text.split()))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    TEXT, st.sampled_from(sorted(READERS)), st.sampled_from(["utf-8", "utf-16", "gb18030", "utf-32-le"]), st.binary()
)
def test_any_file_gives_passages_or_a_reason(text: str, suffix: str, encoding: str, tail: bytes) -> None:
    data = text.encode(encoding, "replace") + tail
    with tempfile.TemporaryDirectory() as folder:
        assert read_and_split(data, suffix, Path(folder)) == []


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.one_of(st.binary(), st.lists(JSON, max_size=3)))
def test_any_question_file_gives_questions_or_a_reason(content: bytes | list[object]) -> None:
    import json

    data = content if isinstance(content, bytes) else "\n".join(map(json.dumps, content)).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "q")
        path.write_bytes(data)
        try:
            questions = read_questions(path)
        except QAError:
            return
    assert wrong_set(questions) == []


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(TEXT, min_size=1, max_size=3), st.lists(TEXT, max_size=2))
def test_whatever_is_answered_is_a_slice_of_its_document(texts: list[str], questions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder, "documents")
        documents.mkdir()
        (documents / "sound.txt").write_text("大会由张立东主持。", "utf-8")
        for n, text in enumerate(texts):
            (documents / f"{n}.txt").write_bytes(text.encode("utf-8", "replace"))
        assert wrong_offsets(documents, Path(folder, "index"), ["大会由谁主持", *questions]) == []
