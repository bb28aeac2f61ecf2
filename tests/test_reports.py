"""Pages made by rule, and questions on them, which the joint reader is trained on."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("rjieba", reason="training needs the extra train: pip install '.[train]'")

from training.asking import chatty, renumbered, unknown
from training.bylines import asked_about, mentioned
from training.group import Group
from training.reports import FACTS, Page, Stock, made_page, questions_on, stock

KNOWN = Stock(
    ["青山县人民法院", "白水市第三中学", "绿原大学", "红星银行"],
    [f"{surname}{given}" for surname in "赵钱孙李周吴郑王冯陈" for given in ("明远", "思齐", "若水", "知行", "怀瑾")],
    ["“守正创新、担当作为”", "“一站式服务”"],
    ["《关于加强内部管理的若干规定》", "《青年人才培养实施办法》", "《考勤与休假管理制度》", "《创新平台建设方案》"],
    ["近年来,各项工作取得了新的成绩。", "大家表示将继续努力,不负期望。", "下一步要在落实上下功夫。"],
)


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    rng = random.Random(0)
    return [made_page(KNOWN, rng) for _ in range(60)]


@pytest.fixture(scope="module")
def asked(pages: list[Page]) -> list[Group]:
    return list(questions_on(pages, random.Random(1)))


def test_a_page_tells_each_of_its_facts_once_where_it_says(pages: list[Page]) -> None:
    assert {name for page in pages for name in page.facts} == set(FACTS)
    for page in pages:
        assert page.organisation in page.heading
        for at, answer, _ in page.facts.values():
            assert answer in page.paragraphs[at]


def test_what_a_page_tells_is_answered_by_its_own_passage(asked: list[Group]) -> None:
    told = [group for group in asked if group.kind == "report"]
    assert told
    for group in told:
        heading, text, *_ = group.passages[0]
        assert text[group.start : group.end]
        assert "{" not in group.question + heading + text
        assert all(passage != group.passages[0] for passage in group.passages[1:])


def test_a_question_that_names_no_organisation_has_no_rival_of_another_page(asked: list[Group]) -> None:
    for group in asked:
        named = any(name[:2] in group.question for name in KNOWN.organisations)
        if not named:
            assert {passage[0] for passage in group.passages} == {group.passages[0][0]}


def test_what_a_page_leaves_open_stands_on_the_pages_of_others_only(asked: list[Group]) -> None:
    absent = [group for group in asked if group.kind == "absent"]
    assert absent
    assert all(group.start == group.end == -1 for group in absent)
    hosts = [group for group in absent if "主持" in group.question]
    assert hosts
    assert all("主持" not in group.passages[0][1] for group in hosts)
    assert all("主持" in passage[1] for group in hosts for passage in group.passages[1:])


def test_a_byline_answers_unless_the_line_is_missing(pages: list[Page]) -> None:
    groups = [group for seed in range(4) for group in asked_about(pages, KNOWN, random.Random(seed))]
    assert {group.kind for group in groups} == {"report", "absent"}
    for group in groups:
        if group.kind == "report":
            answer = group.passages[0][1][group.start : group.end]
            assert answer
            assert group.passages[1][1] != group.passages[0][1]


def test_what_is_mentioned_stands_in_the_first_passage_only(pages: list[Page]) -> None:
    groups = list(mentioned(pages, KNOWN, random.Random(0)))
    assert groups
    things = [thing[1:-1] for thing in (*KNOWN.quoted, *KNOWN.titled)]
    for group in groups:
        thing = next(thing for thing in things if thing in group.question)
        assert [thing in passage[1] for passage in group.passages] == [True, *[False] * (len(group.passages) - 1)]


def test_pages_are_made_of_what_stands_in_news() -> None:
    text = (
        "北京市海淀区人民法院召开工作会议。院长张建国出席会议并讲话。会议强调,要落实好《关于加强内部管理的若干规定》,"
        "做到“守正创新、担当作为”。"
    )
    found = stock([{"text": text}], 1, random.Random(0))
    assert "《关于加强内部管理的若干规定》" in found.titled
    assert "“守正创新、担当作为”" in found.quoted
    assert any(one.endswith("法院") for one in found.organisations)
    assert "张建国" in found.people
    assert found.fillers


def test_talk_around_a_question_keeps_it_whole() -> None:
    made = {chatty("谁主持了大会?", random.Random(seed)) for seed in range(80)}
    assert all("谁主持了大会" in one for one in made)
    assert max(map(len, made)) > 20


def test_a_fact_that_a_text_lacks_is_asked_of_what_it_names() -> None:
    told = "青山县人民法院的会议由赵明远主持,电话见附件。"
    made = {unknown("青山县人民法院的会议由谁主持?", told, random.Random(seed)) for seed in range(60)}
    assert all(one is not None and "人民法院" in one and "电话" not in one for one in made)
    assert unknown("为什么?", told, random.Random(0)) is None


def test_another_number_is_one_that_the_text_does_not_hold() -> None:
    told = "2023年会议,2024年会议。"
    made = {renumbered("2023年会议在哪里?", told, random.Random(seed)) for seed in range(60)} - {None}
    assert made
    assert not any("2023" in one or "2024" in one for one in made if one)
    assert renumbered("会议在哪里?", told, random.Random(0)) is None
