import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.leads import lead

SPOKE = "书记王明提出三点要求。"


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        ("一是抓学习。", "二是抓落实。", "三是抓作风。"),
        ("一要抓学习。", "二要抓落实。", "三要抓作风。"),
        ("第一，抓学习。", "第二，抓落实。", "第三，抓作风。"),
        ("（一）抓学习", "（二）抓落实", "（三）抓作风"),
        ("一、抓学习", "二、抓落实", "十三、抓作风"),
    ],
)
def test_each_item_of_a_list_has_what_announces_it(first: str, second: str, third: str) -> None:
    text = f"大会开幕。{SPOKE}\n{first}甲。\n{second}乙。\n{third}"
    assert [lead(text, text.index(item)) for item in (first, second, third)] == [SPOKE] * 3
    assert lead(text, 0) == ""


def test_a_list_may_begin_within_the_paragraph_that_announces_it() -> None:
    text = "会议指出，要做到：一是抓学习；\n二是抓落实。"
    assert lead(text, text.index("二是")) == "会议指出，要做到："


def test_the_nearest_list_of_the_same_kind_is_meant() -> None:
    text = f"院长提出建议。\n一是甲。\n二是乙。\n{SPOKE}\n一是丙。\n（一）丁。\n二是戊。"
    assert lead(text, text.index("二是戊")) == SPOKE
    assert lead(text, text.index("二是乙")) == "院长提出建议。"


def test_of_whom_it_speaks_is_said_where_its_paragraph_begins() -> None:
    text = "开幕。\n书记王明强调，今年是关键一年。当前形势复杂，他就工作提出两点要求。\n一要抓学习。\n二要抓落实。"
    assert lead(text, text.index("二要")) == "书记王明强调，他就工作提出两点要求。"


@pytest.mark.parametrize(
    "text", ["二是抓落实。", "开会。\n二是抓落实。", "一是抓学习。", "五要素齐全", "一年之计在于春"]
)
def test_what_nothing_announces_has_nothing(text: str) -> None:
    assert lead(text, text.rindex("\n") + 1 if "\n" in text else 0) == ""


@given(st.text("一二三是要、第（）()，。：\n他王 ", max_size=80), st.integers(0, 80))
def test_any_place_of_any_text_can_be_looked_at(text: str, start: int) -> None:
    found = lead(text, min(start, len(text)))
    assert len(found) <= 120


def test_a_list_without_an_end_takes_bounded_time() -> None:
    text = f"{SPOKE}\n一、甲" + "\n二、" * 200_000
    start = time.process_time()
    assert lead(text, text.index("二、")) == SPOKE
    assert [lead(text, len(text) - 2) for _ in range(100)] == [""] * 100
    assert time.process_time() - start < 1
