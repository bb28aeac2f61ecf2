"""Three kinds of question set, told apart by content; what is malformed names its file and line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from qa.errors import InvalidQuestions
from qa.questions import read_questions
from qa.records import Document, Question, QuestionSet, Quote


def write(path: Path, *rows: object) -> Path:
    path.write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows),
        encoding="utf-8",
    )
    return path


def test_json_lines(tmp_path: Path) -> None:
    row = {
        "id": "a",
        "question": "谁主持?",
        "evidence": [{"document": "d.txt", "quote": "由柴建军主持"}],
        "answers": ["柴建军"],
    }
    path = write(tmp_path / "q.jsonl", row, "", {"id": 2, "question": "多少钱?", "evidence": []})
    assert read_questions(path) == QuestionSet(
        "jsonl",
        (Question("a", "谁主持?", (Quote("d.txt", "由柴建军主持"),), ("柴建军",)), Question("2", "多少钱?")),
    )


def test_squad(tmp_path: Path) -> None:
    entries = [
        {"id": "x", "question": "谁?", "answers": [{"text": "甲"}, {"text": "甲"}, {"text": "甲某"}]},
        {"id": "x", "question": "何时?", "answers": [], "is_impossible": True},
    ]
    again = [{"id": "y", "question": "哪里?", "answers": [{"text": "乙"}]}]
    paragraphs = [
        {"context": "甲来了", "qas": entries},
        {"context": "乙地", "qas": again},
        {"context": "甲来了", "qas": []},
    ]
    path = write(tmp_path / "set.json", {"version": "2.0", "data": [{"title": "dummy", "paragraphs": paragraphs}]})
    assert read_questions(path) == QuestionSet(
        "squad",
        (Question("x", "谁?", (), ("甲", "甲某")), Question("x-2", "何时?"), Question("y", "哪里?", (), ("乙",))),
        (Document("p0", "", "甲来了"), Document("p1", "", "乙地")),
        {"x": {"p0": 1}, "y": {"p1": 1}},
    )


def beir(folder: Path, qrels: str, name: str = "test.tsv") -> Path:
    (folder / "qrels").mkdir(parents=True)
    write(folder / "corpus.jsonl", {"_id": "d1", "title": "标题", "text": "正文"}, {"_id": "d2", "text": "别的"})
    write(folder / "queries.jsonl", *({"_id": f"q{n}", "text": f"问题{n}"} for n in (1, 2, 3)))
    write(folder / "qrels" / name, qrels)
    return folder


@pytest.mark.parametrize("header", ["query-id\tcorpus-id\tscore\n", ""])
def test_beir(tmp_path: Path, header: str) -> None:
    folder = beir(tmp_path / "set", f"{header}q1\td1\t2\nq1\td2\t0\nq2\td2\t0\n", "dev.tsv")
    assert read_questions(folder) == QuestionSet(
        "beir",
        (Question("q1", "问题1"), Question("q2", "问题2")),
        (Document("d1", "标题", "正文"), Document("d2", "", "别的")),
        {"q1": {"d1": 2, "d2": 0}},
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["{"], r"q:1: expected one JSON object a line"),
        (["[1]"], r"q:1: expected a JSON object, got list"),
        ([{"id": "a", "question": "?"}, {"id": "a", "question": "!"}], r"q:2: question id 'a' stands twice"),
        ([{"question": "?"}], r"q:1: field 'id': expected an identifier, got None"),
        ([{"id": "a"}], r"q:1: field 'question': expected str, got nothing"),
        ([{"id": "a", "question": " "}], r"q:1: question 'a' is empty"),
        ([{"id": "a", "question": "?", "evidence": "x"}], r"q:1: field 'evidence': expected list, got str"),
        ([{"id": "a", "question": "?", "evidence": ["x"]}], r"q:1: field 'evidence': expected"),
        ([{"id": "a", "question": "?", "evidence": [{"document": "d", "quote": ""}]}], r"q:1: field 'quote' is empty"),
        ([{"id": "a", "question": "?", "answers": [1]}], r"q:1: field 'answers': expected a list of strings"),
        ([], r"q: there is no question in it"),
        (['{"data": 1}'], r"q: field 'data': expected list, got int"),
        (['{"data": [1]}'], r"q: field 'data': expected objects, got int"),
        (
            ['{"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "i", "question": "?", "answers": [{}]}]}]}]}'],
            "without a text",
        ),
        (["[" * 100_000], r"q:1: expected one JSON object a line"),
    ],
)
def test_malformed_files(tmp_path: Path, rows: list[object], message: str) -> None:
    with pytest.raises(InvalidQuestions, match=message):
        read_questions(write(tmp_path / "q", *rows))


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ("q1\td1", r"test.tsv:1: expected query, document and grade, got 2 columns"),
        ("q1\td1\tx", r"test.tsv:1: expected a whole number as the grade, got 'x'"),
        ("q1\td9\t1", r"test.tsv:1: document 'd9' is not in corpus.jsonl"),
        (f"q1\td1\t{'9' * 200_000}", r"test.tsv:1: expected a whole number as the grade"),
        ("q9\td1\t1", r"test.tsv: query 'q9' is not in queries.jsonl"),
        ("", r"no query of the set is judged"),
    ],
)
def test_malformed_qrels(tmp_path: Path, qrels: str, message: str) -> None:
    with pytest.raises(InvalidQuestions, match=message):
        read_questions(beir(tmp_path / "set", qrels))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidQuestions, match="cannot be read: No such file"):
        read_questions(tmp_path / "none.jsonl")
    with pytest.raises(InvalidQuestions, match=r"needs corpus\.jsonl"):
        read_questions(tmp_path)
    (beir(tmp_path / "set", "q1\td1\t1") / "qrels" / "test.tsv").unlink()
    with pytest.raises(InvalidQuestions, match=r"needs qrels/test\.tsv"):
        read_questions(tmp_path / "set")


def test_not_utf8_and_lone_surrogates(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'{"id": "\xff"}')
    with pytest.raises(InvalidQuestions, match=r"not UTF-8 \(byte 8\)"):
        read_questions(path)
    assert read_questions(write(path, r'{"id": "a", "question": "\ud800?"}')).questions[0].text == "\ufffd?"
    answers = write(path, r'{"id": "a", "question": "?", "answers": ["\ud800"]}')
    assert read_questions(answers).questions[0].answers == ("\ufffd",)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "q.jsonl")
    with pytest.raises(InvalidQuestions, match="it is not a regular file"):
        read_questions(tmp_path / "q.jsonl")
