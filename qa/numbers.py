"""Years, sessions and other numbers that a question names: a passage without them is seldom meant (pure).

Of first hits on public sets whose question names a year that the passage does not, none in 99 is right. Of 20
questions there that name a session (第十五届), every one is answered by a passage that names it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from qa.text import fold

_DIGITS = "〇一二三四五六七八九"


def _in_chinese(value: int) -> str:
    """Write a number below 100."""
    tens, ones = divmod(value, 10)
    return (_DIGITS[tens] if tens > 1 else "") + "十" * (tens > 0) + (_DIGITS[ones] if ones else "")


_NUMERALS = {_in_chinese(value): value for value in range(1, 100)}
_NUMERAL = "[一二三四五六七八九十]"
_MEETING = rf"(?:第?{_NUMERAL}+次)?"
_NUMBER = re.compile(rf"(?<![\d.])\d+(?:\.\d+)?(?![\d.]*\d)|{_NUMERAL}+届{_MEETING}|{_NUMERAL}+次")
_SESSION = re.compile(rf"(?P<session>{_NUMERAL}+)届(?:第?(?P<meeting>.+))?")
_YEAR = re.compile(r"1[0-9]\d\d|20\d\d")


@dataclass(frozen=True, slots=True)
class Numbers:
    """The years or sessions and the other numbers of a question, folded."""

    years: tuple[str, ...]
    others: tuple[str, ...]

    @classmethod
    def of(cls, question: str) -> Numbers:
        """Return those of a question."""
        found = dict.fromkeys(_NUMBER.findall(fold(question)))
        years = tuple(number for number in found if _YEAR.fullmatch(number) or _SESSION.fullmatch(number))
        return cls(years, tuple(number for number in found if number not in years))

    def missed(self, texts: Iterable[str]) -> tuple[float, float]:
        """Return which share of the years and sessions, and of the other numbers, none of some folded texts has."""
        if not self.years and not self.others:
            return 0.0, 0.0
        told = "\n".join(texts)
        return _share(self.years, told), _share(self.others, told)


def _share(numbers: Sequence[str], told: str) -> float:
    return sum(not _pattern(number).search(told) for number in numbers) / max(len(numbers), 1)


@lru_cache(maxsize=1000)
def _pattern(number: str) -> re.Pattern[str]:
    """Return a pattern of a number by itself, in digits or as Chinese writes it up to 99."""
    if number.isdigit():
        return re.compile(_alone(int(number)))
    session = _SESSION.fullmatch(number)
    if session is None:
        return re.compile(re.escape(number))
    value = _NUMERALS.get(session["session"], 0)
    first = "首|" if value == 1 else ""
    meeting = f".{{0,12}}?{session['meeting']}" if session["meeting"] else ""
    return re.compile(f"(?:{first}{_alone(value)})届{meeting}")


def _alone(value: int) -> str:
    ways = [rf"(?<!\d)0*{value}(?!\d)"]
    if 0 < value < 100:
        ways.append(f"(?<!{_NUMERAL}){_in_chinese(value)}(?!{_NUMERAL})")
    return "|".join(ways)
