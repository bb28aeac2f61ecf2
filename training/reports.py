"""Pages on meetings as organisations publish them, made by rule, with questions that name the organisation or not.

No public set asks such questions: the same facts stand on many pages, and only the heading tells whose they are. What
is told is drawn by chance; organisations, names, titles and what stands between come from news.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import rjieba

from qa.text import sentences
from training.group import Group, Passage, passage_at
from training.phrases import MARKS, PHRASES

_KINDS = (
    "医院|卫生院|大学|学院|中学|小学|公司|集团|协会|学会|研究院|研究所|银行|法院|检察院|街道|博物馆|图书馆|出版社|海关|税务局|教育局|公安局"
    "|卫健委|气象局|铁路局"
)
_ORGANISATION = re.compile(rf"[\u4e00-\u9fff]{{2,14}}?(?:{_KINDS})")
_PERSON = re.compile("[\u4e00-\u9fff]{2,3}")
_QUOTED = re.compile(r"“[\u4e00-\u9fff、，]{4,18}”")
_TITLED = re.compile(r"《[\u4e00-\u9fff]{6,24}》")
_CREDITS = re.compile("编辑|标题|记者|评论员|来源")
_DIGITS = "一二三四五六七八九十"
_FILLER = re.compile(".{19,79}[。！]")
_FIRST = {"day": 0, "place": 1, "count": 2}
_TELLS, _NAMELESS, _BY_PLACE, _FILLER_FIRST = (4, 7), 0.4, 0.35, 0.3
_READ, _LEAST_NAME = 1500, 5
_PAGES = PHRASES["pages"]
Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fact:
    """What a page may tell: sentences with ``{a}``, the answer, and questions with ``{r}``, what they refer to.

    ``hint`` stands in every text that may tell it.
    """

    hint: str
    told: Sequence[str]
    asks: Sequence[str]


FACTS = {name: Fact(**fact) for name, fact in PHRASES["facts"].items()}


@dataclass(frozen=True, slots=True)
class Stock:
    """What pages are made of: organisations, people, what is quoted, titles, sentences of news."""

    organisations: Sequence[str]
    people: Sequence[str]
    quoted: Sequence[str]
    titled: Sequence[str]
    fillers: Sequence[str]


@dataclass(slots=True)
class Page:
    """A page: whose it is, its heading, its paragraphs, and for each fact the paragraph, the answer and what asks."""

    organisation: str
    heading: str
    paragraphs: list[str]
    facts: dict[str, tuple[int, str, Words]] = field(default_factory=dict)


def stock(records: Sequence[Mapping[str, Any]], most: int, rng: random.Random) -> Stock:
    """Gather what pages are made of from news."""
    found: tuple[set[str], ...] = (set(), set(), set(), set(), set())
    organisations, people, quoted, titled, fillers = found
    for record in rng.sample(records, most):
        text = record["text"][:_READ]
        words = rjieba.tag(text)
        people.update(word for word, tag in words if tag == "nr" and _PERSON.fullmatch(word))
        for n, (_, tag) in enumerate(words):
            match = _ORGANISATION.match("".join(word for word, _ in words[n : n + 5])) if tag in {"ns", "nt"} else None
            if match and len(match.group()) >= _LEAST_NAME:
                organisations.add(match.group())
        quoted.update(_QUOTED.findall(text))
        titled.update(_TITLED.findall(text))
        told = [text[a:b].strip() for a, b in sentences(text)]
        fillers.update([one for one in told if _FILLER.fullmatch(one) and not _CREDITS.search(one)][:2])
    return Stock(*(sorted(one) for one in found))


def made_page(known: Stock, rng: random.Random) -> Page:
    """Make a page that tells some of the facts, each once."""
    organisation = rng.choice(known.organisations)
    head = rng.choice(PHRASES["heads"].get(organisation[-1], ("主任",)))
    year = rng.randint(2008, 2025)
    meeting = rng.choice(_PAGES["meetings"]).format(
        a=rng.choice(_DIGITS), b=rng.choice(_DIGITS[:5]), year=year, next=year + 1, n=10 * rng.randint(2, 12),
        unit={"院": "院", "司": "司"}.get(organisation[-1], "校"),
    )  # fmt: skip
    shared = {
        "o": rng.choice((organisation, organisation, "我院" if organisation.endswith("院") else "单位", "会议")),
        "m": rng.choice((meeting, meeting, "会议", "大会")), "head": head, "year": str(year),
    }  # fmt: skip
    roles = [role.format(head=head) for role in rng.sample(_PAGES["roles"], len(_PAGES["roles"]))]
    facts = [
        _fact(name, {**shared, "role": role}, known, rng)
        for name, role in zip(rng.sample(sorted(FACTS), rng.randint(*_TELLS)), roles, strict=False)
    ]
    facts.sort(key=lambda fact: (_FIRST.get(fact[0], len(_FIRST)), rng.random()))
    page = Page(organisation, rng.choice(_PAGES["headings"]).format(o=organisation, m=meeting), [])
    while facts:
        count = rng.choice((1, 1, 2, 3))
        some, facts = facts[:count], facts[count:]
        parts = [told for _, told, _, _ in some] + rng.sample(known.fillers, rng.choice((0, 1, 1, 2)))
        if rng.random() < _FILLER_FIRST:
            parts.insert(0, parts.pop())
        page.facts |= {name: (len(page.paragraphs), answer, words) for name, _, answer, words in some}
        page.paragraphs.append("".join(parts))
    page.paragraphs += ["".join(rng.sample(known.fillers, rng.choice((1, 2)))) for _ in range(rng.randint(0, 2))]
    return page


def _fact(name: str, shared: Mapping[str, str], known: Stock, rng: random.Random) -> tuple[str, str, str, Words]:
    """Return a fact's name, a sentence that tells it, its answer, and the words both are made with."""
    person, other = rng.sample(known.people, 2)
    year = int(shared["year"])
    words = {
        **shared, "x": other, "w": rng.choice(_PAGES["reports"]), "p": _room(known, rng), "t": _day(year, rng),
        "n": _amount(rng), "title": rng.choice(known.titled), "filler": rng.choice(known.fillers),
    }  # fmt: skip
    answers: dict[str, Callable[[], str]] = {
        "place": lambda: _room(known, rng), "day": lambda: _day(year, rng), "count": lambda: _amount(rng),
        "title": lambda: rng.choice(known.titled), "theme": lambda: rng.choice(known.quoted),
        "agenda": lambda: "".join(rng.sample(known.titled, rng.choice((1, 1, 2, 3)))), "post": lambda: shared["role"],
    }  # fmt: skip
    answer = answers.get(name, lambda: person)()
    return name, rng.choice(FACTS[name].told).format(a=answer, **words), answer, words


