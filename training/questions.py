"""Rule-made questions: a clause of a declarative sentence with one of its facts replaced by a question word."""

import random
import re
from dataclasses import dataclass

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘"
    "于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江"
    "尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐习"
)
_ROLES = (
    "主席|总书记|总理|副总理|书记|部长|副部长|院长|副院长|校长|局长|主任|副主任|市长|省长|"
    "县长|会长|秘书长|总统|首相|外长|大使|司令员|董事长|总经理|经理|教授|研究员|记者|医生|"
    "专家|负责人|队长|教练|作家|导演|演员|代表|委员|发言人|所长|科长|站长|处长|理事长|同志"
)
_ROLE_ENDS = "长记席理任授员者家人统使表志练演生相"
_VERBS = (
    "在|表示|说|指出|强调|主持|出席|介绍|宣布|认为|告诉|作|做|率|代表|会见|会晤|参加|担任|"
    "当选|获|发表|致|带领|陪同|通过|对|向|和|与|、"
)
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d年(?:初|底|末|代)?(?!\d)")
_DATE = re.compile(
    r"(?:(?:(?:1[5-9]|20)\d\d年)?\d{1,2}月\d{1,2}[日号](?:上午|下午|晚上?|凌晨|中午)?"
    r"|\d{1,2}[日号](?:上午|下午|晚上?|凌晨)?)"
)
_NUMBER = re.compile(
    r"(?:约|近|超过?|达到?)?\d[\d.,]*(?:多|余|万|亿|千|百)*"
    r"(个|名|人|元|美元|人民币|公里|千米|米|吨|公斤|克|平方米|平方公里|公顷|亩|家|所|座|条|件|"
    r"项|次|种|部|辆|架|艘|户|天|小时|分钟|岁|届|倍|例|%|％|个百分点)"
)
_PERSON = re.compile(rf"(?<=[^\w]|[{_ROLE_ENDS}])[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}(?={_VERBS})")
_ROLE_PERSON = re.compile(rf"(?:{_ROLES})([{_SURNAMES}][\u4e00-\u9fff]{{1,2}})(?=[，。、\s]|{_VERBS})")
_PLACES = "省|市|县|区|国|州|镇|村|大学|大会堂|会议中心|医院|广场|体育馆|大厦|北京|上海|广州|深圳"
_PLACE = re.compile(rf"(?<=在)[\u4e00-\u9fff]{{2,10}}?(?:{_PLACES})(?=[\u4e00-\u9fff])")
_NAMED = re.compile(r"《([^《》]{2,30})》")
_QUOTED = re.compile(r"“([^“”]{2,16})”")
_SPLIT = re.compile(r"[，；：。！？,;!?\n]+")


@dataclass(frozen=True, slots=True)
class Fact:
    """A span of a sentence that could be asked for, and the words that ask for it."""

    start: int
    end: int
    asks: tuple[str, ...]


def find_facts(sentence: str) -> list[Fact]:
    """Return the facts a rule can ask for, in order of their place.

    Persons after a role or before a verb of saying, dates, years, amounts with a unit, places after 在, titles,
    quotations.
    """
    facts = []
    for pattern, asks in (
        (_YEAR, ("哪一年", "哪年", "什么时候", "何时")),
        (_DATE, ("什么时候", "何时", "哪一天", "几月几日")),
        (_PLACE, ("哪里", "什么地方", "哪儿", "何处")),
        (_NAMED, ("什么", "哪部", "哪个文件", "哪一部作品")),
        (_QUOTED, ("什么", "哪个", "怎样的")),
        (_PERSON, ("谁", "哪位", "何人", "什么人")),
    ):
        facts += [Fact(*match.span(), asks) for match in pattern.finditer(sentence)]
    facts += [Fact(*match.span(1), ("谁", "哪位", "何人")) for match in _ROLE_PERSON.finditer(sentence)]
    for match in _NUMBER.finditer(sentence):
        unit = match[1]
        asks = ("多少", "百分之多少") if unit in "%％" else (f"多少{unit}", "多少", f"几{unit}")
        facts.append(Fact(*match.span(), asks))
    return sorted(facts, key=lambda fact: (fact.start, fact.end))


def make_question(sentence: str, rng: random.Random) -> str | None:
    """Return a question whose answer stands in the sentence, or None where no rule applies.

    The clause around one fact is kept, sometimes with a neighbour; the fact gives way to a question word.
    """
    facts = find_facts(sentence)
    if not facts:
        return None
    fact = rng.choice(facts)
    ask = rng.choice(fact.asks)
    clauses = _clauses(sentence)
    at = next((i for i, (start, end) in enumerate(clauses) if start <= fact.start and fact.end <= end), None)
    if at is None:
        return None
    start, end = clauses[at]
    body = sentence[start : fact.start] + ask + sentence[fact.end : end]
    if len(body) - len(ask) < 6 or rng.random() < 0.35:
        near = at + 1 if at + 1 < len(clauses) and (at == 0 or rng.random() < 0.5) else at - 1
        if 0 <= near < len(clauses):
            other = sentence[clauses[near][0] : clauses[near][1]]
            body = f"{other}，{body}" if near < at else f"{body}，{other}"
    if not 5 <= len(body) - len(ask) <= 60:
        return None
    return body + rng.choice(("？", "", "?"))


def _clauses(sentence: str) -> list[tuple[int, int]]:
    spans, start = [], 0
    for match in _SPLIT.finditer(sentence):
        spans.append((start, match.start()))
        start = match.end()
    spans.append((start, len(sentence)))
    return [(a, b) for a, b in spans if b > a]
