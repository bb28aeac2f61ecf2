"""Questions made from news sentences: words that could be an answer give way to a question word.

They teach the reader what answers look like in official news, for which hardly any labelled questions exist.
Words and names come from rjieba, which only training needs.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import rjieba

from qa.text import sentences

_DATE = re.compile(
    r"(?:\d{4}年)?\d{1,2}月(?:\d{1,2}日)?(?:[上下]午|晚|凌晨)?(?:\d{1,2}[时点](?:\d{1,2}分)?)?|\d{1,2}日(?:[上下]午|晚)?|\d{4}年"
)
_LONG_UNIT = "个百分点|万人|小时|公里|公顷|人次|亿元|万元"
_AMOUNT = re.compile(
    rf"(?:近|约|超过?|达)?\d[\d,.]*[多余]?[万亿千百]*[多余]?({_LONG_UNIT}|[%个名位人家项次种条场届座辆台岁元吨米天亩万亿户所只])"
)
_TITLE = re.compile(r"《[^《》\n]{2,25}》|“[^“”\n]{2,16}”")
_SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石"
    "姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文习温"
)
_ASK = {
    "when": ("什么时候", "何时", "哪天", "什么时间", "哪一天", "几月几日"),
    "who": ("谁", "哪位", "什么人", "谁", "哪位领导"),
    "where": ("哪里", "什么地方", "哪儿", "何地", "哪个地方"),
    "organisation": ("什么机构", "哪个单位", "什么", "哪家单位", "哪个机构"),
    "title": ("什么", "什么", "哪个", "什么名字"),
}
_BREAK = re.compile("[,，;；:：。]")
_LEAST, _SHORTEST, _LONGEST = 4, 6, 70


@dataclass(frozen=True, slots=True)
class Word:
    """A tagged word at its place in a sentence."""

    start: int
    end: int
    tag: str
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Words that may be asked for, and the words that ask for them."""

    start: int
    end: int
    kind: str
    asks: tuple[str, ...]


def tagged(sentence: str) -> list[Word]:
    """Return the sentence's words."""
    found, at = [], 0
    for text, tag in rjieba.tag(sentence):
        start = sentence.find(text, at)
        if start >= 0:
            at = start + len(text)
            found.append(Word(start, at, tag, text))
    return found


def gaps(sentence: str, cut: Sequence[Word]) -> Iterator[Gap]:
    """Yield what may be asked for: times, amounts, titles, people, places, organisations, noun phrases."""
    for match in _DATE.finditer(sentence):
        yield Gap(*match.span(), "when", _ASK["when"])
    for match in _AMOUNT.finditer(sentence):
        unit = match.group(1) if match.group(1) != "%" else ""
        yield Gap(*match.span(), "count", (f"多少{unit}", f"几{unit}"))
    for match in _TITLE.finditer(sentence):
        yield Gap(*match.span(), "title", _ASK["title"])
    for n, word in enumerate(cut):
        length = word.end - word.start
        if (word.tag == "nr" and 2 <= length <= 3 and word.text[0] in _SURNAMES) or (word.tag == "nrt" and length >= 3):
            yield Gap(word.start, word.end, "who", _ASK["who"])
        elif word.tag == "ns" and length >= 2:
            last = _run(cut, n, {"ns", "nt", "n", "nz"}, 16)
            kind = "where" if last.tag == "ns" else "organisation"
            yield Gap(word.start, last.end, kind, _ASK[kind])
        elif word.tag in {"nt", "nz"} and length >= 3:
            yield Gap(word.start, word.end, "organisation", _ASK["organisation"])
        elif word.tag in {"n", "vn"}:
            last = _run(cut, n, {"n", "vn"}, 12)
            if last.end - word.start >= _LEAST:
                yield Gap(word.start, last.end, "phrase", ("什么", f"什么{last.text}", f"哪些{last.text}"))


def _run(cut: Sequence[Word], first: int, tags: set[str], longest: int) -> Word:
    last = first
    while last + 1 < len(cut) and cut[last + 1].tag in tags and cut[last + 1].end - cut[first].start <= longest:
        last += 1
    return cut[last]


def ask(sentence: str, cut: Sequence[Word], gap: Gap, rng: random.Random) -> str | None:
    """Return a question for the gap from the clauses around it, some words dropped; None if little is left."""
    breaks = [match.start() for match in _BREAK.finditer(sentence)]
    before = [0, *(at + 1 for at in breaks if at < gap.start)]
    after = [*(at for at in breaks if at >= gap.end), len(sentence)]
    low = before[-2] if len(before) > 1 and rng.random() < 0.5 else before[-1]
    high = after[1] if len(after) > 1 and rng.random() < 0.25 else after[0]
    share = rng.choice((0, 0.1, 0.2, 0.4))
    sides: tuple[list[str], list[str]] = ([], [])
    for word in cut:
        outside = word.start < low or word.end > high or (word.start < gap.end and word.end > gap.start)
        if not outside and rng.random() >= share * (2 if word.tag in {"d", "u", "uj", "ul", "p", "c", "m", "a"} else 1):
            sides[word.end > gap.start].append(word.text)
    left, right = "".join(sides[0]), "".join(sides[1])
    if len(left) + len(right) < _LEAST:
        return None
    asking = rng.choice(gap.asks)
    order = rng.random()
    if order < 0.2 and gap.kind in {"who", "when", "where"}:
        asked = asking + left + right
    elif order < 0.3:
        asked = f"{right}{left}是{asking}"
    else:
        asked = left + asking + right
    return (asked.strip(",，、:：;；。 ") + rng.choice(("？", "?", "", "？")))[-_LONGEST:]


def cloze(text: str, rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield at most two (question, passage, answer) of one article; the answer stands once in the passage."""
    low = rng.randrange(max(1, len(text) - 300))
    high = low + rng.choice((200, 300, 350))
    inside = [span for span in sentences(text) if low <= span[0] and span[1] <= high]
    if len(inside) < 2:
        return
    passage = text[inside[0][0] : inside[-1][1]]
    for _ in range(2):
        start, end = rng.choice(inside)
        sentence = text[start:end]
        cut = tagged(sentence)
        found = list(gaps(sentence, cut))
        if not found:
            continue
        kind = rng.choice(sorted({gap.kind for gap in found}))
        gap = rng.choice([gap for gap in found if gap.kind == kind])
        question, answer = ask(sentence, cut, gap, rng), sentence[gap.start : gap.end]
        if question and len(question) >= _SHORTEST and answer not in question and passage.count(answer) == 1:
            yield question, passage, answer
