"""Questions about a page rather than on what it tells: who wrote it and when it came out, and which page tells of what.

Such lines stand at the head or the foot of pages in many forms; public question sets never ask for them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.group import Group, Passage
from training.phrases import MARKS, PHRASES
from training.reports import Page, Stock


@dataclass(frozen=True, slots=True)
class Line:
    """What a byline may tell: labels before it, and what asks for it."""

    labels: Sequence[str]
    asks: Sequence[str]


LINES = {name: Line(**line) for name, line in PHRASES["lines"].items()}
_BYLINES = PHRASES["bylines"]
_QUOTED = re.compile("[“《][^“《”》]*[”》]")


def asked_about(pages: Sequence[Page], known: Stock, rng: random.Random) -> Iterator[Group]:
    """Yield questions about pages: on lines that stand there, and on lines that do not (``absent``)."""
    told = [_byline(page, known, rng) for page in pages]
    for n, (page, lines) in enumerate(zip(pages, told, strict=True)):
        rivals = rng.sample(range(len(pages)), 4)
        name = rng.choice(sorted(LINES))
        nameless = rng.random() < 0.3
        asked = rng.choice(LINES[name].asks).format(r=_refers(page, rng, nameless=nameless)) + rng.choice(MARKS)
        head = rng.random() < 0.5
        around = page.heading if head else page.paragraphs[-1]
        others = [] if nameless else [m for m in rivals if m != n and name in told[m]][:2]
        misses = [_shown(pages[m], told[m], pages[m].heading) for m in others]
        misses.append((page.heading, page.paragraphs[0], 0, len(page.paragraphs[0])))
        if name not in lines:
            yield Group(asked, [_shown(page, lines, around), *misses], -1, -1, "absent")
            continue
        less = {one: value for one, value in lines.items() if one != name}
        right = _shown(page, lines, around)
        start = right[1].rindex(lines[name][1])
        yield Group(asked, [right, _shown(page, less, around), *misses], start, start + len(lines[name][1]), "report")


def mentioned(pages: Sequence[Page], known: Stock, rng: random.Random) -> Iterator[Group]:
    """Yield questions which page tells of a thing, or whose page it is."""
    things = set(known.quoted) | set(known.titled)
    told = [(page, text) for page in pages for text in page.paragraphs]
    for page, text in told:
        found = sorted(things.intersection(_QUOTED.findall(text)))
        if not found:
            continue
        thing = rng.choice(found)
        wording = rng.choice(_BYLINES["mentions"])
        asked = wording.format(x=thing if rng.random() < 0.4 else thing[1:-1]) + rng.choice(MARKS)
        misses = [(one.heading, other, 0, len(other)) for one, other in rng.sample(told, 6) if thing[1:-1] not in other]
        own = [(page.heading, other, 0, len(other)) for other in page.paragraphs if thing[1:-1] not in other][:1]
        at = text.index(thing)
        yield Group(asked, [(page.heading, text, at, at + len(thing)), *own, *misses[: 4 - len(own)]], -1, -1, "report")


def _refers(page: Page, rng: random.Random, *, nameless: bool) -> str:
    kind = rng.choice(_BYLINES["refers"])
    if nameless:
        return rng.choice(("这篇", "这条", "本文", "该", "")) + kind
    name = page.organisation if rng.random() < 0.6 else page.organisation[:2]
    return name + rng.choice(("那篇", "这篇", "那条", "的", "的那篇", "")) + kind


def _byline(page: Page, known: Stock, rng: random.Random) -> dict[str, tuple[str, str]]:
    """Return some lines by name: each with its label and what it tells."""
    lines = {}
    for name in rng.sample(sorted(LINES), rng.randint(1, 5)):
        label = rng.choice(LINES[name].labels)
        people = "、".join(rng.sample(known.people, rng.choice((1, 1, 1, 2, 3))))
        paper = rng.choice(_BYLINES["sources"]).format(x=page.organisation[:2], o=page.organisation)
        lines[name] = label, {"day": _day(rng), "source": paper}.get(name, people)
    return lines


def _day(rng: random.Random) -> str:
    year, month, day = rng.randint(2012, 2025), rng.randint(1, 12), rng.randint(1, 28)
    form = rng.choice(("{y}-{m:02}-{d:02}", "{y}.{m:02}.{d:02}", "{y}年{m}月{d}日", "{y}/{m}/{d}"))
    hour = rng.choice(("", "", f" {rng.randint(0, 23):02}:{rng.randint(0, 59):02}"))
    return form.format(y=year, m=month, d=day) + hour


def _shown(page: Page, lines: dict[str, tuple[str, str]], around: str) -> Passage:
    line = (" " if len(lines) < 4 else "\n\n").join("".join(one) for one in lines.values())
    text = f"{around}\n\n{line}"
    return page.heading, text, len(text) - len(line), len(text)
