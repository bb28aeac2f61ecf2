"""A question and a passage → the words that answer, at their exact place, and how likely they are right (pure).

A span lies in one sentence, cuts no word or number of a spaced script and no pair of quotes or brackets, and
begins and ends with no mere punctuation. Among those, :class:`qa.reader.Reader` decides, and beside it, where a passage
was read by it as well, :class:`qa.joint.JointReader`; then :mod:`qa.edges` says where exactly the words begin and end.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import pairwise
from math import log, tanh
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qa.candidates import of_kind, offices_beside
from qa.compare import (
    COVER,
    MATCHED,
    NEAR,
    TYPES,
    Asked,
    Floats,
    Told,
    ask,
    compare,
    lay,
    tell,
    words,
)
from qa.edges import MOST, Bools, Sentence, bounds, shipped_edges
from qa.embed import Tokens
from qa.joint import Reading, log_chances
from qa.packer import FURTHER, PASSAGE, Shown
from qa.reader import LONGEST, Reader, Scores, ahead, shipped_reader

SIGNALS = ("chance", "sentence", "score", "cover", "length", "open", "foreign")
_CHANCE = Path(__file__).with_name("span.json")
_IMPOSSIBLE = -1e4
_SAME = 0.5  # the cosine from which words of two languages count as the same
_WHO = TYPES.index("who")
_BETWEEN = re.compile("[、,和及与]")
_UNLIKELY = -12.0  # the least that a character counts as an answer's first or last for the joint reader
_JOINT, _JOINT_BY_RULES = 1.0, 2.0  # what it counts: more where rules do the other reader's work
_OFFICE = 12.0  # what an office right before the name that is asked about scores more: enough to be the answer
_FAR = 6.0  # by how much a name alone may score below the words it stands in
_OPEN = [TYPES.index("why"), TYPES.index("how")]
_IDEOGRAPHS, _KANA, _UPPER = slice(4), slice(2, 4), 4  # columns of the characters' classes
_RIVAL = 0.1  # of what the likeliest sentence scores: others are compared with it in spans of any length
_WORTH_READING = 0.03  # of what all sentences of a passage score: one is worth a second reading
_AT_ONCE = 4_000  # characters that are read together

EncodeTokens = Callable[[Sequence[str]], Tokens]
Seen = tuple[Floats, Scores]  # a passage's characters compared with the question, and what spans score


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """Words of a passage, ``text == passage[start:end]``, and the probability that they are the answer."""

    start: int
    end: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Read:
    """What reading a passage found.

    ``score``: the log of the spans' summed scores, comparable between passages of one question, 0 for a passage in a
    script that the reader never learnt. ``span``: the best words' offsets in the passage, None if nothing can be an
    answer. ``sure``: the probability that at least half of those words are right. ``seen``: what the reader
    made of the passage, None if it or the question is empty.
    """

    score: float
    span: tuple[int, int] | None
    sure: float
    seen: Seen | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best span in folded characters, end exclusive, with the ``SIGNALS`` that tell whether it is right.

    ``score`` as in :class:`Read`.
    """

    start: int
    end: int
    score: float
    signals: Floats


def find_span(
    question: str, passage: str, encode_tokens: EncodeTokens | None = None, reader: Reader | None = None
) -> ScoredSpan | None:
    """Return the words of the passage that answer the question best, or None where nothing can be an answer.

    As :func:`read_spans`, for one passage alone.
    """
    (read,) = read_spans(question, [passage], encode_tokens, reader)
    return None if read.span is None else ScoredSpan(*read.span, passage[slice(*read.span)], read.sure)


@np.errstate(invalid="ignore")  # see qa.rank
def read_spans(
    question: str,
    passages: Sequence[str],
    encode_tokens: EncodeTokens | None = None,
    reader: Reader | None = None,
    readings: Sequence[Reading] = (),
    seen: Sequence[Seen | None] = (),
) -> list[Read]:
    """Read passages for a question; what each one tells does not depend on the others.

    :param encode_tokens: finds words that mean the same, where the question is in neither Chinese nor Japanese.
    :param reader: the one that ships with the package by default.
    :param readings: what the joint reader found in each passage, which then counts as well.
    :param seen: :attr:`Read.seen` of each passage, where all were read before for this question; spares most of it.
    """
    reader = reader or shipped_reader()
    asked = ask(question, reader.alphabet)
    found = {n: held for n, passage in enumerate(passages) if (held := _told(passage, reader)) is not None}
    reads = [Read(0.0, None, 0.0)] * len(passages)
    for few in _batches({n: len(told.ids) for n, (told, _) in found.items()} if len(asked.ids) else {}):
        told = lay([found[n][0] for n in few])
        may = np.concatenate([found[n][1] for n in few])
        known = [before for before in (seen[n] for n in few if seen) if before is not None]
        if len(known) < len(few):
            known = _see(asked, told, encode_tokens, reader)
        features, scored = zip(*known, strict=True)
        compared, scores = np.concatenate(features), Scores.joined(scored)
        also = [readings[n] for n in few] if readings else []
        chosen = choose(asked, told, may, compared, scores, also)
        for n, best, one in zip(few, chosen, known, strict=True):
            if best is None:
                reads[n] = Read(0.0, None, 0.0, one)
            else:
                span = int(told.offsets[best.start]), int(told.offsets[best.end - 1]) + 1
                judged = readings[n].score if readings else None
                reads[n] = Read(best.score, span, probability(best.signals, judged), one)
    return reads


