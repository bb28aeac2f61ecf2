"""``Document`` → ``Passage``s: paragraphs without boilerplate, offsets kept; what makes two alike. Pure and linear."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from qa.boilerplate import content_spans
from qa.records import Document, Passage
from qa.text import fold, is_crowded, quotations, sentences, trim

_BLOCK = 1 << 20  # characters; what furniture and wrapped lines are looked for in at once
_LIST_LINE = 16  # characters; a block of shorter lines is a list
_TINY = 40
_TINY_SENTENCE = 20
_NARROW = 0.4  # what a letter of an alphabet weighs against a Chinese character
_WIDE = "\u2e80-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
_WIDE_RUN = re.compile(f"[{_WIDE}]+")
_RUN = re.compile(f"(?P<wide>[{_WIDE}]+)|[^{_WIDE}]+")
_WORD = re.compile(r"[!-~]{1,40}|.", re.DOTALL)
_BREAKS = (re.compile(r"(?<!\d)[，、；：,;:]"), re.compile(r"\s"))  # in a text that is read from its end
_OPENERS = frozenset("“「『《（(【[")
_SENTENCE = re.compile("[。；;.？?][”’」』）)]?$")
_UNFINISHED = re.compile(r"[^。！？!?；;…：:.”’」』）)\"]$")

Stretch = tuple[int, int]


def split_document(document: Document, target: int = 350) -> list[Passage]:
    """Return the passages of a document in order; they never overlap and none is blank.

    :param target: most Chinese characters a passage should have; a letter of another script counts 0.4.
    :return: passages with ``text == document.text[start:end]``.

    A paragraph is a line, or the lines of a hard-wrapped paragraph. Headings, captions and the like under 40
    characters join a neighbour, as do sentences under 20; long paragraphs are cut at sentence ends. Nothing is
    joined over boilerplate. A list of over a million characters is cut at the ends of its lines only.
    """
    text = document.text
    stretches = (piece for paragraph in _paragraphs(text, target) for piece in _cut(text, paragraph, target))
    return [
        Passage(f"{document.id}#{start}-{end}", document.id, start, end, text[start:end]) for start, end in stretches
    ]


def key(text: str) -> bytes:
    """Return what two passages have in common exactly if they are the same: a hash of the fold without white space."""
    folded = "".join(fold(text).split())
    return hashlib.blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def weigh(text: str) -> float:
    """Return the length of a text in Chinese characters: 1 for each wide character, 0.4 for every other."""
    narrow = len(text) if text.isascii() else len(_WIDE_RUN.sub("", text))
    return len(text) - narrow + _NARROW * narrow


def _paragraphs(text: str, target: int) -> Iterator[Stretch]:
    """Give the paragraphs of a text; of a long one a block at a time, or its lines would not fit into memory."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _BLOCK) + 1 or len(text)
        block = text[start:end]
        if len(text) > _BLOCK and block.count("\n") > len(block) // _LIST_LINE:
            yield from _packed(text, start, end, target)
        else:
            lines = [(start + begin, start + stop) for begin, stop in content_spans(block)]
            yield from _join_tiny(text, _unwrap(text, lines), target)
        start = end


def _packed(text: str, start: int, end: int, target: int) -> Iterator[Stretch]:
    """Give the lines of a list, as many at a time as the target has room for."""
    while start < end:
        stop = _reach(text, start, end, target)
        if stop < end:
            line_end = text.rfind("\n", start + 1, stop)
            stop = line_end if line_end > 0 else text.find("\n", stop, end) + 1 or end
        piece = trim(text, start, stop)
        if piece is not None:
            yield piece
        start = stop


def _unwrap(text: str, lines: list[Stretch]) -> list[Stretch]:
    """Join the lines of hard-wrapped paragraphs; lines of an ordinary saved page come back as they are."""
    width = _wrap_width(text, lines)
    if width is None:
        return lines
    joined: list[Stretch] = []
    for before, line in zip([None, *lines[:-1]], lines, strict=True):
        if before is not None and _is_wrapped(text, before, line, width):
            joined[-1] = (joined[-1][0], line[1])
        else:
            joined.append(line)
    return joined


