"""Where a text holds times, amounts, names and offices, by rules, for what the readers never learnt.

The reader learnt Chinese and Japanese. A question in another script reaches it only by its kind and by linked
words, and an English passage hardly at all: there its choice is held to what could be an answer of that kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_MONTHS = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_WHEN = re.compile(
    r"(?:\d{4}年)?\d{1,2}月(?:\d{1,2}日)?(?:[上下]午|晚)?(?:\d{1,2}[时点](?:\d{1,2}分)?)?|\d{4}年|\d{1,2}日(?:[上下]午)?"
    r"|[上下]午\d{1,2}[时点](?:\d{1,2}分)?|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?: \d{1,2}:\d\d)?|\d{1,2}:\d\d"
    rf"|(?:\d{{1,2}} )?\b{_MONTHS}\b(?: \d{{1,2}}(?!\d))?(?:,? \d{{4}})?|\b(?:1\d|20)\d\d\b(?!,\d)"
)
_UNITS = r"[个名位人项次种条场届座家岁元米天所只支组队万亿千百%]"
_COUNT = re.compile(
    rf"(?:近|约|超过?)?\d[\d,.]*[多余]?[万亿千百]*[多余]?{_UNITS}(?!月|年|日)|[一二三四五六七八九十百千两]+(?:多|余)?{_UNITS}"
    r"|\d[\d,.]*\d(?:%| (?:percent|million|billion))?|\d"
)
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石"
    "姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文习温柴向乐皮严鲁葛申尤"
)
_NAME = re.compile(rf"(?=([{_SURNAMES}][\u4e00-\u9fff]{{1,2}}))")
_AFTER_NAME = frozenset(
    "作代主致表在为是的任说担与和及对向从以就将被出参宣介院总书副同先女教等也还又并率带提强指要进到做讲发当获"
)
_JOINED = r"(?: (?:of|the|de|von|van|and|&))? "


_OFFICE_ASKED = re.compile(
    r"职[务位称]|头衔|什么官|[担兼]任(?:了|过)?(?:什么|何|啥)|\b(?:position|post|cargo|poste)\b|должност|직[책위]"
)
_OFFICE_BEFORE_NAME = re.compile(
    r"(?:书记|主[任席]|[院校会董部局司厅处科所站队市省县区镇乡组社室馆台署厂店团军师]长|总[理统监裁]|经理|秘书|委员|会计师|教授|顾问|代表)"
    r"(?:\([^()]{1,8}\))?(?=([\u4e00-\u9fff]{2}))"
)


def offices_beside(question: str, passage: str) -> list[int]:
    """Return where offices end that stand right before a name that the question holds, if it asks for an office.

    :param question: folded, as is ``passage``.
    """
    left = _OFFICE_ASKED.sub(" ", question)
    if left == question:
        return []
    return [match.end() for match in _OFFICE_BEFORE_NAME.finditer(passage) if match.group(1) in left]


def of_kind(kind: str, text: str, folded: str) -> list[tuple[int, int]]:
    """Return the spans that can answer a question of one kind; none where rules cannot tell.

    :param text: ``folded`` with the capitals that folding took away, as long as it.
    """
    if kind == "when":
        return [match.span() for match in _WHEN.finditer(folded)]
    found = {
        "count": [match.span() for match in _COUNT.finditer(folded)],
        "who": [*_chinese_names(folded), *_capitalised(text)],
        "where": list(_capitalised(text)),
    }.get(kind, [])
    times = [match.span() for match in _WHEN.finditer(folded)]
    return [span for span in found if not any(_meets(span, time) for time in times)]


def _chinese_names(folded: str) -> Iterator[tuple[int, int]]:
    for match in _NAME.finditer(folded):
        name = match.group(1)
        short = len(name) == 3 and name[2] in _AFTER_NAME
        yield match.start(), match.end(1) - short


def _capitalised(text: str) -> Iterator[tuple[int, int]]:
    word = r"\b[^\W\d_a-z\u0e00-\uffff](?:[\w.'’-]*\w)?"
    for match in re.finditer(rf"{word}(?:{_JOINED}{word})*", text):
        start = match.start()
        lead = re.match(r"(?:The|An?|It|In|On|At|He|She|They|This|That) ?", match.group())
        if lead is not None and lead.end() < len(match.group()):
            start += lead.end()
        if lead is None or start > match.start():
            yield start, match.end()


def _meets(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