def _see(asked: Asked, told: Told, encode_tokens: EncodeTokens | None, reader: Reader) -> list[Seen]:
    linked = link(asked, told, encode_tokens) if asked.foreign and encode_tokens else None
    compared = compare(asked, told, linked)
    scores = reader.read(asked, told, compared)
    return [(compared[first:after], scores.part(first, after)) for first, after in pairwise(told.borders.tolist())]


def _batches(lengths: Mapping[int, int]) -> Iterator[list[int]]:
    """Group passages such that none but a single long one takes up more than ``_AT_ONCE`` characters."""
    few: list[int] = []
    total = 0
    for n, length in lengths.items():
        if few and total + length > _AT_ONCE:
            yield few
            few, total = [], 0
        few.append(n)
        total += length
    if few:
        yield few


@lru_cache(maxsize=2_000)
def _told(passage: str, reader: Reader) -> tuple[Told, Bools] | None:
    """Keep what is read off a passage alone, for the same ones come again with every question; None if it is empty.

    Some 90 bytes a character, so at most 180 MB of passages of 1,000 characters.
    """
    told = tell(passage, reader.alphabet)
    return (told, allowed(told)) if len(told.ids) else None


def link(asked: Asked, told: Told, encode_tokens: EncodeTokens) -> Bools:
    """Return where a word of the passage means a word of the question, shape (question, passage)."""
    linked = np.zeros((len(asked.ids), len(told.ids)), bool)
    wanted = [(start, end) for start, end in words(asked.folded) if asked.worth[start] > 0]
    held = [
        (first + start, first + end)
        for first, after in pairwise(told.borders.tolist())
        for start, end in words(told.folded[first:after])
    ]
    ideographs = told.classes[:, _IDEOGRAPHS].sum(axis=1)
    both = ideographs[:-1] + ideographs[1:] == 2
    both[told.borders[1:-1] - 1] = False
    held += [(n, n + 2) for n in np.flatnonzero(both).tolist()]
    if not wanted or not held:
        return linked
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start, end in held:
        places[told.folded[start:end]].append((start, end))
    meant = encode_tokens([asked.folded[start:end] for start, end in wanted]).text_units()
    alike = encode_tokens(list(places)).text_cosines(meant)
    spans = list(places.values())
    for text, word in np.argwhere(alike >= _SAME).tolist():
        for start, end in spans[text]:
            linked[slice(*wanted[word]), start:end] = True
    return linked


