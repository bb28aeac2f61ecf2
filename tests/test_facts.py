"""Title, date, source and organisation come from where the page states them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.facts import Facts, find_date, find_facts, find_organisation, find_source, find_title, parse_date, with_head

BODY = "会上,院长作了工作报告,全面总结了一年来的工作,并对下一年度重点任务作出部署。"


def test_a_saved_page() -> None:
    byline = "时间:2024年4月20日 点击:85 来源:宣传科 王小明"
    page = f"首页 > 新闻中心 > 正文\n某某市第一医院召开工作会议\n{byline}\n某某市第一医院{BODY}"
    assert find_facts(page) == Facts("某某市第一医院召开工作会议", "2024-04-20", "宣传科", "某某市第一医院")


def test_a_text_that_states_nothing() -> None:
    assert find_facts(BODY) == Facts("", "", "", "")


def test_a_known_title_is_kept() -> None:
    assert find_facts(f"别的标题\n{BODY}", "市图书馆开放时间").title == "市图书馆开放时间"


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        (["会议召开", BODY], "会议召开"),
        (["新闻中心", "2022年重点工作推进会召开", BODY], "2022年重点工作推进会召开"),
        (["2024-04-22 10:02 今视频", "会议召开!"], "会议召开!"),
        (["2024年4月20日", "请假制度", BODY], "请假制度"),
        (["▲主会场", "会议召开"], "会议召开"),
        ([BODY, "会议召开"], ""),
        ([], ""),
    ],
)
def test_find_title(lines: list[str], title: str) -> None:
    assert find_title(lines) == title


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("时间:2023.03.21", "2023-03-21"),
        ("2024年4月20日", "2024-04-20"),
        ("时间:2024-02-04 12:40:48", "2024-02-04"),
        ("2022/9/22", "2022-09-22"),
        ("二〇二四年四月二十日", "2024-04-20"),
        ("二○一九年十二月三十一日", "2019-12-31"),
        ("民國113年4月20日", "2024-04-20"),
        ("April 20, 2024", "2024-04-20"),
        ("3rd? 20 Sept 2024 20 Sep 2024", "2024-09-20"),
        ("2024-02-30", ""),
        ("2024-02-30 2024-03-01", "2024-03-01"),
        ("电话 12023-04-0567", ""),
        ("第十四届", ""),
    ],
)
def test_parse_date(text: str, date: str) -> None:
    assert parse_date(text) == date


@given(st.dates())
def test_every_date_of_the_centuries_of_print_comes_back(date: object) -> None:
    iso = str(date)
    assert parse_date(f"日期:{iso}") == (iso if iso[:2] in {"19", "20"} else "")


def test_dates_in_prose_are_no_dates_of_publication() -> None:
    assert find_date(["2024年4月20日召开职工代表大会", "会议时间:2024年4月20日"]) == ""
    assert find_date(["会议召开", "发布时间:2024-04-21"]) == "2024-04-21"


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("发布来源:本站原创", ""),
        ("来源:北仑区人民医院", "北仑区人民医院"),
        ("来源:   编辑:张淼  作者:魏涵博", ""),
        ("來源：新華社 | 2024-01-01", "新華社"),
        ("2024-04-22 10:02 今视频", "今视频"),
        ("来源:党委办公室宣传科 赵昕蕊", "党委办公室宣传科"),
        ("Source: Xinhua News Agency", "Xinhua News Agency"),
        ("供稿单位:工会", "工会"),
        ("资金来源:财政拨款。", ""),
    ],
)
def test_find_source(line: str, source: str) -> None:
    assert find_source([line]) == source


@pytest.mark.parametrize(
    ("title", "source", "text", "organisation"),
    [
        ("北京协和医院召开工作会议", "", "", "北京协和医院"),
        ("深化合作!南昌市第一医院大会召开", "", "", "南昌市第一医院"),
        ("内蒙古医科大学附属医院举行年会", "", "", "内蒙古医科大学附属医院"),
        ("关于印发某某市教育局工作要点的通知", "", "", "某某市教育局"),
        ("工作会召开", "北仑区人民医院", "", "北仑区人民医院"),
        ("蓄力起航开新局", "", "", ""),
        ("熱烈祝賀臺北榮民總醫院獲獎", "", "", "臺北榮民總醫院"),
        ("对外经济贸易大学举行典礼", "", "", "对外经济贸易大学"),
        ("我院召开大会", "宣传科", "", ""),
        ("年会", "", "本文介绍中山图书馆。" + "中山图书馆很大。" * 5, "中山图书馆"),
        ("年会", "", "中山图书馆与天河博物馆合作。", ""),
        (
            "年会",
            "",
            "东海医学院的附属医院开会。东海医学院党委书记到会。附属医院将扩建,附属医院新楼",
            "东海医学院附属医院",
        ),
        (
            "年会",
            "",
            "東海醫學院黨委書記到會。東海醫學院教授也來。附屬醫院開會,附屬醫院很大,附屬醫院新樓",
            "東海醫學院附屬醫院",
        ),
        ("年会", "", "东海医学院办学。东海医学院招生。东海医学院的附属医院与附属医院分院", ""),
        ("年会", "", "东海医学院、西海医学院来访,东海医学院、西海医学院。附属医院开会,附属医院很大,附属医院好", ""),
        ("年会", "", "有限公司" * 6, ""),
        ("王某当选中国摄影家协会主席", "", f"王某当选中国摄影家协会主席\n{BODY}", ""),
    ],
)
def test_find_organisation(title: str, source: str, text: str, organisation: str) -> None:
    assert find_organisation(title, source, text or f"{title}\n{organisation}的{BODY}") == organisation


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    facts = find_facts(text)
    assert facts.date == "" or len(facts.date) == 10


def test_with_head_puts_the_by_line_of_an_html_page_above_its_text() -> None:
    above = "首页\n会议召开\n时间:2024-04-01 点击:5\n"
    whole = f"会议召开\n时间:2024-04-01 点击:5\n{BODY}"
    assert with_head(BODY, "会议召开", above) == whole
    assert with_head(f"会议召开\n{BODY}\n时间:2024-04-01 点击:5", "会议召开", above) == whole
