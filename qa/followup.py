"""A question that leans on the one before, made whole: the new words put in the place of their likes. Pure, by rules.

Three ways of leaning are known; any other question stands by itself.

=====================================  ===========================  ==================================
the question before                    the question                 is searched for as
=====================================  ===========================  ==================================
``东院的院长是谁?``                    ``那纪委书记呢?``            ``东院的纪委书记是谁?``
``Who chaired the congress?``          ``and who closed it?``       ``who closed the congress?``
``2023年东方医院的大会谁主持?``        ``那谁致闭幕词?``            ``2023年，东方医院，谁致闭幕词?``
=====================================  ===========================  ==================================

The result is a guess, so whoever shows an answer also shows what was searched for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from qa.text import fold

_LONGEST = 60
_LONGEST_BEFORE = 200
_END = " \t?？!！。.~～"
_HAN = "\u4e00-\u9fff"
_ASKS = re.compile(
    r"谁|什么|何[时人地处]|为何|哪|多[少大长高久远重]|几[个位名人年月天次岁点]|怎[么样]|如何|吗|是否|为啥"
    r"|\b(?:who(?:m|se)?|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|will)\b"
)
_ASKED = re.compile(r"(?:谁|什么(?:时候|时间|地方|人)?|何[时人地处]|哪[里儿]|哪[个些位年天]|多少[人个]?)")
_NEW_WORDS = (
    re.compile(r"(?:那么?|还有|另外|至于)?[,，、 ]*(?P<new>(?![你我您]).+?)(?:的话)?(?:呢|怎么样|又?如何)"),
    re.compile(r"(?:(?:and|but|so|then|ok|okay)\b[, ]*)?(?:what|how) about (?P<new>.+)"),
    re.compile(r"(?:and|or)\b[, ]*(?P<new>.+)"),
    re.compile(r"(?:じゃあ|では|それでは)[、 ]*(?P<new>.+?)は?"),
)
_LEAD = re.compile(r"(?:那么|那(?![个里儿次场边些天年时位种家篇座届名])|(?:and|but|so|then)\b)[,，、 ]*")
_PERSON = re.compile(r"[他她](?!们|[国乡山人])|\b(?:he|she|him)\b")
_THING = re.compile(r"它们?|\b(?:it|they|them)\b")
_POINTS = re.compile(r"这[个次场家篇件项届位]?|此[次文]|该(?=[^\d])|其中|\b(?:this|that|these|those|there)\b")

_TIME = re.compile(
    r"(?:\d{4}|\d{2}|[一二三四五六七八九〇零]{4})年(?:\d{1,2}月(?:\d{1,2}日)?)?|\d{1,2}月(?:\d{1,2}日)?|[去今前明]年"
    r"|\b(?:19|20)\d\d\b|第[\d一二三四五六七八九十百]+[届次]"
)
_TITLE = re.compile(r"《[^《》]+》|“[^“”]+”|「[^「」]+」")
_BODIES = "医院|大学|学院|学校|公司|集团|中心|研究所|研究院|委员会|协会|学会|银行|法院|政府|出版社|杂志社|工厂"
_BODY = re.compile(rf"[{_HAN}a-z\d]{{1,14}}?(?:{_BODIES})")
_ROLE = re.compile(
    rf"[{_HAN}]{{0,4}}?(?:书记|主任|主席|经理|总监|委员|秘书|会长|[院校部局处科所市县省镇村组队董班行站店厂]长|教授|医生|老师|记者|作者|代表|会计师)"
)
_BETWEEN = re.compile(
    r"谁|什么|何[时人地处]|哪[里儿个些位年天]?|多少|几[个位名]|怎么样?|为何|[的了是在呢吗被把]|[^\w]|_|\d+[年月日]?"
)
_PHRASE = re.compile(
    r"\b(?:the|a|an|this|that)\s+(?:[\w'’-]+\s+){0,3}?[\w'’-]+"
    r"(?=\s+(?:of|in|at|on|for|by|to|from|with|was|were|is|are|did|do|does|has|have|had|held|and|who|which)\b|[?.,!;:]|$)"
)
_CAPITALISED = re.compile(r"(?<=\s)[A-Z][\w'’-]*(?:\s+(?:of\s+|the\s+)*[A-Z][\w'’-]*)*")

_Stretch = tuple[int, int]


def resolve(question: str, before: str, answer: str = "", names: Collection[str] = ()) -> str:
    """Return what a question asks once the one before is taken into account.

    :param before: the question asked before, itself resolved; empty if there is none.
    :param answer: the answer's own words that were shown for it, which ``他`` or ``she`` then means.
    :param names: names that the documents know, such as their organisations; a part of one is a name too.
    :return: the question itself where it stands by itself or nothing in ``before`` is what it leans on.
    """
    asked = question.strip().rstrip(_END)
    if not before.strip() or not asked or len(asked) > _LONGEST or len(before) > _LONGEST_BEFORE:
        return question
    new = _new_words(asked)
    if new:
        return _exchanged(before.strip(), new, names)
    return _completed(question.strip(), before.strip(), answer, names)


def means_the_answer(question: str) -> bool:
    """Say whether a question speaks of a person by a pronoun, so that :func:`resolve` needs the answer before it."""
    return _PERSON.search(_level(question)) is not None


def _new_words(asked: str) -> str:
    """Return the X of ``那X呢`` or ``what about X``; empty where the question is none, or has a verb of its own."""
    folded = _level(asked)
    for shape in _NEW_WORDS:
        match = shape.fullmatch(folded)
        if match is not None and (_ASKED.fullmatch(match["new"]) or not _ASKS.search(match["new"])):
            return asked[match.start("new") : match.end("new")].strip(" ,，、")
    return ""


def _level(text: str) -> str:
    """Return text folded for comparison, offsets kept: where folding changes the length, only in lower case."""
    folded = fold(text)
    return folded if len(folded) == len(text) else text if len(text.lower()) != len(text) else text.lower()


# --- new words in the place of old ones ---------------------------------------------------------------------------


def _exchanged(before: str, new: str, names: Collection[str]) -> str:
    old = _counterpart(before, new.removesuffix("的"), names)
    if old is None:
        return _about([new.removesuffix("的")], before)
    start, end = old
    return before[:start] + new.removesuffix("的") + before[end:]


def _counterpart(before: str, new: str, names: Collection[str]) -> _Stretch | None:
    """Return the stretch of the question before that the new words stand for: of one kind, or with one ending."""
    for finder in (_question_words, _times, _titles):
        if _whole(finder(new), new):
            return next(iter(finder(before)), None)
    if _whole(_roles(new), new):
        return _same_ending(before, new) or next(iter(_roles(before)), None)
    if _is_name(new, names):
        return next(iter(_named_bodies(before, names)), None)
    if re.match(r"(?:the|a|an) ", new.lower()):
        return _same_ending(before, new) or next((match.span() for match in _PHRASE.finditer(before)), None)
    if new[:1].isupper():
        return next((match.span() for match in _CAPITALISED.finditer(before)), None)
    return _same_ending(before, new)


def _whole(found: Iterator[_Stretch], text: str) -> bool:
    return any(stretch == (0, len(text)) for stretch in found)


def _question_words(text: str) -> Iterator[_Stretch]:
    return (match.span() for match in _ASKED.finditer(_level(text)))


def _times(text: str) -> Iterator[_Stretch]:
    return (match.span() for match in _TIME.finditer(_level(text)))


def _titles(text: str) -> Iterator[_Stretch]:
    return (match.span() for match in _TITLE.finditer(text))


def _roles(text: str) -> Iterator[_Stretch]:
    folded = _level(text)
    for start, end in _segments(folded):
        match = _ROLE.search(folded, start, end)
        while match is not None:
            yield match.span()
            match = _ROLE.search(folded, match.end(), end)


def _segments(folded: str) -> Iterator[_Stretch]:
    """Yield what stands between question words, particles and punctuation."""
    start = 0
    for match in _BETWEEN.finditer(folded):
        if start < match.start():
            yield start, match.start()
        start = match.end()
    if start < len(folded):
        yield start, len(folded)


def _same_ending(before: str, new: str) -> _Stretch | None:
    """Return the word of ``before`` that ends like the new words, as long as they are where it is part of a longer."""
    folded, wanted = _level(before), _level(new)
    if " " in wanted:
        return _same_last_word(before, wanted)
    for length in range(min(len(wanted), 6), 1, -1):
        for start, end in _segments(folded):
            at = folded.rfind(wanted[-length:], start, end)
            if at >= 0:
                return max(start, at + length - len(wanted)), at + length
    return None


def _same_last_word(before: str, wanted: str) -> _Stretch | None:
    last = wanted.rsplit(maxsplit=1)[-1]
    return next((match.span() for match in _PHRASE.finditer(before) if match.group().lower().split()[-1] == last), None)


def _is_name(text: str, names: Collection[str]) -> bool:
    folded = _level(text)
    return _BODY.fullmatch(folded) is not None or any(folded in fold(name) for name in names)


def _named_bodies(text: str, names: Collection[str]) -> Iterator[_Stretch]:
    """Yield organisations: by their last word, or as a part of a known name that says more than what kind it is."""
    folded = _level(text)
    known = "\n".join(map(fold, names))
    for start, end in _segments(folded):
        body = _BODY.search(folded, start, end)
        if body is not None:
            yield body.span()
            continue
        part = _longest_part(folded, start, end, known)
        if part is not None:
            yield part


def _longest_part(folded: str, start: int, end: int, known: str) -> _Stretch | None:
    for length in range(min(end - start, 12), 1, -1):
        for at in range(start, end - length + 1):
            part = folded[at : at + length]
            if not re.fullmatch(_BODIES, part) and part in known:
                return at, at + length
    return None


# --- what a question leaves out ---------------------------------------------------------------------------------


def _completed(question: str, before: str, answer: str, names: Collection[str]) -> str:
    folded = _level(question)
    lead = _LEAD.match(folded)
    start = lead.end() if lead is not None and _ASKS.search(folded, lead.end()) else 0
    person, thing = _PERSON.search(folded, start), _THING.search(folded, start)
    if person is not None and answer.strip():
        return _replaced(question, start, person.span(), answer.strip())
    if thing is not None and (topic := _topic(before, names)):
        return _replaced(question, start, thing.span(), topic)
    if start == 0 and _POINTS.search(folded) is None:
        return question
    rest = question[start:]
    carried = [name for name in _named(before, names) if _level(name) not in _level(rest)]
    return _about(carried, rest) if carried else question


def _replaced(question: str, start: int, old: _Stretch, new: str) -> str:
    return question[start : old[0]] + new + question[old[1] :]


def _named(text: str, names: Collection[str]) -> list[str]:
    """Return what a text calls by name, in the order of its kinds: times, titles, organisations."""
    found = [*_times(text), *_titles(text), *_named_bodies(text, names)]
    return list(dict.fromkeys(text[start:end] for start, end in found)) + [
        match.group() for match in _CAPITALISED.finditer(text)
    ]


def _topic(before: str, names: Collection[str]) -> str:
    """Return what ``it`` means: the last phrase with an article, or name, or else the longest segment."""
    phrases = [match.group() for match in _PHRASE.finditer(before)]
    named = phrases or _named(before, names)
    if named:
        return named[-1]
    segments = [before[start:end] for start, end in _segments(_level(before))]
    return max(segments, key=len, default="")


def _about(names: Collection[str], question: str) -> str:
    """Return a question with what it is about put before it."""
    chinese = re.search(f"[{_HAN}]", question) is not None
    return "，".join([*names, question]) if chinese else f"{', '.join(names)}: {question}"
