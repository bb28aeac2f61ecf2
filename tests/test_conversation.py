from __future__ import annotations

from typing import Any

import pytest

from qa.conversation import Conversation
from qa.desk import Desk
from qa.memory import Memory, Turn
from qa.search import Retriever

QUESTION = "谁主持了大会"
KEPT = Memory("", (Turn("上一个"), Turn(QUESTION, 3))).to_json()


def test_a_question_comes_back_with_its_answer_and_is_remembered(retriever: Retriever) -> None:
    asked = {"id": "7", "question": f" {QUESTION} "}
    shown, kept = Conversation(Desk(retriever)).answer(asked, 2, None, "en", None)
    assert (shown["id"], shown["asked"]) == ("7", f'<div class="wd-asked">{QUESTION}</div>')
    assert shown["reply"].count('class="wd-card"') == 2
    assert kept == Memory("", (Turn(QUESTION, 2),)).to_json()


def test_a_question_leans_on_the_one_before_unless_it_is_asked_once_more(retriever: Retriever) -> None:
    do = Conversation(Desk(retriever, names=("北京协和医院",)))
    _, kept = do.answer({"question": "协和的呢?"}, 5, [], "en", KEPT)
    assert kept["turns"][-1]["searched"] == "协和，谁主持了大会"
    _, kept = do.answer({"question": "协和的呢?", "whole": "协和的呢?"}, 5, [], "en", KEPT)
    assert kept["turns"][-1]["searched"] == ""


def test_asked_once_more_the_latest_question_is_replaced_and_an_earlier_one_is_asked_at_the_end(
    retriever: Retriever,
) -> None:
    do = Conversation(Desk(retriever))
    _, kept = do.answer({"question": QUESTION, "whole": QUESTION, "latest": True}, 4, [], "en", KEPT)
    assert [(one["question"], one["k"]) for one in kept["turns"]] == [("上一个", 5), (QUESTION, 4)]
    _, kept = do.answer({"question": "上一个", "whole": "上一个", "latest": False}, 4, [], "en", KEPT)
    assert [one["question"] for one in kept["turns"]] == ["上一个", QUESTION, "上一个"]


@pytest.mark.parametrize("asked", [None, [], 3, {}, {"question": None}, {"question": " \n"}])
def test_where_nothing_is_asked_nothing_is_shown_or_forgotten(retriever: Retriever, asked: Any) -> None:
    assert Conversation(Desk(retriever)).answer(asked, 5, [], "en", KEPT) == (None, KEPT)


@pytest.mark.parametrize("wild", [None, [], {}, "x", float("nan"), -1, [[]], {"a": 1}])
def test_whatever_a_stranger_sends_is_answered(retriever: Retriever, wild: Any) -> None:
    asked = {"id": wild, "question": QUESTION, "whole": wild, "latest": wild}
    shown, kept = Conversation(Desk(retriever)).answer(asked, wild, wild, wild, wild)
    assert "wd-reply" in shown["reply"]
    assert kept["turns"][-1]["question"] == QUESTION
