"""Questions made from news: what is asked for, and that the answer stands in its passage."""

import random

import pytest

pytest.importorskip("rjieba")

from training.cloze import ask, cloze, gaps, tagged

NEWS = "国务院总理李克强3月20日在北京主持会议。会议听取了近200人的意见，通过了《政府工作报告》。各部门负责人参加会议。"


def test_times_amounts_titles_and_people_may_be_asked_for() -> None:
    found = {(gap.kind, NEWS[gap.start : gap.end]) for gap in gaps(NEWS, tagged(NEWS))}
    wanted = {("when", "3月20日"), ("who", "李克强"), ("count", "近200人"), ("title", "《政府工作报告》")}
    assert wanted <= found


def test_a_question_leaves_its_answer_out() -> None:
    cut = tagged(NEWS)
    gap = next(gap for gap in gaps(NEWS, cut) if gap.kind == "who")
    questions = [ask(NEWS, cut, gap, random.Random(seed)) for seed in range(20)]
    assert all(question and "李克强" not in question for question in questions)
    assert any(question.startswith("国务院总理谁") for question in questions if question)


def test_the_answer_stands_once_in_the_passage() -> None:
    made = [triple for seed in range(30) for triple in cloze(NEWS, random.Random(seed))]
    assert made
    assert {passage.count(answer) for _, passage, answer in made} == {1}
