"""How words sound in Mandarin: a name typed with the wrong character, or in Latin letters, sounds like the right one.

Chinese is typed by sound, so most misspellings are homophones (乐爱萍 for 乐爱平), and foreign questions write names as
they sound (``Nanchang``). Tones are left out: nobody types them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

_TABLE = Path(__file__).with_name("sounds.json")
_FEWEST = 2  # syllables: one alone fits too much
_MOST = 3  # words of a name
_LATIN = re.compile(r"[A-Za-z]+|[^\sA-Za-z]")


@cache
def _syllables() -> dict[str, str]:
    """Map each character to its syllable."""
    table: dict[str, str] = json.loads(_TABLE.read_text("utf-8"))
    return {character: syllable for syllable, characters in table.items() for character in characters}


@lru_cache(maxsize=50_000)
def sound(folded: str) -> str:
    """Return the syllables of a folded text between blanks; whatever is not a Chinese character is a bar.

    >>> sound("乐爱平,1")
    ' le ai ping | | '
    """
    known = _syllables()
    return _joined([known.get(character, "|") for character in folded])


def spelt(word: str) -> str | None:
    """Return the sound of a folded word: of Chinese characters, or of Latin letters that spell at least two syllables.

    >>> spelt("nanchang"), spelt("爱萍"), spelt("hospital"), spelt("liu jian")
    (' nan chang ', ' ai ping ', None, ' liu jian ')
    """
    known = _syllables()
    cut = [known.get(character, "") for character in word]
    if word.isascii():
        cut = [syllable for part in word.split() for syllable in _cut(part) or [""]]
    return _joined(cut) if len(cut) >= _FEWEST and all(cut) else None


def names(text: str) -> list[str]:
    """Return what may be Chinese names of several Latin words, in small letters.

    >>> names("What did Wu Peixin say to Liu Jian in Nanchang?")
    ['wu peixin', 'liu jian']
    """
    found: list[list[str]] = [[]]
    for word in _LATIN.findall(text):
        if word.istitle() and _cut(word.lower()):
            found[-1].append(word.lower())
        else:
            found.append([])
    return [" ".join(run) for run in found if _FEWEST <= len(run) <= _MOST]


def _joined(syllables: Sequence[str]) -> str:
    return f" {' '.join(syllables)} "


def _cut(word: str) -> list[str] | None:
    """Return the fewest syllables that spell a whole word, or None."""
    known = frozenset(_syllables().values())
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - 6), end):
            before = best[start]
            if before is not None and word[start:end] in known:
                so_far = best[end]
                if so_far is None or len(before) + 1 < len(so_far):
                    best[end] = [*before, word[start:end]]
    return best[-1]