def choose(
    asked: Asked, told: Told, may: Bools, compared: Floats, scored: Scores, readings: Sequence[Reading] = ()
) -> list[Chosen | None]:
    """Return for each passage the best of the spans that may be an answer, in its likeliest sentence; or None.

    :param may: :func:`allowed` of each passage, behind one another.
    :param scored: :meth:`qa.reader.Reader.read`.
    :param readings: what the joint reader found in each passage, if it read them.
    """
    firsts = told.borders[:-1]
    learnt = _learnt(told)
    scores = _restricted(asked, told, learnt, may, compared, scored.spans)
    settled = ~learnt | bool(not readings or asked.foreign or asked.kind[_WHO])
    for n, (first, after) in enumerate(pairwise(told.borders.tolist())):
        for end in offices_beside(asked.folded, told.folded[first:after]):
            settled[n] = True
            starts = np.arange(first + max(0, end - LONGEST), first + end)
            scores[starts, first + end - 1 - starts] += np.float32(_OFFICE)
    ends = likely_ends(told, readings) if readings else np.zeros((0, 2), np.float32)
    if readings:
        by_rules = asked.foreign | ~learnt
        worth = told.to_characters(np.where(by_rules, _JOINT_BY_RULES, _JOINT))
        scores = (scores + worth[:, None] * jointly(ends)).astype(np.float32)
    most = np.maximum.reduceat(scores.max(axis=1), firsts)
    chances = np.exp(scores - told.to_characters(most)[:, None])
    in_sentence = np.add.reduceat(chances.sum(axis=1), told.starts)
    begins, after = told.starts.tolist(), [*told.starts[1:].tolist(), len(scores)]
    sentences = pairwise([*told.sentence[firsts].tolist(), len(after)])

    @cache
    def sentence(n: int) -> Sentence:
        here = slice(begins[n], after[n])
        return Sentence(told.folded[here], compared[here], scored.within(begins[n], after[n]), ends[here])

    chosen: list[Chosen | None] = []
    columns = zip(sentences, most.tolist(), learnt.tolist(), settled.tolist(), strict=True)
    for (low, high), top, known, kept in columns:
        if top <= _IMPOSSIBLE / 2:
            chosen.append(None)
            continue
        total = float(in_sentence[low:high].sum())
        best = low + int(np.argmax(in_sentence[low:high]))
        rivals = (low + np.flatnonzero(in_sentence[low:high] > _RIVAL * in_sentence[best])).tolist()
        if not kept and len(rivals) > 1:
            short = {n: after[n] - begins[n] <= MOST for n in rivals}
            in_full = {n: sentence(n).sum() if short[n] else top + log(in_sentence[n]) for n in rivals}
            best = max(rivals, key=in_full.__getitem__)
        first = begins[best]
        start, extra = divmod(int(np.argmax(scores[first : after[best]])), LONGEST)
        start += first
        if asked.kind[_WHO] and known:
            start, extra = name_alone(told, scores, start, extra)
        signals = {
            "chance": log(max(float(chances[start, extra]), 1e-9) / total),
            "sentence": log(float(in_sentence[best]) / total),
            "score": top / 10 if known else 0,
            "cover": compared[start, COVER],
            "length": log(extra + 1),
            "open": asked.kind[_OPEN].any(),
            "foreign": asked.foreign,
        }
        values = np.array([signals[name] for name in SIGNALS], np.float32)
        last = start + extra
        if not kept and after[best] - first <= MOST:
            places = shipped_edges().best(asked, sentence(best), (start - first, last - first))
            start, last = (first + at for at in places)
        chosen.append(Chosen(start, last + 1, top + log(total) if known else 0.0, values))
    return chosen


def left_unread(
    question: str, shown: Shown, reading: Reading, seen: Seen | None, reader: Reader | None = None
) -> Shown | None:
    """Return what else to show of a passage, for the answer may stand beyond what the joint reader read; or None.

    That is the likeliest sentence there; or all that is there, of the longer side, where the character reader cannot
    tell.

    :param seen: :attr:`Read.seen`, if the character reader read the passage.
    :param reader: the one that ships with the package by default.
    """
    if len(reading.offsets) < PASSAGE:
        return None
    reader = reader or shipped_reader()
    begin, stop = reading.offsets[0][0], reading.offsets[-1][1]
    held = _told(shown.text, reader)
    if held is None or seen is None or ask(question, reader.alphabet).foreign or not _learnt(held[0]).all():
        before, behind = shown.text[:begin].strip(), shown.text[stop:].strip()
        longer = (0, begin) if len(before) > len(behind) else (stop, len(shown.text))
        return replace(shown, sentence=longer) if before or behind else None
    told, may = held
    begins, ends = told.offsets[told.starts], told.offsets[[*told.starts[1:] - 1, -1]] + 1
    beyond = (begins + 1 < begin) | (ends - 1 > stop)
    scores = np.where(may, seen[1].spans, np.float32(_IMPOSSIBLE))
    likely = np.add.reduceat(np.exp(scores - scores.max()).sum(axis=1), told.starts)
    best = int(np.argmax(likely * beyond))
    if not beyond[best] or likely[best] <= _WORTH_READING * likely.sum():
        return None
    return replace(shown, sentence=(int(begins[best]), int(ends[best])), most=FURTHER)


def _learnt(told: Told) -> Bools:
    """Return of each passage whether it is in a script that the character reader was trained on."""
    ideographs: Bools = np.add.reduceat(told.classes[:, _IDEOGRAPHS].sum(axis=1), told.borders[:-1])
    return ideographs > 0.3 * np.diff(told.borders)


def jointly(ends: Floats) -> Floats:
    """Return how likely each span is where :func:`likely_ends` says so, shape as :attr:`qa.reader.Scores.spans`."""
    spans: Floats = ends[:, :1] + ahead(ends[:, 1], _UNLIKELY)
    return spans


def likely_ends(told: Told, readings: Sequence[Reading]) -> Floats:
    """Return how likely an answer begins and ends at each character for the joint reader, log probabilities, (n, 2).

    A character stands for the token that it lies in; one that was not read is unlikely.
    """
    ends = np.full((len(told.offsets), 2), _UNLIKELY, np.float32)
    for (first, after), reading in zip(pairwise(told.borders.tolist()), readings, strict=True):
        if reading.offsets:
            likely = np.maximum(log_chances(reading.ends), np.float32(_UNLIKELY))
            offsets, (starts, stops) = told.offsets[first:after], np.array(reading.offsets).T
            token = np.maximum(np.searchsorted(starts, offsets, side="right") - 1, 0)
            within = (starts[token] <= offsets) & (offsets < stops[token])
            ends[first:after][within] = likely[token[within]]
    return ends


