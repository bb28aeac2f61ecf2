from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qa import feedback
from qa.build import build_index
from qa.embed import Encoder
from qa.errors import FeedbackNotKept, InvalidQuestions
from qa.evaluation import evaluate
from qa.feedback import Feedback, FeedbackFiles, Judgement, judge, keep, question_id, read_feedback
from qa.questions import read_questions
from qa.records import Question, Quote

EMPTY = Feedback({}, {})
FIRST, SECOND = Quote("a.txt", "会议由柴建军主持。"), Quote("b.txt", "开幕式由张立东主持。")
WHO = "谁主持了大会?"


def label(quote: Quote) -> dict[str, str]:
    return {"document": quote.document_id, "quote": quote.quote}


def after(*judgements: Judgement) -> Feedback:
    state = EMPTY
    for one in judgements:
        state = judge(state, one)
    return state


def test_what_several_servers_share_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    shared = tmp_path / "shared" / "state"
    for node, question in (("a", "谁致词"), ("b", "谁主持")):
        keep(FeedbackFiles(tmp_path / node / "index", shared), Judgement(question, "declined"))
    assert sorted(path.name for path in shared.glob("*.jsonl")) == ["index.feedback.jsonl"]
    kept = read_feedback(FeedbackFiles(Path("index"), shared)).known
    assert {row["question"] for row in kept.values()} == {"谁致词", "谁主持"}


def test_a_right_passage_is_a_question_with_its_evidence_and_the_answer_in_it() -> None:
    state = after(Judgement(WHO, "right", FIRST, "柴建军"), Judgement(" 谁主持了大会？", "right", SECOND, "不在其中"))
    [row] = state.known.values()
    assert row == {
        "id": question_id(WHO),
        "question": WHO,
        "evidence": [label(FIRST), label(SECOND)],
        "answers": ["柴建军"],
    }
    assert state.wrong == {}


def test_a_question_of_which_only_a_wrong_passage_is_known_waits() -> None:
    state = after(Judgement(WHO, "wrong", FIRST))
    assert state.known == {}
    assert state.wrong[question_id(WHO)]["wrong"] == [label(FIRST)]
    state = judge(state, Judgement(WHO, "right", SECOND))
    assert state.wrong == {}
    row = state.known[question_id(WHO)]
    assert (row["evidence"], row["wrong"]) == ([label(SECOND)], [label(FIRST)])


def test_a_later_judgement_of_the_same_passage_replaces_the_earlier() -> None:
    state = after(Judgement(WHO, "right", FIRST, "柴建军"), Judgement(WHO, "wrong", FIRST))
    assert state.known == {}
    assert state.wrong[question_id(WHO)]["answers"] == []
    state = after(Judgement(WHO, "wrong", FIRST), Judgement(WHO, "right", FIRST))
    assert "wrong" not in state.known[question_id(WHO)]
    assert after(Judgement(WHO, "right", FIRST), Judgement(WHO, "withdrawn", FIRST)) == EMPTY


def test_nothing_answers_is_kept_until_something_does_or_it_is_taken_back() -> None:
    declined = after(Judgement(WHO, "right", FIRST), Judgement(WHO, "declined"), Judgement(WHO, "wrong", SECOND))
    row = declined.known[question_id(WHO)]
    assert (row["evidence"], row["wrong"]) == ([], [label(SECOND)])
    assert judge(declined, Judgement(WHO, "right", FIRST)).known[question_id(WHO)]["evidence"] == [label(FIRST)]
    taken_back = judge(declined, Judgement(WHO, "withdrawn"))
    assert (taken_back.known, list(taken_back.wrong)) == ({}, [question_id(WHO)])


def test_the_files_lie_beside_the_index_and_read_as_a_question_set(tmp_path: Path) -> None:
    files = FeedbackFiles(tmp_path / "index")
    keep(files, Judgement(WHO, "right", FIRST, "柴建军"))
    keep(files, Judgement("如何做红烧肉", "declined"))
    keep(files, Judgement("谁致词", "wrong", FIRST))
    assert files.known == tmp_path / "index.feedback.jsonl"
    assert read_questions(files.known).questions == (
        Question(question_id(WHO), WHO, (FIRST,), ("柴建军",)),
        Question(question_id("如何做红烧肉"), "如何做红烧肉"),
    )
    [waiting] = files.wrong.read_text("utf-8").splitlines()
    assert json.loads(waiting)["wrong"] == [label(FIRST)]
    assert read_feedback(files).wrong[question_id("谁致词")]["question"] == "谁致词"


