"""Years and other numbers that a question names: a passage without them is seldom meant (pure).

Of first hits on public sets whose question names a year that the passage does not, none in 99 is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from qa.text import fold

_NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)?(?![\d.]*\d)|[一二三四五六七八九十]+[届次]")
_YEAR = re.compile(r"1[0-9]\d\d|20\d\d")
_DIGITS = "〇一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The years and the other numbers of a question, folded."""

    years: tuple[str, ...]
    others: tuple[str, ...]

    @classmethod
    def of(cls, question: str) -> Numbers:
        """Return those of a question."""
        found = dict.fromkeys(_NUMBER.findall(fold(question)))
        years = tuple(number for number in found if _YEAR.fullmatch(number))
        return cls(years, tuple(number for number in found if number not in years))

    def missed(self, texts: Iterable[str]) -> tuple[float, float]:
        """Return which share of the years, and of the other numbers, none of some folded texts has."""
        if not self.years and not self.others:
            return 0.0, 0.0
        told = "\n".join(texts)
        return _share(self.years, told), _share(self.others, told)


def _share(numbers: Sequence[str], told: str) -> float:
    return sum(not _pattern(number).search(told) for number in numbers) / max(len(numbers), 1)


@lru_cache(maxsize=1000)
def _pattern(number: str) -> re.Pattern[str]:
    """Return a pattern of a number by itself, or as Chinese writes it up to 99."""
    if not number.isdigit():
        return re.compile(re.escape(number))
    ways = [rf"(?<!\d){re.escape(number)}(?!\d)"]
    value = int(number)
    if 0 < value < 100:
        tens, ones = divmod(value, 10)
        written = (_DIGITS[tens] if tens > 1 else "") + "十" * (tens > 0) + (_DIGITS[ones] if ones else "")
        ways.append(f"(?<![一二三四五六七八九十]){written}(?![一二三四五六七八九十])")
    return re.compile("|".join(ways))
