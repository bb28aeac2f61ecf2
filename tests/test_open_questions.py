"""Open questions and terms that are left open, which the joint reader is trained on."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("rjieba", reason="training needs the extra train: pip install '.[train]'")

from training.joint_data import without_answer
from training.open_questions import Named, asked_of_terms, open_questions, terms_named

TEXTS = {
    "为方便群众看病，全市各医院延长了门诊时间。": "方便群众看病",
    "由于连日暴雨，两条山区公路暂停通行。": "连日暴雨",
    "通过远程会诊平台，乡镇医院能请专家看片子。": "远程会诊平台",
    "两地共同发布了救治指南，旨在统一各级医院的做法。": "统一各级医院的做法",
    "新的门诊大楼投入使用，标志着医院发展进入新阶段。": "医院发展进入新阶段",
    "医院信息中心加快建设智慧病房。": "智慧病房",
    "市卫生局局长要求，各单位要把安全放在第一位，确保万无一失。": "各单位要把安全放在第一位，确保万无一失",
    "王医生表示，这项技术让手术时间缩短了一半以上。": "这项技术让手术时间缩短了一半以上",
}


@pytest.mark.parametrize(("text", "answer"), TEXTS.items())
def test_each_rule_asks_for_what_its_sentence_says(text: str, answer: str) -> None:
    [made] = open_questions([{"title": "通讯", "text": text}], random.Random(0))
    assert made["answer"] == answer
    assert answer not in made["question"]
    assert made["passage"] == f"通讯\n{text}"


@pytest.mark.parametrize(
    "text", ["天气晴朗。", "他表示，这项技术让手术时间缩短了一半。", "为了发展的，全市各医院延长了门诊时间。"]
)
def test_what_has_no_subject_or_breaks_off_is_not_asked(text: str) -> None:
    assert not list(open_questions([{"title": "", "text": text}], random.Random(0)))


def test_one_person_is_not_asked_about_again_and_again() -> None:
    records = [{"title": "", "text": f"王医生表示，这项技术让手术时间缩短了{n}分钟左右。"} for n in range(30)]
    assert len(list(open_questions(records, random.Random(0)))) == 20


OPEN = "各单位要落实“四个一批”要求，做好各项工作。"
TOLD = "会议提出“三个零”，即零差错、零投诉、零事故，得到大家赞同。"


def test_a_term_is_left_open_or_told() -> None:
    named = list(terms_named([{"title": "一", "text": OPEN}, {"title": "二", "text": TOLD}]))
    assert [(one.term, one.told) for one in named] == [("四个一批", ""), ("三个零", "零差错、零投诉、零事故")]
    assert not list(
        terms_named([{"title": "", "text": "要落实“四个一批”（见附件）要求。"}, {"title": "", "text": "喝“茶”。"}])
    )


def test_terms_are_asked_for_where_they_are_told_and_where_they_are_not() -> None:
    named = [Named("四个一批", "一", OPEN, ""), Named("三个零", "二", TOLD, "零差错、零投诉、零事故")]
    told, absent, made = asked_of_terms(named, 1, random.Random(0))
    for group, answer in ((told, "零差错、零投诉、零事故"), (made, "即零差错、零投诉、零事故")):
        _, text, start, end = group.passages[0]
        assert (group.kind, text[group.start : group.end]) == ("open", answer)
        assert start <= group.start < end
        less = without_answer(group)
        assert less is None or answer not in less.text
    assert (absent.kind, absent.start) == ("absent", -1)
    assert absent.passages == [("一", OPEN, 0, len(OPEN))]
    assert "四个一批" in absent.question
    assert made.passages[1:] == absent.passages
