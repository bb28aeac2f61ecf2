from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from qa import trial
from qa.errors import InvalidQuestions
from qa.evaluation import measure
from qa.feedback import FeedbackFiles, Judgement, keep
from qa.questions import read_questions
from qa.records import Report
from qa.search import Retriever
from qa.trial import Bench
from qa.wording import words

SEEDS = Path(__file__).parents[1] / "questions" / "seeds.jsonl"
LINE = '{"id": "1", "question": "谁主持了大会?", "evidence": [], "answers": []}'


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trial") / "few<1>.jsonl"
    path.write_text("\n".join(SEEDS.read_text("utf-8").splitlines()[:3]), "utf-8")
    return path


def last(bench: Bench, chosen: str, text: str = "", earlier: str = "", language: str = "en") -> str:
    return list(bench.run(chosen, text, earlier, language))[-1]


def test_the_form_offers_what_there_is(retriever: Retriever, few: Path, tmp_path: Path) -> None:
    shown = Bench(retriever, (few,), FeedbackFiles(tmp_path / "index")).form("en")
    assert '<option value="0">few&#60;1&#62;.jsonl</option><option value="feedback">What people said</option>' in shown
    assert '<button type="button" class="wd-stop-run">Stop</button></form>' in shown
    assert '<option value="feedback">' not in Bench(retriever).form("en")


def test_a_run_shows_its_progress_and_then_the_scorecard(retriever: Retriever, few: Path) -> None:
    shown = list(Bench(retriever, (few,)).run("0", "", "", "en"))
    assert '<progress max="3" value="0">' in shown[0]
    assert all("wd-progress" in one for one in shown[:-1])
    assert "3 questions, 3 with an answer and 0 to decline" in shown[-1]
    expected = measure(read_questions(few), retriever).figures["success@1"]
    assert f"<dt>First hit right</dt><dd>{expected:.3f}</dd>" in shown[-1]


def test_a_file_of_ones_own_and_an_earlier_report(retriever: Retriever, few: Path) -> None:
    text = few.read_text("utf-8")
    earlier = json.dumps(measure(read_questions(few), retriever).figures, ensure_ascii=False)
    assert "Against the earlier report: 0 gained, 0 lost" in last(Bench(retriever), "file", text, earlier)


def test_what_people_said_is_measured(retriever: Retriever, tmp_path: Path) -> None:
    files = FeedbackFiles(tmp_path / "index")
    bench = Bench(retriever, feedback=files)
    assert "cannot be read" in last(bench, "feedback")
    keep(files, Judgement("如何做红烧肉", "declined"))
    assert "1 questions, 0 with an answer and 1 to decline" in last(bench, "feedback")


@pytest.mark.parametrize(
    ("chosen", "text", "earlier", "said"),
    [
        ("file", "  ", "", "A file of mine: Please choose a question file first."),
        ("file", "{broken", "", "A file of mine:1: expected one JSON object a line"),
        ("file", '{"data": [{"paragraphs": [{"context": "x", "qas": [{"id": "1", "question": "y"}]}]}]}', "", "brings"),
        ("file", LINE.replace("[]", '[{"document": "no.txt", "quote": "x"}]', 1), "", "not indexed"),
        ("file", LINE, "[1]", "This is not a report that qa evaluate wrote."),
        ("file", LINE, "{", "This is not a report that qa evaluate wrote."),
        ("file", LINE, '{"per_question": 3}', "is not a report"),
        ("9", "", "", "there is no such question set"),
        ("feedback", "", "", "there is no such question set"),
        ("../../etc/passwd", "", "", "there is no such question set"),
    ],
)
def test_what_cannot_be_measured_is_said(retriever: Retriever, chosen: str, text: str, earlier: str, said: str) -> None:
    shown = last(Bench(retriever), chosen, text, earlier)
    assert shown.startswith('<div class="wd-notice" role="status">')
    assert said in shown


@pytest.mark.parametrize("per_question", [[3], [{}], "x", [{"id": []}], None])
def test_any_json_may_call_itself_a_report(per_question: object) -> None:
    needed = dict.fromkeys(["model", "passages", "questions", "legs", "declined", "answers", "latency_ms"], 3)
    with pytest.raises(InvalidQuestions, match="report"):
        trial._compared({**needed, "per_question": per_question}, Report(needed), words("en"))


def test_limits_hold(retriever: Retriever, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "MOST_QUESTIONS", 1)
    two = LINE + "\n" + LINE.replace('"1"', '"2"')
    assert "At most 1 questions are measured here, these are 2." in last(Bench(retriever), "file", two)
    monkeypatch.setattr(trial, "LARGEST_REPORT", 1)
    assert "This is not a report" in last(Bench(retriever), "file", LINE, "{}")
    monkeypatch.setattr(trial, "LARGEST_SET", 10)
    assert "The file is too large." in last(Bench(retriever), "file", LINE)


def test_a_run_that_nobody_waits_for_stops(retriever: Retriever) -> None:
    before = set(threading.enumerate())
    steps = Bench(retriever, (SEEDS,)).run("0", "", "", "en")
    assert "wd-progress" in next(steps)
    started = time.monotonic()
    steps.close()
    assert time.monotonic() - started < 20
    assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("ThreadPoolExecutor")]