def test_it_is_evaluated_and_survives_a_new_index_and_is_never_indexed(tmp_path: Path, encoder: Encoder) -> None:
    (tmp_path / "a.txt").write_text("大会纪要\n\n会议由柴建军主持。会后大家一起参观了展览。\n", "utf-8")
    index = tmp_path / "index"
    build_index(tmp_path, index, model=encoder)
    files = FeedbackFiles(index)
    keep(files, Judgement(WHO, "right", FIRST))
    assert evaluate(files.known, index).figures["success@1"] == 1.0
    before = files.known.read_bytes()
    (tmp_path / "b.txt").write_text("开幕式由张立东主持。\n", "utf-8")
    assert build_index(tmp_path, index, model=encoder, rebuild=True).documents == 2
    assert files.known.read_bytes() == before


def test_what_people_wrote_into_the_file_stays(tmp_path: Path) -> None:
    files = FeedbackFiles(tmp_path / "index")
    own = {"id": "seed-1", "question": "何时?", "evidence": [label(SECOND)], "answers": [], "kind": "when"}
    files.known.write_text(json.dumps(own) + "\n", "utf-8")
    keep(files, Judgement(WHO, "right", FIRST))
    assert read_feedback(files).known["seed-1"] == own
    files.known.write_text("{broken", "utf-8")
    with pytest.raises(InvalidQuestions, match=r"feedback\.jsonl:1"):
        keep(files, Judgement(WHO, "right", FIRST))
    assert files.known.read_text("utf-8") == "{broken"


def test_a_wrong_quote_that_is_none_is_an_error(tmp_path: Path) -> None:
    files = FeedbackFiles(tmp_path / "index")
    files.wrong.write_text('{"id": 1, "question": "x", "wrong": [3]}\n', "utf-8")
    with pytest.raises(InvalidQuestions, match="expected"):
        read_feedback(files)


def test_it_says_when_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FeedbackNotKept, match=r"index\.feedback\.jsonl: feedback is not kept: .*--no-feedback"):
        keep(FeedbackFiles(tmp_path / "file" / "index"), Judgement(WHO, "declined"))


def test_there_is_an_end_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "MOST_QUESTIONS", 1)
    files = FeedbackFiles(tmp_path / "index")
    keep(files, Judgement(WHO, "declined"))
    with pytest.raises(FeedbackNotKept, match="1 questions were judged already"):
        keep(files, Judgement("何时?", "declined"))
    keep(files, Judgement(WHO, "right", FIRST))
    assert read_feedback(files).known[question_id(WHO)]["evidence"] == [label(FIRST)]


WRITER = """
import sys
from pathlib import Path
from qa.feedback import FeedbackFiles, Judgement, keep
files = FeedbackFiles(Path(sys.argv[1]))
for n in range(int(sys.argv[3])):
    keep(files, Judgement(f"question {sys.argv[2]} {n}", "declined"))
    print(n, flush=True)
"""


def write(index: Path, name: str, n: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(index), name, str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    index = tmp_path / "index"
    writers = [write(index, str(number), 25) for number in range(4)]
    assert [writer.communicate(timeout=60)[0].count("\n") for writer in writers] == [25] * 4
    kept = {row["question"] for row in read_feedback(FeedbackFiles(index)).known.values()}
    assert kept == {f"question {name} {n}" for name in range(4) for n in range(25)}


def test_a_killed_writer_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    index = tmp_path / "index"
    for name in "abc":
        with write(index, name, 100_000) as writer:
            assert writer.stdout is not None
            confirmed = [writer.stdout.readline() for _ in range(40)]
            writer.send_signal(signal.SIGKILL)
            last = int((confirmed + writer.stdout.readlines())[-1])
        kept = {row["question"] for row in read_feedback(FeedbackFiles(index)).known.values()}
        assert kept >= {f"question {name} {n}" for n in range(last + 1)}
