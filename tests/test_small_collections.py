"""Small collections of organisations' pages, made by rule, which the confidence is fitted on."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

pytest.importorskip("rjieba", reason="training needs the extra train: pip install '.[train]'")

from qa.embed import Encoder
from training.reports import Page, Stock, made_page
from training.small_collections import NAME, OTHERS, PAGES, first_hits, questions_on

HOSPITALS = [
    f"{name}县人民医院"
    for name in ("青山", "白水", "绿原", "红星", "南湖", "北岭", "东河", "西塘", "长桥", "新港", "石门", "云台")
]
KNOWN = Stock(
    HOSPITALS,
    [f"{surname}{given}" for surname in "赵钱孙李周吴郑王冯陈" for given in ("明远", "思齐", "若水", "知行", "怀瑾")],
    ["“守正创新、担当作为”", "“一站式服务”"],
    ["《关于加强内部管理的若干规定》", "《青年人才培养实施办法》", "《考勤与休假管理制度》", "《创新平台建设方案》"],
    ["近年来,各项工作取得了新的成绩。", "大家表示将继续努力,不负期望。", "下一步要在落实上下功夫。"],
)


def pages() -> list[Page]:
    rng = random.Random(0)
    return [made_page(replace(KNOWN, organisations=[one]), rng) for one in HOSPITALS[:PAGES]]


def test_what_is_asked_is_told_by_its_page_alone_or_by_none() -> None:
    told = pages()
    asked = questions_on(told, HOSPITALS[PAGES : PAGES + OTHERS], random.Random(1))
    answered = [one for one in asked if one.page >= 0]
    assert len(answered) == 2 * PAGES
    for one in answered:
        assert any(one.answer in text for text in told[one.page].paragraphs)
    elsewhere = [one for one in asked if any(name[:2] in one.question for name in HOSPITALS[PAGES:])]
    assert len(elsewhere) >= OTHERS
    assert all(one.page == -1 and not one.answer for one in elsewhere)


def test_first_hits_tell_whether_they_are_right(monkeypatch: pytest.MonkeyPatch, encoder: Encoder) -> None:
    monkeypatch.setattr("training.small_collections.stock", lambda *_: KNOWN)
    rows = list(first_hits([], encoder, 2, random.Random(2)))
    assert {name for name, *_ in rows} == {NAME}
    assert {tune for _, tune, _, _ in rows} == {True, False}
    right = [told for *_, told, is_right in rows if is_right]
    wrong = [told for *_, told, is_right in rows if not is_right]
    assert len(right) > 2 * PAGES
    assert all(told["organisation"] == 0 for told in right)
    assert sum(told["organisation"] for told in wrong) >= 2
