"""Questions that news of meetings answer, which the joint reader is trained on."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("rjieba", reason="training needs the extra train: pip install '.[train]'")

from training.meetings import made_of_meetings, rules_met

TEXTS = (
    "会议听取了工作报告。王建国主持会议。",
    "本次论坛在北京召开,各地专家到会。",
    "3月20日,全省卫生工作会议召开。",
    "来自各地的500余名代表参加会议。",
    "会上,李建华作工作报告。",
    "论坛主题为“协同发展的机遇”。",
)
ANSWERS = {"王建国", "北京", "3月20日", "500余名代表", "李建华", "“协同发展的机遇”"}


def test_each_rule_asks_for_what_its_sentence_says() -> None:
    made = list(made_of_meetings([{"text": text, "title": "通讯"} for text in TEXTS], 9, random.Random(0)))
    assert {record["answer"] for record in made} == ANSWERS
    for record in made:
        assert record["answer"] in record["passage"]
        assert record["answer"] not in record["question"]
        assert record["passage"].startswith("通讯\n")


def test_no_rule_asks_more_often_than_it_may() -> None:
    assert len(list(made_of_meetings([{"text": TEXTS[0]}] * 5, 2, random.Random(0)))) == 2
    assert not list(made_of_meetings([{"text": "天气晴朗。"}], 2, random.Random(0)))


def test_passages_tell_which_rules_they_meet() -> None:
    assert rules_met("王建国主持会议。") == {0}
    assert rules_met("李建华主持大会。") == {0}
    assert rules_met("天气晴朗。") == set()
