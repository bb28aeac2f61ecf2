"""What kind of thing a question asks for, and whether a text holds one: a person, a time, a place, a number.

Rules on folded text, in the languages of the examples below; a question that fits none asks for anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from qa.text import fold

_ASKED: Mapping[str, re.Pattern[str]] = {
    "person": re.compile(
        r"谁|哪[一几两些]?位|何人|什么人|哪[个些]人|だれ|どなた|누가|누구"
        r"|\bwho(?:m|se)?\b|\bquién(?:es)?\b|\bqui\b|\bкто\b|\bwer\b"
    ),
    "time": re.compile(
        r"什么时[候间]|何时|哪一?[年天日月]|几[年月日号点时]|[日时][期间](?:是|$|\W)|いつ|何[年月日時时]|언제"
        r"|몇 ?[년월일시]"
        r"|\bwhen\b|\bwhat (?:day|date|time|year)\b|\bcuándo\b|\bquand\b|\bкогда\b|\bwann\b"
    ),
    "place": re.compile(
        r"哪[里儿]|在哪|什么地[方点]|何[地处]|地[点址](?:是|$|\W)|どこ|어디|\bwhere\b|\bdónde\b|\boù\b|\bгде\b|\bwo\b"
    ),
    "number": re.compile(
        r"多[少大长高久远重]|几(?![月日号点时内乎])|百分之几|人数|数量|いくつ|いくら|何[人名个個回台本]|얼마|몇"
        r"|\bhow (?:many|much|long|old|far)\b|\bcuánt[oa]s?\b|\bcombien\b|\bсколько\b|\bwie ?viele?\b"
    ),
}
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石"
    "廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤柴皮霍易文安常康齐乐牛尤傅欧司诸上"
)
_NUMERAL = "一两二三四五六七八九十百千万亿"
_HELD: Mapping[str, re.Pattern[str]] = {
    "person": re.compile(
        rf"(?:[记长席任师员授士理裁者辑影人]|[/:、,])\s?[{_SURNAMES}][一-龥]{{1,2}}"
        rf"|(?<![一-龥])[{_SURNAMES}][一-龥]{{1,2}}"
        r"(?:主持|表示|指出|强调|致|作|宣|代|说|任|院长|书记|主任|同志|先生|女士|教授)"
        r"|[一-龥ァ-ヶ]·[一-龥ァ-ヶ]|\b(?:mr|mrs|ms|dr|prof)\b"
    ),
    "time": re.compile(
        r"\d{4} ?年|\d+ ?月|\d+ ?日|\d{1,4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[:时点]\d{0,2}|[上下]午|凌晨"
        r"|[今去明前当同次]年|世纪"
        rf"|\d0年代|[{_NUMERAL}]月|\b(?:19|20)\d\d\b"
        r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
    ),
    "place": re.compile(
        r"[一-龥](?:厅|室|楼|馆|堂|场|校区|院区|中心|[省市县区州镇乡村路街]|国|岛|山|河|湖|港|站|桥|宫|寺|园)(?![长员])"
        r"|\b(?:in|at) [a-z]"
    ),
    "number": re.compile(
        rf"\d|[{_NUMERAL}][余多]?(?:[个名位人次项条家张台件种组年月天岁元届所座倍支批大余])"
        r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand)\b"
    ),
}


def kinds_asked(question: str) -> frozenset[str]:
    """Return the kinds that a question asks for; none if its wording shows none.

    >>> sorted(kinds_asked("谁主持了大会")), sorted(kinds_asked("Where and when?")), sorted(kinds_asked("为什么"))
    (['person'], ['place', 'time'], [])
    """
    folded = fold(question)
    return frozenset(kind for kind, pattern in _ASKED.items() if pattern.search(folded))


def holds_kind(folded: str, kinds: frozenset[str]) -> bool:
    """Return whether a folded text holds something of any of the kinds.

    >>> holds_kind("职工代表等500余人参会", frozenset({"number"}))
    True
    """
    return any(_HELD[kind].search(folded) for kind in kinds)