def _restricted(asked: Asked, told: Told, learnt: Bools, may: Bools, compared: Floats, scores: Floats) -> Floats:
    """Return the scores, far below 0 where a span cannot be an answer; by rules where the reader cannot tell.

    :param learnt: whether each passage is in a script that the reader was trained on.
    """
    ruled = np.ones(len(learnt), bool) if asked.foreign else ~learnt
    if ruled.any():
        may, scores = may.copy(), scores.copy()
    for n in np.flatnonzero(ruled):
        here = slice(*told.borders[n : n + 2])
        may[here] = of_asked_kind(asked, told.folded[here], told.classes[here], may[here])
        if not learnt[n]:
            scores[here] = by_nearness(compared[here])
    return np.where(may, scores, np.float32(_IMPOSSIBLE))


def name_alone(told: Told, scores: Floats, start: int, extra: int) -> tuple[int, int]:
    """Return the span of the one Chinese name in a longer span, without titles; the span itself otherwise.

    The training sets answer 谁 with a name, or with a name and whatever office goes before it, as it fell out.
    """
    words = told.folded[start : start + extra + 1]
    names = [(a, b) for a, b in of_kind("who", words, words) if b - a >= 2]
    if not names or told.classes[start : start + extra + 1, _KANA].any():
        return start, extra
    last = {b for _, b in names}
    if sum(match.start() in last for match in _BETWEEN.finditer(words + "、")) > 1:
        return start, extra
    most, a, b = max((float(scores[start + a, b - a - 1]), a, b) for a, b in names)
    likely = most > float(scores[start, extra]) - _FAR
    return (start + a, b - a - 1) if likely else (start, extra)


def by_nearness(compared: Floats) -> Floats:
    """Score spans by how much of the question stands around them and how little inside, as ``Scores.spans``."""
    n = len(compared)
    near = 4 * compared[:, COVER] + 4 * compared[:, NEAR]
    repeated = np.concatenate([[0], np.cumsum(compared[:, MATCHED] > 0)])
    scores = np.full((n, LONGEST), _IMPOSSIBLE, np.float32)
    for extra in range(min(LONGEST, n)):
        share = (repeated[extra + 1 :] - repeated[: n - extra]) / (extra + 1)
        scores[: n - extra, extra] = (near[: n - extra] + near[extra:]) / 2 - 8 * share
    return scores


def of_asked_kind(asked: Asked, folded: str, classes: npt.NDArray[np.uint8], may: Bools) -> Bools:
    """Keep only a passage's spans that rules take for what is asked, where there are any."""
    characters = list(folded)
    for n in np.flatnonzero(classes[:, _UPPER]).tolist():
        characters[n] = characters[n].upper()
    text = "".join(characters)
    held = np.zeros_like(may)
    kind = TYPES[int(np.argmax(asked.kind))] if asked.kind.any() else ""
    for start, end in _of_kind(kind, text, folded) if len(text) == len(folded) else []:
        if end - start <= LONGEST:
            held[start, end - start - 1] = True
    held &= may
    return held if held.any() else may


# The same passages come again with every question.
_of_kind = lru_cache(maxsize=2_000)(of_kind)


def allowed(told: Told) -> Bools:
    """Return which spans of a single passage may be an answer, shape as :attr:`qa.reader.Scores.spans`."""
    opens, closes, quoted = bounds(told.folded)
    same = (quoted[:-1, None] == ahead(quoted[1:], -1)) & (told.sentence[:, None] == ahead(told.sentence, -1))
    may: Bools = same & opens[:, None] & ahead(closes, False)
    return may


@cache
def _fitted() -> Mapping[str, Mapping[str, float]]:
    """Return the intercept and the weight of each signal, of one reader ``alone`` and of both ``together``."""
    fitted: dict[str, dict[str, float]] = json.loads(_CHANCE.read_text("utf-8"))["weights"]
    return fitted


def probability(signals: Floats, judged: float | None = None) -> float:
    """Return the probability that a span is right, from its ``SIGNALS``.

    :param judged: the joint reader's score of the passage, if it was read by both readers.
    """
    fitted = _fitted()["alone" if judged is None else "together"]
    total = fitted["intercept"] + sum(fitted[name] * float(value) for name, value in zip(SIGNALS, signals, strict=True))
    total += 0 if judged is None else fitted["judged"] * judged
    return (1 + tanh(total / 2)) / 2
