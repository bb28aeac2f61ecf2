"""Questions for why, how, what for and what was said, made by rule on news; and terms that a text leaves untold.

Reading-comprehension sets mostly ask for names, places, times and amounts. Official pages are asked for reasons, ways,
demands and meanings too, and for what stands behind a term in quotes (``“六大行动”是哪六大行动``), which most pages
that use one leave open.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from qa.text import sentences
from training.group import Group, Passage, passage_at

_CLAUSE = '[^，。；：！？“”"\\n]'
_SHORTEST, _LONGEST = 5, 26  # characters of what is asked about
_READ, _READ_FOR_TERMS = 900, 400  # characters of an article
_BESIDE = 4  # passages

# Each: where one stands in a sentence, and how the rest of it is asked. ``a`` is the answer, ``b`` what is asked about.
_MADE: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), asked)
    for pattern, asked in (
        (
            f"^(?:据悉，|据了解，)?为(?:了|进一步|切实)?(?P<a>{_CLAUSE}{{5,40}})，(?P<b>{_CLAUSE}{{6,30}})[，。；]",
            ("为什么{b}?", "{b}是为了什么?", "{b}的目的是什么?", "{b},这是为了什么?"),
        ),
        (
            f"^(?:因为?|由于|受)(?P<a>{_CLAUSE}{{4,30}})，(?P<b>{_CLAUSE}{{6,30}})[，。；]",
            ("为什么{b}?", "{b}是什么原因?", "{b}的原因是什么?", "{b},怎么回事?"),
        ),
        (
            f"^(?:通过|依托|借助)(?P<a>{_CLAUSE}{{4,36}})，(?P<b>{_CLAUSE}{{6,30}})[，。；]",
            ("{b}靠的是什么?", "{b}用的是什么办法?", "{b}是怎么做到的?", "{b},靠什么?", "{b},具体怎么做?"),
        ),
        (
            f"(?P<b>{_CLAUSE}{{6,30}})，(?:旨在|意在|目的是)(?P<a>{_CLAUSE}{{5,40}})[，。；]",
            ("{b}是为了什么?", "{b}的目的是什么?", "为什么{b}?"),
        ),
        (
            f"(?P<b>{_CLAUSE}{{6,30}})，(?:这?标志着|有利于|有助于)(?P<a>{_CLAUSE}{{6,40}})[，。；]",
            ("{b}有什么意义?", "{b}意味着什么?", "{b}有什么作用?", "{b}有什么好处?"),
        ),
        (
            f"(?P<b>{_CLAUSE}{{4,24}})(?:努力|着力|全力|积极|加快)(?:打造|建设|创建|推进|构建)(?P<a>{_CLAUSE}{{4,24}})[，。；]",
            ("{b}要建成什么?", "{b}想打造什么?", "{b}下一步要做什么?", "{b}的目标是什么?", "{b}朝什么方向努力?"),
        ),
        (
            "^(?P<b>[\\u4e00-\\u9fff]{2,14})(?:要求|强调|指出|提出|希望)，(?P<a>[^。！？\\n]{10,110})。",
            ("{b}提了什么要求?", "{b}强调了什么?", "{b}有什么要求?", "{b}提出了哪些要求?", "{b}讲了些什么?"),
        ),
        (
            "^(?P<b>[\\u4e00-\\u9fff]{2,14})(?:表示|认为|介绍|说)，(?P<a>[^。！？\\n]{10,110})。",
            ("{b}怎么说的?", "{b}怎么评价的?", "{b}有什么看法?", "{b}介绍了什么?"),
        ),
    )
)
_SAID = len(_MADE) - 2  # the patterns of who said something, of which the whole is asked, begin here
_OFTEN = 20  # questions after what one and the same said
_NO_SUBJECT = re.compile("^(?:他|她|它|该|这|那|有|还|也|并|让|在|反馈|会议|进一步|同时|一是|二是|三是)")
_OPENING = re.compile("^(?:我国|近日|日前|目前|同时|此外|会议|活动|今年|今天)")
_ENDS_OPEN = re.compile("[的和与及、在对将把被以]$|^[的和与及、了]")

_NUMBER = "一二两三四五六七八九十"
_MEASURE = "大个项条件类种位"
_TERM = re.compile(
    f"“((?:[{_NUMBER}][{_MEASURE}张座道场区化新高优]?[\\u4e00-\\u9fff]{{1,6}})|(?:\\d\\+\\w[\\w+]{{0,5}}))”"
)
_EXPLAINED = re.compile(
    "^[，,]?(?:即|指的?是|是指|包括|分别|就是|也就是|——|：|:|（|\\(|是)|^[^。]{0,12}(?:是指|指的是|分别是|包括)"
)
_EXPLANATION = re.compile(f"^，?(?:即|指的?是|是指|包括|分别是|就是|也就是|——|：)(?P<a>{_CLAUSE}{{4,60}})[。；，]")
_ASKED_OF_TERM = (
    "“{t}”是什么?", "“{t}”指的是什么?", "“{t}”具体包括哪些?", "“{t}”是哪{n}?", "“{t}”分别是哪几个?", "“{t}”是什么意思?",
    "{t}具体指什么?", "什么是“{t}”?", "{t}都有哪些?", "“{t}”的具体内容是什么?", "“{t}”分别指什么?",
)  # fmt: skip
_LIST = re.compile("(?:[\\u4e00-\\u9fff]{2,8}、){1,5}[\\u4e00-\\u9fff]{2,8}(?=[，。；])")
_TELLING = "，即", "，包括", "，指的是", "，也就是", "：", "——", "，分别是"
_BY_ITS_OWN_WORDS = 0.3  # of the questions: “两个先行”是哪两个先行?
_COUNTED = re.compile(f"^[{_NUMBER}][{_MEASURE}]?")


def open_questions(records: Iterable[dict[str, Any]], rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield at most one record for each article: a question for a reason, a way, a purpose or what was said."""
    asked: Counter[str] = Counter()
    for record in records:
        text = record["text"][:_READ]
        made = [one for start, end in sentences(text) for one in _made_of(text[start:end], rng)]
        if made:
            about, question, answer = rng.choice(made)
            asked[about] += 1
            if asked[about] <= _OFTEN and answer not in question and text.count(answer) == 1:
                yield {"question": question, "passage": f"{record['title']}\n{text}", "answer": answer}


