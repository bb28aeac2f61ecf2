"""Folding that keeps offsets, and sentence ends. Everything here is linear in the length of the text."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import defaultdict, deque
from collections.abc import Iterator
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

_IDEOGRAPHS = ((0x2E80, 0x2FE0), (0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32400))
_PAIRS = dict(zip("“‘「『《〈（(【[", "”’」』》〉）)】]", strict=True))
_OPENER_OF = {closer: opener for opener, closer in _PAIRS.items()}
_QUOTE_REACH = 200
_MARKS = '"' + "".join(_PAIRS) + "".join(_OPENER_OF)
_BRACKET = re.compile("[\n" + re.escape(_MARKS) + "]")
_END = re.compile(r"\n+|[。！？｡．؟۔।…!?；;.]+[”’」』）)】\]\"]*")
_GOES_ON = frozenset("，,、；;：:。）)》的地得是等之与和及或")
_ATTRIBUTION = re.compile(
    r"[^\n，,。：:；;“”「」]{0,12}(?:说|說|道|表示|指出|认为|認為|强调|強調|回忆|回憶|介绍|介紹|告诉|告訴)"
    r"[^\n，,。：:“”「」]{0,6}[，,。]"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|Mrs?|Ms|Drs?|Prof|St|Jr|Sr|Gen|Gov|Sen|Rep|Lt|Col|No|Nos|Vol|Fig|Figs|Eq|Inc|Ltd|Co|Corp|vs|cf|al"
    r"|approx|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)|(?<![^\n])[ \t]*\d{1,3})$"
)
# A line of an alphabet, broken by hand: forty characters of it, the next one begins in lower case.
_WRAP = re.compile(r"[^\n\u2e80-\uffff]{39}[a-z,]\n[a-z]")


@cache
def _simplified() -> dict[str, str]:
    """Return every single character that OpenCC writes otherwise in Simplified Chinese."""
    from opencc import OpenCC  # noqa: PLC0415  (22 ms, and only where Chinese is folded)

    characters = [chr(code) for start, end in _IDEOGRAPHS for code in range(start, end)]
    simple = OpenCC("t2s").convert("\n".join(characters)).split("\n")
    return {before: after for before, after in zip(characters, simple, strict=True) if before != after}


def simplify(text: str) -> str:
    """Return the text in Simplified characters, each in its place: as long as the text."""
    return text.translate(_simplified_codes())


@cache
def _simplified_codes() -> dict[int, str]:
    return {ord(before): after for before, after in _simplified().items() if len(after) == 1}


def _fold_once(text: str) -> str:
    folded = []
    for character in unicodedata.normalize("NFKC", text).lower():
        if character.isspace():
            folded.append("\n" if character == "\n" else " ")
        elif unicodedata.category(character) not in {"Cc", "Cf", "Cs"} and not _is_variation_selector(character):
            folded.append(character if character < "\u2e80" else _simplified().get(character, character))
    return "".join(folded)


def _is_variation_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


class _Folding(dict[int, str]):
    """A table for :meth:`str.translate` that works out a character the first time it is met."""

    def __missing__(self, code: int) -> str:
        before, after = "", chr(code)
        while before != after:
            before, after = after, _fold_once(after)
        self[code] = after
        return after


_FOLDING = _Folding()
_KEPT_FOLDS = 2048
_KEPT_LENGTH = 1000  # characters; a passage is shorter
_AT_ONCE = 100_000  # characters
_SHORT = 50  # characters; below, a table of codes costs more than it saves
_UTF32 = "utf-32-le"


def fold(text: str) -> str:
    """Return the form under which texts are compared: NFKC, lower case, Simplified, each character by itself.

    :return: white space as one blank a character (line feeds stay), control and zero-width characters gone.

    The fold of a text is the folds of its characters in a row, so it never depends on what stands beside them;
    a base letter and a combining accent therefore stay two characters.
    """
    if len(text) <= _KEPT_LENGTH:
        return _fold_kept(text)
    return "".join(_fold(text[start : start + _AT_ONCE]) for start in range(0, len(text), _AT_ONCE))


def _fold(text: str) -> str:
    codes = _folded_codes(text) if len(text) >= _SHORT else None
    return text.translate(_FOLDING) if codes is None else str(codes.tobytes(), _UTF32, "surrogatepass")


# A line is folded to see what it is, again for the passage that it becomes, and again for that one's terms.
_fold_kept = lru_cache(maxsize=_KEPT_FOLDS)(_fold)


def _folded_codes(text: str) -> npt.NDArray[np.uint32] | None:
    """Return the code points of a text's fold, or None if they are not as many as the text's own."""
    table = _code_table()
    codes = np.frombuffer(text.encode(_UTF32, "surrogatepass"), np.uint32)
    folded = table.take(codes)
    if np.count_nonzero(folded) < len(codes):
        for code in np.unique(codes[folded == 0]).tolist():
            single = _FOLDING[code]
            table[code] = ord(single) if len(single) == 1 else 0
        folded = table.take(codes)
    return folded if np.count_nonzero(folded) == len(codes) else None


@cache
def _code_table() -> npt.NDArray[np.uint32]:
    """Return the fold of each code point, as far as it was met and is one character; else 0."""
    return np.zeros(sys.maxunicode + 1, np.uint32)


class _FoldingInPlace(dict[int, str]):
    """The same, with a blank for a character whose fold is not one character."""

    def __missing__(self, code: int) -> str:
        folded = _FOLDING[code]
        self[code] = folded if len(folded) == 1 else " "
        return self[code]


_FOLDING_IN_PLACE = _FoldingInPlace()


def fold_in_place(text: str) -> str:
    """Return a text as long as this one: the fold of each character, or a blank where that is not one character."""
    codes = _folded_codes(text) if _SHORT <= len(text) <= _AT_ONCE else None
    return text.translate(_FOLDING_IN_PLACE) if codes is None else str(codes.tobytes(), _UTF32, "surrogatepass")


def fold_offsets(text: str) -> tuple[str, list[int]]:
    """Return :func:`fold` of the text and where each folded character comes from.

    :return: the folded text of length n and n + 1 offsets into ``text``, never falling; the last is ``len(text)``.
    """
    offsets: list[int] = []
    for offset, character in enumerate(text):
        width = len(_FOLDING[ord(character)])
        if width == 1:
            offsets.append(offset)
        else:
            offsets.extend([offset] * width)
    offsets.append(len(text))
    return text.translate(_FOLDING), offsets


def sentence_at(text: str, place: int) -> tuple[int, int] | None:
    """Return the span of the sentence that holds a place, or None between two."""
    return next((span for span in sentences(text) if span[0] <= place < span[1]), None)


def sentences(text: str, reach: int = _QUOTE_REACH) -> list[tuple[int, int]]:
    """Return the spans of the sentences: in order, trimmed, none blank; all but white space is covered.

    :param reach: inside quotes and brackets that close within so many characters nothing ends.

    A line feed ends a sentence, except inside an English one that was wrapped by hand.
    Marks such as 。！？； end one together with the quotes that close there,
    a full stop only where it is no decimal point, initial or abbreviation. ``“…。”他说，``
    stays in one piece.
    """
    spans = []
    start = 0
    for end in _ends(text, reach):
        span = trim(text, start, end)
        if span is not None:
            spans.append(span)
        start = end
    return spans


def trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the span without the white space at both its ends, or None if nothing else is there."""
    part = text[start:end]
    left = len(part) - len(part.lstrip())
    right = len(part.rstrip())
    return (start + left, start + right) if left < right else None


