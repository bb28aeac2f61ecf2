"""How words sound in Mandarin: a name typed with the wrong character, or in Latin letters, sounds like the right one.

Chinese is typed by sound, so most misspellings are homophones (乐爱萍 for 乐爱平), and foreign questions write names as
they sound (``Nanchang``). Tones are left out: nobody types them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

_TABLE = Path(__file__).with_name("sounds.json")
_FEWEST = 2  # syllables: one alone fits too much


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

    >>> spelt("nanchang"), spelt("爱萍"), spelt("hospital")
    (' nan chang ', ' ai ping ', None)
    """
    known = _syllables()
    cut = _cut(word) if word.isascii() else [known.get(character, "") for character in word]
    return _joined(cut) if cut is not None and len(cut) >= _FEWEST and all(cut) else None


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