def _made_of(sentence: str, rng: random.Random) -> Iterator[tuple[str, str, str]]:
    for n, (pattern, asked) in enumerate(_MADE):
        found = pattern.search(sentence)
        if found is None or any(_ENDS_OPEN.search(found[part]) for part in "ab") or _NO_SUBJECT.match(found["b"]):
            continue
        about = found["b"] if n >= _SAID else _told_shorter(found["b"], rng)
        if (n >= _SAID or len(about) >= _SHORTEST) and len(about) <= _LONGEST:
            yield about, rng.choice(asked).format(b=about), found["a"]


def _told_shorter(clause: str, rng: random.Random) -> str:
    """Return a clause as someone would say it who does not have it before them: often without its first words."""
    return _OPENING.sub("", clause) if rng.random() < 0.7 else clause


class Named(NamedTuple):
    """A term in quotes, the heading and text that name it, and what the text says it is: nothing if it is left open."""

    term: str
    heading: str
    text: str
    told: str


def terms_named(records: Iterable[dict[str, Any]]) -> Iterator[Named]:
    """Yield terms that begin with a number, up to two of an article."""
    for record in records:
        text = record["text"][:_READ_FOR_TERMS]
        for found in list(_TERM.finditer(text))[:2]:
            told = _EXPLANATION.search(text[found.end() :])
            if told is not None and "、" in told["a"]:
                yield Named(found[1], record["title"], text, told["a"])
            elif all(not _EXPLAINED.search(text[one.end() :]) for one in re.finditer(re.escape(found[0]), text)):
                yield Named(found[1], record["title"], text, "")


def asked_of_terms(named: Sequence[Named], most: int, rng: random.Random) -> Iterator[Group]:
    """Yield up to ``most`` questions on terms that are left open, and as many on terms that a text is made to tell."""
    left_open: dict[str, list[Named]] = defaultdict(list)
    for one in named:
        if one.told:
            yield _answered(one, [], rng)
        else:
            left_open[one.term].append(one)
    lists = sorted({found[0] for one in named for found in _LIST.finditer(one.text)})
    terms = sorted(left_open)
    for n in range(most):
        term = terms[n] if n < len(terms) else rng.choice(terms)
        texts = left_open[term]
        some = rng.sample(texts, min(_BESIDE, len(texts)))
        yield Group(_asked_of(term, rng), [_naming(one) for one in some], -1, -1, "absent")
        yield _answered(_made_to_tell(some[0], rng.choice(lists), rng), some, rng)


def _made_to_tell(named: Named, listed: str, rng: random.Random) -> Named:
    behind = named.text.index(f"“{named.term}”") + len(named.term) + 2
    rest = named.text[behind:].lstrip("，。")
    text = f"{named.text[:behind]}{rng.choice(_TELLING)}{listed}{rng.choice('，。')}{rest}"
    return named._replace(text=text, told=listed)


def _answered(named: Named, others: Sequence[Named], rng: random.Random) -> Group:
    start = named.text.index(named.told, named.text.index(f"“{named.term}”"))
    passages = [passage_at(named.heading, named.text, start), *map(_naming, others)]
    return Group(_asked_of(named.term, rng), passages, start, start + len(named.told), "open")


def _naming(named: Named) -> Passage:
    return passage_at(named.heading, named.text, named.text.index(named.term))


def _asked_of(term: str, rng: random.Random) -> str:
    counted = _COUNTED.match(term)
    if counted and rng.random() < _BY_ITS_OWN_WORDS:
        asked = rng.choice(("“{t}”是哪{n}{rest}?", "“{t}”具体是哪{n}{rest}?"))
        return asked.format(t=term, n=counted[0], rest=term[counted.end() :])
    forms = [form for form in _ASKED_OF_TERM if counted or "{n}" not in form]
    return rng.choice(forms).format(t=term, n=counted[0] if counted else "")
