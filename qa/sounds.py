"""How words sound in Mandarin: a name typed with the wrong character, or in Latin letters, sounds like the right one.

Chinese is typed by sound, so most misspellings are homophones (乐爱萍 for 乐爱平), and foreign questions write names as
they sound (``Nanchang``). Tones are left out: nobody types them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path

_TABLE = Path(__file__).with_name("sounds.json")
_FEWEST = 2  # syllables: one alone fits too much
_MOST = 3  # words of a name
_LONGEST = 6  # letters of a syllable, in Cyrillic too
_LATIN = re.compile(r"[A-Za-z]+|[^\sA-Za-z]")


@cache
def spoken() -> dict[str, str]:
    """Map each syllable of Mandarin to the characters that sound so."""
    table: dict[str, str] = json.loads(_TABLE.read_text("utf-8"))
    return table


@cache
def _syllables() -> dict[str, str]:
    """Map each character to its syllable."""
    return {character: syllable for syllable, characters in spoken().items() for character in characters}


@cache
def _latin() -> dict[str, str]:
    return {syllable: syllable for syllable in spoken()}


def alike(character: str) -> str:
    """Return the characters that sound like one, itself left out."""
    return spoken().get(_syllables().get(character, ""), "").replace(character, "")


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
    parts = [known.get(character, "") for character in word]
    if word.isascii():
        parts = [syllable for part in word.split() for syllable in cut(part) or [""]]
    return _joined(parts) if len(parts) >= _FEWEST and all(parts) else None


def names(text: str) -> list[str]:
    """Return what may be Chinese names of several Latin words, in small letters.

    >>> names("What did Wu Peixin say to Liu Jian in Nanchang?")
    ['wu peixin', 'liu jian']
    """
    found: list[list[str]] = [[]]
    for word in _LATIN.findall(text):
        if word.istitle() and cut(word.lower()):
            found[-1].append(word.lower())
        else:
            found.append([])
    return [" ".join(run) for run in found if _FEWEST <= len(run) <= _MOST]


def _joined(syllables: Sequence[str]) -> str:
    return f" {' '.join(syllables)} "


def cut(word: str, written: Mapping[str, str] | None = None) -> list[str]:
    """Return the fewest syllables that spell a whole word; nothing if none do.

    :param written: syllables by how they are written; in Latin letters by default.
    """
    known = _latin() if written is None else written
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - _LONGEST), end):
            before, syllable = best[start], known.get(word[start:end])
            if before is not None and syllable is not None:
                so_far = best[end]
                if so_far is None or len(before) + 1 < len(so_far):
                    best[end] = [*before, syllable]
    return best[-1] or []