def _ends(text: str, reach: int) -> list[int]:
    """Return every offset at which a sentence ends, rising; the last is ``len(text)``."""
    ends = []
    quoted = _quotations(text, reach)
    current: tuple[int, int] | None = (0, 0)  # so that none is looked for in a text where nothing ends
    for match in _END.finditer(text):
        end = match.end()
        while current is not None and current[1] < end:
            current = next(quoted, None)
        inside = current is not None and current[0] < end
        if not inside and _is_end(text, match):
            ends.append(end)
    ends.append(len(text))
    return ends


def _is_end(text: str, match: re.Match[str]) -> bool:
    marks = match.group()
    start, end = match.span()
    if marks[0] == "\n":
        return not _WRAP.match(text, max(0, start - 40), end + 1)
    after = text[end : end + 1]
    last = marks.rstrip('”’」』）)】]"')
    closed = len(last) < len(marks)
    if closed and (after in _GOES_ON or _ATTRIBUTION.match(text, end)):
        return after == ""
    if "…" in marks and after in _GOES_ON:
        return after == ""
    if not set(last) <= set(".!?;"):
        return True
    if last == ".":
        return _full_stop_ends(text, start, after)
    return not (after.isascii() and after.isalnum()) or not _is_latin(text[start - 1 : start])


def _full_stop_ends(text: str, start: int, after: str) -> bool:
    if after and not after.isspace():
        return _is_wide(text[start - 1 : start]) and _is_wide(after)
    following = text[start + 1 : start + 4].lstrip()[:1]
    return not following.islower() and not _ABBREVIATION.search(text, max(0, start - 8), start)


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _is_wide(character: str) -> bool:
    return character >= "\u2e80"


def quotations(text: str, reach: int = _QUOTE_REACH) -> list[tuple[int, int]]:
    """Return ``(opener, closer)`` offsets of the outermost quotes, titles and brackets that close on their line.

    Only pairs at most ``reach`` characters apart count: a quote that was never closed protects nothing.
    """
    return list(_quotations(text, reach))


def is_crowded(text: str) -> bool:
    """Tell whether over a quarter of a text is quotes and brackets: a pattern, with nothing to keep together."""
    return sum(map(text.count, _MARKS)) > len(text) // 4


def _quotations(text: str, reach: int) -> Iterator[tuple[int, int]]:
    """Yield :func:`quotations` in order, each soon after no later pair can hold it."""
    merged: deque[tuple[int, int]] = deque()
    # The last of each kind; one with so many behind it stands too far before any closer.
    opened: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=reach))
    for match in _BRACKET.finditer(text):
        offset = match.start()
        character = text[offset]
        if character == "\n":
            opened.clear()
            continue
        if character in _PAIRS:
            opened[character].append(offset)
            continue
        waiting = opened.get(_OPENER_OF.get(character, '"'))
        if waiting and offset - waiting[-1] <= reach:
            while merged and merged[0][1] < offset - reach:
                yield merged.popleft()
            start = waiting.pop()
            while merged and merged[-1][1] > start:
                start = min(start, merged.pop()[0])
            merged.append((start, offset))
        elif character == '"':
            opened['"'] = deque([offset])
        elif waiting:
            waiting.clear()
    yield from merged
