"""Short questions that news of meetings answer, made by rule: who, where, when, how many, on what.

Such questions name no meeting, as people ask who have one page before them; reading-comprehension sets have none.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import rjieba

_MEETING = (
    "会议|大会|座谈会|仪式|论坛|研讨会|发布会|活动|年会|峰会|启动仪式|开幕式|推进会|工作会议|全会|培训班|比赛|典礼"
)
_NAME = "[\u4e00-\u9fff·]{2,4}"
_DATE = r"(?:\d{4}年)?\d{1,2}月\d{1,2}日(?:[上下]午)?|\d{1,2}日(?:[上下]午)?"
_HELD = "召开|举行|开幕|举办"
_READ, _SHOWN = 900, 700  # characters of an article that are looked through, and that become a page


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern whose group ``a`` answers questions that hold its other groups."""

    pattern: re.Pattern[str]
    asks: tuple[str, ...]
    person: bool = False


RULES = (
    Rule(
        re.compile(rf"(?P<a>{_NAME})主持(?:了)?(?P<w>[\u4e00-\u9fff]{{0,4}}(?:{_MEETING}))"),
        ("谁主持了{w}", "{w}由谁主持", "{w}是谁主持的", "主持{w}的是谁", "{w}的主持人是谁", "主持人", "谁主持?"),
        person=True,
    ),
    Rule(
        re.compile(rf"(?P<w>{_MEETING})[^，。；]{{0,8}}在(?P<a>[\u4e00-\u9fff]{{2,12}}?)(?P<v>{_HELD}|闭幕)"),
        ("{w}在哪里{v}", "{w}在什么地方{v}", "{w}在哪儿{v}的", "{v}地点", "{w}地点", "{w}的地点是哪里", "在哪{v}"),
    ),
    Rule(
        re.compile(rf"(?P<a>{_DATE})，?(?P<x>[^。；]{{2,40}}?)(?P<w>{_MEETING})[^，。；]{{0,12}}(?P<v>{_HELD})"),
        ("{w}什么时候{v}", "{w}是哪天{v}的", "{w}何时{v}", "{v}时间", "{w}时间", "{w}的日期", "{x}{w}是几月几日{v}的"),
    ),
    Rule(
        re.compile(
            r"(?P<a>(?:近|约|逾|共)?\d[\d,]*[余多]?万?[余多]?(?:名|位|人|家)[\u4e00-\u9fff]{0,8}?)"
            r"(?P<v>参加|出席|参会|参与)(?P<w>[\u4e00-\u9fff]{0,6})"
        ),
        ("有多少人{v}", "多少人{v}了{w}", "{v}人数", "{v}的人有多少", "来了多少人", "到场多少人", "一共多少人{v}"),
    ),
    Rule(
        re.compile(
            rf"(?P<a>{_NAME})(?:在(?:会上|{_MEETING})上?)?(?:作|发表|致)(?:了)?"
            r"(?P<w>[\u4e00-\u9fff]{0,6}(?:报告|讲话|致辞|演讲|发言))"
        ),
        ("谁作了{w}", "{w}是谁作的", "谁在会上作{w}", "作{w}的是哪位", "谁讲的话", "发言的人是谁", "{w}由谁来作"),
        person=True,
    ),
    Rule(
        re.compile(rf"(?P<w>{_MEETING})(?:的)?主题(?:为|是)(?P<a>[“《][^”》]{{3,30}}[”》])"),
        ("{w}的主题是什么", "主题是什么", "{w}围绕什么主题", "{w}主题", "这次{w}的主题叫什么"),
    ),
)


def made_of_meetings(records: Iterable[dict[str, Any]], most: int, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield records with a made question, at most one of an article and ``most`` of a rule."""
    counts: Counter[int] = Counter()
    for record in records:
        text = record["text"][:_READ]
        found = [(counts[n], n, match) for n, rule in enumerate(RULES) if (match := _met(rule, text))]
        if not found:
            continue
        _, n, match = min(found, key=lambda one: one[:2])
        if counts[n] < most:
            counts[n] += 1
            title, answer = record.get("title") or "", match["a"]
            question = rng.choice(RULES[n].asks).format(**match.groupdict())
            page = text[:_SHOWN] if answer in text[:_SHOWN] else text
            yield {"question": question, "passage": f"{title}\n{page}".strip(), "answer": answer}


def _met(rule: Rule, text: str) -> re.Match[str] | None:
    match = rule.pattern.search(text)
    if match is None or not rule.person:
        return match
    words = rjieba.tag(match["a"])
    return match if len(words) == 1 and words[0][1].startswith("nr") else None


def rules_met(text: str) -> set[int]:
    """Return which rules find something in a text."""
    return {n for n, rule in enumerate(RULES) if rule.pattern.search(text)}
