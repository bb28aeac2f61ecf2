from __future__ import annotations

import time

import pytest

from qa import followup
from qa.followup import means_the_answer, resolve

NAMES = ("北京东方医院", "西山大学第一附属医院")


@pytest.mark.parametrize(
    ("before", "question", "whole"),
    [
        ("东院的院长是谁?", "那纪委书记呢?", "东院的纪委书记是谁?"),
        ("谁是医院党委书记", "那么纪委书记呢？", "谁是医院纪委书记"),
        ("院長是誰", "那麼副院長呢", "副院長是誰"),
        ("谁致开幕词?", "那闭幕词呢?", "谁致闭幕词?"),
        ("2023年的大会谁主持", "2024年呢", "2024年的大会谁主持"),
        ("第二届大会有多少人", "第三届呢", "第三届大会有多少人"),
        ("《青春》的作者是谁", "《朝花》呢", "《朝花》的作者是谁"),
        ("东方的院长是谁", "西山大学的呢?", "西山大学的院长是谁"),
        ("海边公司的院长是谁", "东方的呢", "东方的院长是谁"),
        ("大会在哪里召开", "什么时候呢", "大会在什么时候召开"),
        ("Who chaired the first congress?", "What about the second congress?", "Who chaired the second congress?"),
        ("Who is the director of the hospital?", "how about the secretary", "Who is the secretary of the hospital?"),
        ("When was Acme founded?", "and Globex?", "When was Globex founded?"),
    ],
)
def test_new_words_stand_in_the_place_of_their_likes(before: str, question: str, whole: str) -> None:
    assert resolve(question, before, names=NAMES) == whole


@pytest.mark.parametrize(
    ("before", "question", "whole"),
    [
        ("谁主持了大会?", "东方的呢?", "东方，谁主持了大会?"),
        ("谁主持了大会?", "那纪委书记呢?", "纪委书记，谁主持了大会?"),
        ("Who chaired the congress?", "and Globex?", "Globex: Who chaired the congress?"),
    ],
)
def test_new_words_without_a_like_go_before_the_question(before: str, question: str, whole: str) -> None:
    assert resolve(question, before, names=NAMES) == whole


@pytest.mark.parametrize(
    ("before", "question", "whole"),
    [
        ("Who chaired the congress?", "and who closed it?", "who closed the congress?"),
        ("大会在哪里召开", "它什么时候开始", "大会什么时候开始"),
        ("2023年东方的大会谁主持?", "那谁致闭幕词?", "2023年，东方，谁致闭幕词?"),
        ("东方的大会有多少人参加", "这次大会在哪里召开", "东方，这次大会在哪里召开"),
        ("How many people work at Globex", "And where was this decided?", "Globex: where was this decided?"),
    ],
)
def test_what_a_question_leaves_out_is_carried_over(before: str, question: str, whole: str) -> None:
    assert resolve(question, before, names=NAMES) == whole


def test_he_is_the_answer_before() -> None:
    assert resolve("他还作了什么报告?", "谁主持了大会?", "柴建军") == "柴建军还作了什么报告?"
    assert resolve("What else did she say?", "Who chaired?", "Ann Lee") == "What else did Ann Lee say?"
    assert resolve("他还作了什么报告?", "谁主持了大会?") == "他还作了什么报告?"
    assert means_the_answer("那他呢")
    assert not means_the_answer("他们呢")


@pytest.mark.parametrize(
    "question",
    [
        "如何做红烧肉",
        "那个会议谁参加",
        "你呢",
        "那谁致闭幕词?",
        "What is the budget?",
        "呢?",
        "?",
        "",
        "为什么呢",
        "那" + "长" * 80 + "呢",
    ],
)
def test_a_question_that_stands_by_itself_stays(question: str) -> None:
    assert resolve(question, "谁主持了大会?", "柴建军", NAMES) == question


def test_without_a_question_before_nothing_leans() -> None:
    assert resolve("那纪委书记呢?", "") == "那纪委书记呢?"
    assert resolve("那纪委书记呢?", "院长是谁" * 60) == "那纪委书记呢?"


@pytest.mark.parametrize("before", ["长" * 200, "the " + "a" * 190, "院长 " * 60, "a1" * 100, "《" * 200, "A b " * 50])
@pytest.mark.parametrize(
    "question", ["那" + "啊" * 50 + "呢", "what about " + "the a " * 8, "and " + "x" * 50, "它呢它" * 20]
)
def test_no_question_takes_long(before: str, question: str) -> None:
    started = time.perf_counter()
    resolve(question, before, names=["北京东方医院" * 3] * 2000)
    assert time.perf_counter() - started < 0.5


def test_the_table_in_the_manual_is_true() -> None:
    rows = [line.split("``")[1::2] for line in (followup.__doc__ or "").splitlines() if line.count("``") == 6]
    assert len(rows) == 3
    assert [resolve(question, before, names=["东方医院"]) for before, question, _ in rows] == [row[2] for row in rows]