def _wrap_width(text: str, lines: list[Stretch]) -> int | None:
    """Return the column at which a text was wrapped by hand, or None if its lines are paragraphs."""
    joints = [(a, b) for a, b in pairwise(lines) if text[a[1] : b[0]].count("\n") == 1]
    widths = sorted(_columns(text, line) for line, _ in joints)
    if len(joints) < 3 or not 30 <= (width := widths[len(widths) * 9 // 10]) <= 130:
        return None
    wrapped = [joint for joint in joints if _is_wrapped(text, *joint, width)]
    unfinished = sum(_UNFINISHED.search(text, line[1] - 1, line[1]) is not None for line, _ in wrapped)
    return width if len(wrapped) >= 0.6 * len(joints) and unfinished >= 0.6 * len(wrapped) else None


def _is_wrapped(text: str, line: Stretch, following: Stretch, width: int) -> bool:
    """Tell whether the next line goes on with the paragraph: this one is full, its next word had no room."""
    if text[line[1] : following[0]].count("\n") != 1:
        return False
    start = following[0]
    word = _WORD.match(text, start, following[1])
    end = word.end() if word else start
    return _columns(text, line) + 1 + _columns(text, (start, end)) > width - 2


def _columns(text: str, line: Stretch) -> int:
    start, end = line
    if end - start > 200:
        return end - start
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text[start:end])


def _join_tiny(text: str, paragraphs: list[Stretch], target: int) -> list[Stretch]:
    """Join tiny paragraphs: a heading with what follows, a trailing one with what precedes."""
    own = [weigh(text[start:end]) for start, end in paragraphs]
    joined: list[Stretch] = []
    gathered, only_tiny = 0.0, False
    for at, (paragraph, weight) in enumerate(zip(paragraphs, own, strict=True)):
        tiny = _is_tiny(text, paragraph, weight)
        if joined and _touch(text, joined[-1], paragraph):
            waiting = only_tiny and gathered < _TINY
            trails = tiny and not _leads(text, paragraphs, own, at, target)
            fits = gathered + weight <= target or (waiting and weight > target)
            if fits and (trails or waiting):
                joined[-1] = (joined[-1][0], paragraph[1])
                gathered, only_tiny = gathered + weight, only_tiny and tiny
                continue
        joined.append(paragraph)
        gathered, only_tiny = weight, tiny
    return joined


def _is_tiny(text: str, paragraph: Stretch, weight: float) -> bool:
    """Tell whether a paragraph needs a neighbour: a heading, caption, by-line, signature or very short sentence."""
    if weight >= _TINY:
        return False
    return weight < _TINY_SENTENCE or not _SENTENCE.search(text, max(paragraph[0], paragraph[1] - 2), paragraph[1])


def _leads(text: str, paragraphs: list[Stretch], weights: list[float], at: int, target: int) -> bool:
    """Tell whether a tiny paragraph can be the heading of the next one."""
    if at + 1 == len(paragraphs) or not _touch(text, paragraphs[at], paragraphs[at + 1]):
        return False
    return weights[at] + weights[at + 1] <= target or weights[at + 1] > target


def _touch(text: str, before: Stretch, after: Stretch) -> bool:
    return not text[before[1] : after[0]].strip()


def _cut(text: str, paragraph: Stretch, target: int) -> Iterator[Stretch]:
    """Cut a paragraph that is too long at sentence ends, into pieces of about the same length."""
    start, end = paragraph
    body = text[start:end]
    total = weigh(body)
    if total <= target:
        yield paragraph
        return
    goal = total / math.ceil(total / target)
    first, last, weight = -1, -1, 0.0
    for begin, stop in _bounded_sentences(body, target):
        extra = weigh(body[max(last, begin - 2) if first >= 0 else begin : stop])
        if first >= 0 and (weight + extra > target or weight + extra / 2 > goal):
            yield start + first, start + last
            first, weight = -1, 0.0
        if first < 0:
            first, extra = begin, weigh(body[begin:stop])
        last = stop
        weight += extra
    yield start + first, start + last


def _bounded_sentences(text: str, target: int) -> Iterator[Stretch]:
    """Give the sentences of a text; one over the target comes in pieces."""
    for start, end in sentences(text, reach=target):
        if end - start <= target or weigh(text[start:end]) <= target:
            yield start, end
        else:
            yield from _pieces(text, start, end, target)


def _pieces(text: str, start: int, end: int, target: int) -> Iterator[Stretch]:
    """Cut one endless sentence at commas, else at blanks, else anywhere, and inside quotes last of all."""
    while start < end:
        stop = _reach(text, start, end, target)
        if stop < end:
            stop = start + _best_break(text[start:stop])
        piece = trim(text, start, stop)
        if piece is not None:
            yield piece
        start = stop


def _reach(text: str, start: int, end: int, target: int) -> int:
    """Return how far a piece that begins at ``start`` can go within the target."""
    most = min(end, start + math.ceil(target / _NARROW) + 1)
    room = target + 1e-9
    for run in _RUN.finditer(text, start, most):
        each = 1.0 if run.lastgroup else _NARROW
        if room < each * (run.end() - run.start()):
            return max(run.start() + int(room / each), start + 1)
        room -= each * (run.end() - run.start())
    return most


def _best_break(window: str) -> int:
    """Return the best offset at which to end a piece, 1 to ``len(window)``."""
    least = len(window) // 3
    back = window[least:][::-1]
    quoted = [] if is_crowded(window) else quotations(window, len(window))
    for mark in _BREAKS:
        ahead = quoted.copy()
        for match in mark.finditer(back):
            candidate = len(window) - match.start()
            while ahead and ahead[-1][0] >= candidate:
                ahead.pop()
            if not ahead or candidate > ahead[-1][1]:
                return candidate
    unclosed = _last_open(window, quoted, least)
    if unclosed:
        return unclosed
    for mark in _BREAKS:
        if last := mark.search(back):
            return len(window) - last.start()
    return _whole_characters(window)


def _last_open(window: str, quoted: list[Stretch], least: int) -> int:
    """Return where the last quote or title beyond ``least`` opens that does not close on its line, or 0."""
    closed = {opened for opened, _ in quoted}
    offsets = range(len(window) - 1, max(least, window.rfind("\n")), -1)
    return next((at for at in offsets if window[at] in _OPENERS and at not in closed), 0)


def _whole_characters(window: str) -> int:
    """Return the last offset that does not part a letter from its accents or a joined emoji."""
    stop = len(window) - 1
    while stop > 0 and (unicodedata.category(window[stop]) in {"Mn", "Me", "Cf"} or window[stop - 1] == "\u200d"):
        stop -= 1
    return stop or len(window)
