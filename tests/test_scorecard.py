from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from qa.evaluation import measure
from qa.plots import Group
from qa.records import Question, QuestionSet, Quote
from qa.report import compare
from qa.scorecard import groups_of, progress_to_html, scorecard_to_html
from qa.search import Retriever
from qa.wording import words

PAGE = "000_e1c267786c071a21.txt"
SET = QuestionSet(
    "jsonl",
    (
        Question("1", "谁主持了大会?", (Quote(PAGE, "大会由党委副书记、纪委书记柴建军主持"),), ("柴建军",)),
        Question("2", "谁主持了<大会>?", (Quote(PAGE, "要积极探索协和特色的多院区管理模式"),)),
        Question("3", "qqqq zzzz"),
    ),
)


@pytest.fixture(scope="module")
def figures(retriever: Retriever) -> dict[str, Any]:
    return dict(measure(SET, retriever).figures)


def row(**given: Any) -> dict[str, Any]:
    return {"question": "谁", "expected": True, "answered": True, "rank": 1, "right_passages": 1, **given}


def test_a_kind_counts_its_right_passages_within_one_five_and_ten() -> None:
    rows = [
        row(rank=1),
        row(rank=4),
        row(rank=None),
        row(question="何时何地", rank=9),
        row(question="为什么"),
        row(question="谁", expected=False, rank=None),
    ]
    assert groups_of(rows, words("en")) == [
        Group("who", 3, (1 / 3, 2 / 3, 2 / 3)),
        Group("when", 1, (0.0, 0.0, 1.0)),
        Group("where", 1, (0.0, 0.0, 1.0)),
        Group("other", 1, (1.0, 1.0, 1.0)),
    ]


def test_the_figures_of_a_real_report_stand_in_the_page(figures: dict[str, Any]) -> None:
    shown = scorecard_to_html(figures, SET, language="en")
    assert "3 questions, 2 with an answer and 1 to decline, on 77 passages." in shown
    low, high = figures["intervals"]["success@1"]
    assert f"<dt>First hit right</dt><dd>{figures['success@1']:.3f}</dd>" in shown
    assert f"<td>{figures['success@1']:.3f} <small>[{low:.3f}, {high:.3f}]</small></td>" in shown
    assert f"<td>{figures['legs']['dense']['mrr@10']:.3f} " in shown
    assert shown.count('class="wd-plot"') == 3
    assert "wd-flips" not in shown


def test_what_failed_is_listed_with_its_quote_and_its_first_hit(figures: dict[str, Any]) -> None:
    shown = scorecard_to_html(figures, SET, language="en")
    [failed] = [one for one in figures["per_question"] if one["id"] == "2"]
    assert failed["rank"] != 1
    first = [one["answered"] and one["rank"] == 1 for one in figures["per_question"] if one["expected"]]
    wrong = first.count(False) + sum(one["answered"] for one in figures["per_question"] if not one["expected"])
    assert f"{wrong} questions that went wrong" in shown
    assert 'data-question="谁主持了&#60;大会&#62;?" data-expected="要积极探索协和特色的多院区管理模式">Why<' in shown
    assert re.search(r'<a class="wd-open" href="[^"]+">First hit</a>', shown)


@pytest.mark.parametrize(
    ("given", "fate"),
    [
        ({"rank": 3}, "rank 3"),
        ({"rank": None}, "not found"),
        ({"rank": None, "right_passages": 0}, "no passage holds it"),
        ({"answered": False}, "right, but declined"),
        ({"expected": False, "rank": None}, "should be declined"),
        ({"expected": False, "rank": None, "answered": False}, None),
        ({}, None),
    ],
)
def test_every_way_to_fail_has_a_name(figures: dict[str, Any], given: dict[str, Any], fate: str | None) -> None:
    first = {**figures["per_question"][0], "rank": 1, "answered": True, "right_passages": 1, **given}
    shown = scorecard_to_html({**figures, "per_question": [first]}, SET, language="en")
    assert re.findall(r'<span class="wd-fate">([^<]+)</span>', shown) == ([fate] if fate else [])


def test_what_flipped_is_listed(figures: dict[str, Any]) -> None:
    worse = [{**one, "rank": 2, "success@1": 0.0} if one["id"] == "1" else one for one in figures["per_question"]]
    comparison = compare({**figures, "per_question": worse}, figures)
    shown = scorecard_to_html(figures, SET, comparison, "en")
    assert "Against the earlier report: 1 gained, 0 lost (exact McNemar p = 1)" in shown
    assert '<li class="wd-gained">+ 谁主持了大会?</li>' in shown
    assert '<li class="wd-lost">− 谁主持了大会?</li>' in scorecard_to_html(
        figures, SET, compare(figures, {**figures, "per_question": worse}), "en"
    )


def test_the_report_can_be_saved_as_it_is(figures: dict[str, Any]) -> None:
    shown = scorecard_to_html(figures, SET, language="en")
    [kept] = re.findall(r'<textarea class="wd-report" hidden>([^<]*)</textarea>', shown)
    assert json.loads(html.unescape(kept)) == figures


def test_a_set_with_nothing_to_find_is_measured_too(retriever: Retriever) -> None:
    only = replace(SET, questions=SET.questions[2:])
    shown = scorecard_to_html(measure(only, retriever).figures, only, language="en")
    assert "1 questions, 0 with an answer" in shown
    assert "<dt>First hit right</dt><dd>–</dd>" in shown
    assert shown.count('class="wd-plot"') == 2


def test_progress_is_a_bar() -> None:
    shown = progress_to_html(3, 9, "en")
    assert '<progress max="9" value="3"></progress>' in shown
    assert "<span>3 / 9</span>" in shown
