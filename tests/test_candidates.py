"""Times, amounts and names by rules."""

import pytest

from qa.candidates import of_kind, offices_beside

ENGLISH = "The meeting was held in Lecture Hall on 20 March 2023. It was chaired by Chai Jianjun; 500 people came."


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("when", "2023年3月20日上午9时30分召开", ["2023年3月20日上午9时30分"]),
        ("when", "9月21日下午,2024-04-22 10:02", ["9月21日下午", "2024-04-22 10:02"]),
        ("when", ENGLISH, ["20 March 2023"]),
        ("count", "近200人参加,3月20日分成十五个小组,增长30%", ["近200人", "十五个", "30%"]),
        ("count", ENGLISH, ["500"]),
        ("who", ENGLISH, ["Lecture Hall", "Chai Jianjun"]),
        ("who", "由柴建军主持,张萍代表学校致辞", ["柴建军", "张萍"]),
        ("where", ENGLISH, ["Lecture Hall", "Chai Jianjun"]),
        ("why", ENGLISH, []),
    ],
)
def test_rules_find_what_can_answer(kind: str, text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in of_kind(kind, text, text.lower())] == words


@pytest.mark.parametrize(
    ("question", "passage", "before"),
    [
        ("陈旭坚是什么职务", "陈旭坚勉励医院职工。会议由医院党委书记陈旭坚主持", "陈旭坚主持"),
        ("张萍担任什么职务?", "院长乐爱平,党委副书记(主持工作)张萍代表院党委", "张萍代表院党委"),
        ("what is 刘剑's position?", "院长刘剑作报告", "刘剑作报告"),
        ("谁是院长?", "院长刘剑作报告", None),
        ("刘剑的职务是什么", "院长负责制,院长办公会,副院长沈伟", None),
    ],
)
def test_offices_stand_before_the_name_that_is_asked_about(question: str, passage: str, before: str | None) -> None:
    assert offices_beside(question, passage) == ([] if before is None else [passage.index(before)])
