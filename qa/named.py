"""Organisations that a question names: a page on which another one stands is seldom meant (pure).

Of first hits on public sets whose question names organisations, 0.63 are right where their document names one of them,
and 0.24 where it names none. Those named in Latin letters are told by their capitals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import lru_cache

from qa.facts import organisations
from qa.infull import short_forms
from qa.text import fold

_BEFORE = re.compile(r"\d+[年月日号时点分次届]|(?<=[院学司团会行局所])[和跟]")  # what a name may seem to begin with
# No part of a name: what asks, what points, and what organisations do or have done to them.
_NO_NAME = re.compile(
    "[哪几什么该这那每某怎何谁多少各现前目随可请使造在是由从被把将对于与里]|一[家所间]"
    "|创立|建立|成立|创办|建设|设立|组建|就读|考入|考上|进入|加入|毕业|任职|任教|担任|属于|位于|前往|参观|访问|合并|更名|改名|命名"
    "|收购|投资|开设|筹建|兴建|修建|转会|签约|效力|获得|举行|召开|出任|隶属"
)
_KIND = (
    r"(?i:(?:hospital|h[oô]pita|cl[ií]ni[ckq]|krankenhaus|universi[dt]|college|academ|institut|school|company|corporation"
    r"|bank|banco|banque|foundation|museum|museo|mus[eé]e|laborator|librar[yi])[a-zß-öø-ÿ]*)"
)
_CAPITAL = "[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿ]+"
_CHINESE = r"[\u4e00-\u9fff]{2,}"  # such as a name that was spelt in Latin letters, and is written back
_LINK = r"(?:of|in|at|the|and|for|de|del|du|des|la|las|los|le|les|d|l|s|y|et|&)"
_LATIN = rf"(?<![A-Za-zÀ-ÿ])(?:{_KIND}|{_CAPITAL}|{_LINK})(?![A-Za-zÀ-ÿ])"
_NAME_IN_LATIN = re.compile(rf"(?:(?:{_LATIN}|(?<!\w){_CHINESE}(?!\w))[ '’-]{{0,2}})+")
_IS_KIND = re.compile(_KIND)
_IS_CHINESE = re.compile(_CHINESE)
_FIRST = re.compile(r"\w")
_LATIN_WORTH = 0.5  # what a name counts that may stand there in characters that sound like it
_OWN = re.compile(rf"{_CAPITAL}|{_CHINESE}")


@dataclass(frozen=True, slots=True)
class Organisations:
    """What a question names: full names in Chinese; of each name in Latin letters the words of its own. All folded."""

    in_chinese: tuple[str, ...]
    in_latin: tuple[tuple[str, ...], ...]

    @classmethod
    @lru_cache(maxsize=1_000)
    def of(cls, question: str) -> Organisations:
        """Return those of a question as it was written, with its capitals."""
        told = _BEFORE.sub(" ", fold(question))
        named = (name for name in dict.fromkeys(organisations(told)) if not _NO_NAME.search(name))
        return cls(tuple(named), tuple(_in_latin(question)))

    def missed(self, texts: Iterable[str], met: Set[str] = frozenset()) -> float:
        """Return which share of them some folded texts do not have, neither in full nor in short; of a Latin name half.

        :param met: words of the question that stand there translated, or as they sound.
        """
        if not self.in_chinese and not self.in_latin:
            return 0.0
        told = "\n".join(texts)
        missing = [1.0 - (name in told or short_forms(name).search(told) is not None) for name in self.in_chinese]
        missing += [_LATIN_WORTH * (not any(word in met or word in told for word in words)) for words in self.in_latin]
        return sum(missing) / len(missing)


def _in_latin(question: str) -> Iterable[tuple[str, ...]]:
    """Yield the words of each name; a capital at the very beginning tells nothing, but in a Chinese question."""
    first = _FIRST.search(question)
    begins = -1 if first is None or _IS_CHINESE.search(question) else first.start()
    for run in _NAME_IN_LATIN.finditer(question):
        if _IS_KIND.search(run[0]):
            own = [word for word in _OWN.finditer(question, *run.span()) if not _IS_KIND.match(word[0])]
            words = tuple(fold(word[0]) for word in own if word.start() > begins)
            if words:
                yield words
