"""The character map of :func:`qa.text.fold` as a table, so that the tokenizer's normaliser can carry it."""

import sys
import unicodedata
from functools import cache

from qa.text import fold

__all__ = ["fold", "fold_map"]


@cache
def fold_map() -> dict[int, str]:
    """Return every assigned code point whose folded form differs from itself."""
    codes = [c for c in range(1, sys.maxunicode + 1) if unicodedata.category(chr(c)) not in ("Cn", "Co", "Cs")]
    return {code: fold(chr(code)) for code in codes if code != ord("\n") and fold(chr(code)) != chr(code)}
