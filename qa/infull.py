"""An organisation's short name in a question → its full one, as headings give it (pure).

People say 南昌一院 for 南昌市第一医院: what every name of its kind has is left out. What tells it from others stays, so
that 北京医院 is not taken for 北京协和医院.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from qa.facts import organisations
from qa.text import fold
from qa.weigh import folded

_ORDINAL = "一二三四五六七八九十"
_PARTS = re.compile(
    r"自治[区州县旗]|医学院(?=附属)|附属|人民|股份有限公司|有限责任公司|有限公司|集团|(?<=委)员会|研究(?=[院所])"
    rf"|第(?=[{_ORDINAL}])|(?:(?<=[{_ORDINAL}])|(?<=[{_ORDINAL}]人民))医(?=院)|[省市区县镇乡州盟旗](?=.)"
)
_UNIVERSITY = re.compile(r"(?P<first>.)(?P<more>.{1,2})大学")
_LEAST = 3  # characters of a short name
_FIRST = 2  # characters with which it begins, too

Meant = tuple[int, int, str]  # where a name may stand in a question, and which


def in_full(question: str, headings: Iterable[str], texts: Sequence[str]) -> str:
    """Return the question with short names of organisations spelt out, each if it can be no other's.

    :param headings: those of the passages found so far.
    :param texts: the passages found so far; a short name that one of them has is left alone.
    """
    told = fold(question)
    names = sorted({name for heading in dict.fromkeys(headings) for name in _named(heading)})
    meant = [(*match.span(), name) for name in names for match in short_forms(name).finditer(told)]
    spelt = [
        one
        for one in meant
        if _is_sure(told, one, meant) and not any(told[slice(*one[:2])] in folded(t) for t in texts)
    ]
    for start, end, name in sorted(spelt, reverse=True):
        told = told[:start] + name + told[end:]
    return told if spelt else question


def _is_sure(told: str, one: Meant, meant: Sequence[Meant]) -> bool:
    """Tell whether a stretch is short for a name, and nothing that overlaps it is for another."""
    start, end, name = one
    others = [other for other in meant if other != one and start < other[1] and other[0] < end]
    return end - start >= _LEAST and told[start:end] != name and not others


@lru_cache(maxsize=10_000)
def _named(heading: str) -> frozenset[str]:
    return frozenset(fold(name) for name in organisations(heading))


@lru_cache(maxsize=10_000)
def short_forms(name: str) -> re.Pattern[str]:
    """Return a pattern of a name and its short forms."""
    university = _UNIVERSITY.match(name)
    if university:
        first, more = university["first"], university["more"]
        head, rest = f"(?:{first}{more}大学?|{first}大)", name[university.end() :]
    else:
        head, rest = re.escape(name[:_FIRST]), name[_FIRST:]
    ends = [0, *(end for part in _PARTS.finditer(rest) for end in part.span()), len(rest)]
    pieces = [rest[a:b] for a, b in pairwise(ends)]
    tail = "".join(re.escape(piece) if n % 2 == 0 else f"(?:{piece})?" for n, piece in enumerate(pieces))
    return re.compile(f"{head}{tail}(?!区)")
