"""The best of a ranking that stand close together: put in order by vectors, and the first few read (pure).

The first is always read together with the question, for the words that answer; most often it leads by more than reading
could change. Of a question in another language than the pages, the ranking knows less, so more of it is looked at, and
the vectors, which know all languages, count for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from qa.joint import Reading
from qa.packer import Shown
from qa.rank import EncodeTokens, Ranked
from qa.reread import found_in
from qa.span import Seen, left_unread, read_spans

MOST_READ = 4
MARGIN = 2.0  # what lies farther behind the first, vectors included, is not read
FAR = 0.15  # a question of which no passage holds more is in other words than the pages
ANSWERS, HOPELESS = 2.0, -6.0  # the judge's scores of a passage that most likely answers, and that hardly can
_MOST = 5.0  # the reader is trusted no further in ordering
_LEAST = -12.0  # and no less is told apart


@dataclass(frozen=True, slots=True)
class Close:
    """How many passages at most, and how far behind the first, stand close; what a cosine counts beside the score.

    ``trust``: the share of its weight that the judge's score counts.
    """

    most: int
    margin: float
    alike: float
    trust: float


NEAR_BY, FAR_OFF = Close(10, 5.0, 10.0, 1.0), Close(100, 15.0, 16.0, 0.7)


class Judge(Protocol):
    """Tells how well passages answer and where, as :class:`qa.joint.JointReader`."""

    def read(self, question: str, passages: Sequence[Shown]) -> list[Reading]:
        """Read passages, each as if there were no others."""

    def alike(self, question: str, passages: Sequence[Shown]) -> list[float]:
        """Return how near passages lie to a question."""


def read_closely(
    question: str, ranked: Sequence[Ranked], judge: Judge, encode_tokens: EncodeTokens, weight: float
) -> list[Ranked]:
    """Return the ranking with those in another order that lie within a margin of the first.

    :param weight: what the judge's score counts beside the ranking's; with 0, the order stays and only words are read.
    :return: whatever stands in a place has that place's score. Those that were read, which come first, carry the words
        that both readers find and the feature ``joint``, the judge's score. ``alike`` is the cosine.
    """
    if not ranked:
        return []
    reach = FAR_OFF if ranked[0].features.get("reach", 1.0) < FAR else NEAR_BY
    close = [item for item in ranked[: reach.most] if item.score >= ranked[0].score - reach.margin]
    alike = judge.alike(question, [_shown(item) for item in close])
    close = [
        replace(item, features={**item.features, "alike": cosine}) for item, cosine in zip(close, alike, strict=True)
    ]
    if weight:
        close = _ordered([replace(item, score=item.score + reach.alike * item.features["alike"]) for item in close])
    first = [item for item in close[:MOST_READ] if item.score >= close[0].score - MARGIN]
    read = _read(question, first, judge, encode_tokens)
    if weight:
        read = _ordered(read, reach.trust * weight)
    order = [*read, *close[len(read) :]]
    placed = (replace(item, score=place.score) for item, place in zip(order, ranked, strict=False))
    return [*placed, *ranked[len(order) :]]


def _ordered(items: Sequence[Ranked], weight: float = 0.0) -> list[Ranked]:
    return sorted(items, key=lambda item: -item.score - weight * max(-_MOST, item.features.get("joint", 0.0)))


def _shown(item: Ranked) -> Shown:
    return Shown(item.candidate.heading, item.candidate.text, item.sentence)


def _read(question: str, items: Sequence[Ranked], judge: Judge, encode_tokens: EncodeTokens) -> list[Ranked]:
    shown = [_shown(item) for item in items]
    seen = [item.seen for item in items]
    readings = read_on(question, shown, judge.read(question, shown), seen, judge)
    reads = read_spans(question, [one.text for one in shown], encode_tokens, readings=readings, seen=seen)
    done = []
    for item, read, reading in zip(items, reads, readings, strict=True):
        features = {**item.features, "sure": read.sure, "joint": max(_LEAST, min(_MOST, reading.score))}
        done.append(replace(found_in(item, read), features=features))
    return done


def read_on(
    question: str, shown: Sequence[Shown], readings: Sequence[Reading], seen: Sequence[Seen | None], judge: Judge
) -> list[Reading]:
    """Return readings of passages, with a second window of those in which the answer may stand beyond the first.

    If what was read answers already, nothing more is read; and no more of what has nothing to do with the question,
    unless the ranking has it first. Of CMRC trial's questions the right sentence is found for 0.81 with one window,
    0.845 with two, and for as many with a second of 128 tokens.
    """
    if any(one.score >= ANSWERS for one in readings):
        return list(readings)
    others = {}
    for n, (one, reading, known) in enumerate(zip(shown, readings, seen, strict=True)):
        other = left_unread(question, one, reading, known) if n == 0 or reading.score > HOPELESS else None
        if other is not None:
            others[n] = other
    further = dict(zip(others, judge.read(question, list(others.values())), strict=True)) if others else {}
    return [one.beside(further[n]) if n in further else one for n, one in enumerate(readings)]
