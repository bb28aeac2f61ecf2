"""How Chinese characters sound, for ``qa/sounds.json``: ``python -m training.sounds``.

From pypinyin (MIT): the commonest Mandarin reading of each character of the basic block, without its tone, ü as v.
Traditional characters are left out; folded text holds none of them.
"""

import json
import unicodedata
from collections import defaultdict
from pathlib import Path

from qa.text import fold

TABLE = Path(__file__).parents[1] / "qa" / "sounds.json"


def toneless(reading: str) -> str:
    """Return a reading without its tone mark: ``lǜ`` becomes ``lv``."""
    bare = "".join(c for c in unicodedata.normalize("NFD", reading) if c not in "\u0304\u0301\u030c\u0300")
    return unicodedata.normalize("NFC", bare).replace("ü", "v").replace("ê", "e")


def main() -> None:
    """Write the table: each syllable with the characters that sound so."""
    from pypinyin.pinyin_dict import pinyin_dict  # noqa: PLC0415

    characters: dict[str, list[str]] = defaultdict(list)
    for code, readings in sorted(pinyin_dict.items()):
        if 0x4E00 <= code <= 0x9FFF and fold(chr(code)) == chr(code):
            characters[toneless(readings.split(",")[0])].append(chr(code))
    table = {syllable: "".join(found) for syllable, found in sorted(characters.items())}
    TABLE.write_text(json.dumps(table, ensure_ascii=False, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()