def _room(known: Stock, rng: random.Random) -> str:
    place = rng.choice(known.organisations)[:2]
    return rng.choice(_PAGES["rooms"]).format(d=rng.choice(("一", "二", "三", "四", "五", "8", "12", "6")), x=place)


def _day(year: int, rng: random.Random) -> str:
    day = f"{rng.randint(1, 12)}月{rng.randint(1, 28)}日"
    return rng.choice((day, day, f"{year}年{day}", f"{day}上午", f"{day}下午", f"{year}年{day}上午"))


def _amount(rng: random.Random) -> str:
    count = rng.choice((rng.randint(20, 99), 10 * rng.randint(5, 99), 100 * rng.randint(1, 30)))
    return rng.choice(_PAGES["amounts"]).format(n=count)


def questions_on(pages: Sequence[Page], rng: random.Random) -> Iterator[Group]:
    """Yield questions on what pages tell, beside others that tell it too, and on what they do not (``absent``)."""
    telling = {name: [page for page in pages if name in page.facts] for name in FACTS}
    for page in pages:
        for name in page.facts:
            group = _on_told(page, name, telling[name], rng)
            if group is not None:
                yield group
        name = rng.choice([name for name in FACTS if name not in page.facts])
        group = _on_absent(page, name, telling[name], rng)
        if group is not None:
            yield group


def _on_told(page: Page, name: str, telling: Sequence[Page], rng: random.Random) -> Group | None:
    at, answer, words = page.facts[name]
    nameless = rng.random() < _NAMELESS
    text, hint = page.paragraphs[at], FACTS[name].hint.format(**words)
    misses = [
        passage_at(page.heading, one, 0)
        for one in page.paragraphs
        if one != text and answer not in one and hint not in one
    ]
    if not nameless:
        misses = [*_rivals(page, name, telling, rng), *misses[:1]]
    start = text.index(answer)
    asked = asked_of(name, page, words, rng, nameless=nameless)
    right = passage_at(page.heading, text, start)
    return Group(asked, [right, *misses[:4]], start, start + len(answer), "report") if misses else None


def _on_absent(page: Page, name: str, telling: Sequence[Page], rng: random.Random) -> Group | None:
    words = rng.choice(telling).facts[name][2]
    hint = FACTS[name].hint.format(**words)
    own = [text for text in page.paragraphs if hint not in text]
    if not own or hint in page.heading:
        return None
    asked = asked_of(name, page, words, rng, nameless=False)
    nearest = max(own, key=lambda text: len(set(text) & set(asked)))
    return Group(asked, [passage_at(page.heading, nearest, 0), *_rivals(page, name, telling, rng)], -1, -1, "absent")


def _rivals(page: Page, name: str, telling: Sequence[Page], rng: random.Random) -> list[Passage]:
    """Return what pages of others tell of the same."""
    some = rng.sample(list(telling), min(5, len(telling)))
    others = [(one, *one.facts[name]) for one in some if one.organisation != page.organisation]
    return [
        passage_at(one.heading, text := one.paragraphs[at], text.index(answer)) for one, at, answer, _ in others[:3]
    ]


def asked_of(name: str, page: Page, words: Words, rng: random.Random, *, nameless: bool) -> str:
    """Return a question for a fact, of the page's organisation unless it names none."""
    meeting, told = rng.choice(_PAGES["short"]), page.organisation
    if rng.random() < _BY_PLACE:
        told = rng.choice(("{}", "{}那家", "{}的", "{}那边")).format(told[:2]) + told[-2:] * (rng.random() < 0.6)
    named = rng.choice((f"{told}{meeting}", f"{told}的{meeting}", f"{told}这次{meeting}", told))
    refers = {"r": meeting, "r0": ""} if nameless else {"r": named, "r0": told}
    asked = rng.choice(FACTS[name].asks).format(**{**words, **refers})
    if not nameless and told not in asked:
        asked = told + asked
    return asked.removeprefix("的") + rng.choice(MARKS)
