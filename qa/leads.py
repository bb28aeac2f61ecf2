"""What announces a list, for the paragraphs that are its items: …书记提出三点要求。→ 一是… 二是… (pure).

Official pages give each item a paragraph, and say once, before the first, whose they are and what of.
"""

from __future__ import annotations

import re
from functools import cache

from qa.text import sentences

_NUMERAL = "[一二三四五六七八九十]{1,3}"
# How an item begins; one list keeps to one way.
_WAYS = "{}是", "{}要", "第{}[,，、:：]", "[(（]{}[)）]", "{}、"
_REACH = 5_000  # characters before an item in which its list begins
_PARAGRAPH = 600  # characters before the list in which what announces it stands
_LONGEST = 120
_SOMEBODY = re.compile("[他她](?!们)")
_COMMA = re.compile("[，,]")


def lead(text: str, start: int) -> str:
    """Return what announces the list of which an item begins at a place of a text, or nothing.

    Where that speaks of him or her, the beginning of its paragraph goes before it: it most often says of whom.
    """
    way = next((way for way in _WAYS if _item(way, _NUMERAL).match(text, start)), None)
    if way is None:
        return ""
    begins = start
    if not _item(way, "一").match(text, start):
        firsts = [found.start("item") for found in _begun(way).finditer(text, max(0, start - _REACH), start)]
        if not firsts:
            return ""
        begins = firsts[-1]
    before = text[max(0, begins - _PARAGRAPH) : begins].rstrip()
    spans = sentences(before)
    if not spans:
        return ""
    told = before[slice(*spans[-1])]
    if _SOMEBODY.search(told):
        opening = _COMMA.split(before[before.rfind("\n") + 1 :], maxsplit=1)[0]
        told = told if opening in told else f"{opening}，{_COMMA.split(told)[-1]}"
    return told[-_LONGEST:]


@cache
def _item(way: str, numeral: str) -> re.Pattern[str]:
    return re.compile(rf"\s*{way.format(numeral)}")


@cache
def _begun(way: str) -> re.Pattern[str]:
    """Return a pattern of a list's first item, at the beginning of a line or a sentence."""
    return re.compile(rf"(?:^|[\n。！？!?；;：:])\s*(?P<item>{way.format('一')})")
