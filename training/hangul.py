"""How Chinese characters are read in Korean, for ``qa/hangul.json``: ``python -m training.hangul``.

From the table of the package hanja (WTFPL; ``pip install --no-deps hanja``, for it pins what it does not need): the
reading of each character of GB 2312, and of the traditional ones that are folded to it, also as it is written at the
beginning of a word, where Korean drops or changes l and n.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from qa.text import fold

TABLE = Path(__file__).parents[1] / "qa" / "hangul.json"
_FIRST, _VOWELS, _CODAS = 0xAC00, 21, 28
_N, _R, _SILENT = 2, 5, 11  # initials
_NARROW = frozenset({2, 3, 6, 7, 12, 17, 20})  # vowels that begin with i or y


def initially(syllable: str) -> str:
    """Return a syllable as it is written at the beginning of a word: 리 as 이, 로 as 노, 녀 as 여."""
    initial, rest = divmod(ord(syllable) - _FIRST, _VOWELS * _CODAS)
    narrow = rest // _CODAS in _NARROW
    if initial in {_N, _R} and narrow:
        initial = _SILENT
    elif initial == _R:
        initial = _N
    return chr(_FIRST + initial * _VOWELS * _CODAS + rest)


def is_common(character: str) -> bool:
    """Tell whether a character is one of the 6,763 of GB 2312."""
    try:
        return len(character.encode("gb2312")) > 1
    except UnicodeEncodeError:
        return False


def main() -> None:
    """Write the table: each syllable with the characters that are read so."""
    from hanja.table import hanja_table  # noqa: PLC0415

    characters: dict[str, set[str]] = defaultdict(set)
    for character, syllable in hanja_table.items():
        simple = fold(character)
        if len(simple) == 1 and is_common(simple):
            for written in {syllable, initially(syllable)}:
                characters[written].add(simple)
    table = {syllable: "".join(sorted(found)) for syllable, found in sorted(characters.items())}
    TABLE.write_text(json.dumps(table, ensure_ascii=False, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()
