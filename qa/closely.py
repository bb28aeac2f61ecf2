"""The first few of a ranking that stand close together, each read together with the question (pure).

The first is always read so, for the words that answer; most often it leads by more than reading could change, and
nothing else is. Of a question in another language than the pages, the ranking knows less, so more of it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from qa.joint import Reading, Shown
from qa.rank import EncodeTokens, Ranked
from qa.reread import found_in
from qa.span import read_spans

MOST_READ = 3
MARGIN = 1.5
FAR = 0.15  # a question of which no passage holds more is in other words than the pages
MOST_READ_FAR = 8
MARGIN_FAR = 3.0
_MOST = 5.0  # the reader is trusted no further


class Judge(Protocol):
    """Tells how well passages answer and where, as :class:`qa.joint.JointReader`."""

    def read(self, question: str, passages: Sequence[Shown]) -> list[Reading]:
        """Read passages, each as if there were no others."""


def read_closely(
    question: str, ranked: Sequence[Ranked], judge: Judge, encode_tokens: EncodeTokens, weight: float
) -> list[Ranked]:
    """Return the ranking with the best of those first that lie within a margin of the first.

    :param weight: what the judge's score counts beside the ranking's.
    :return: only the one that is put first is moved, and takes the first one's score. Those that were read carry the
        words that both readers find and the feature ``joint``, the judge's score.
    """
    if not ranked:
        return []
    far = ranked[0].features.get("reach", 1.0) < FAR
    most, margin = (MOST_READ_FAR, MARGIN_FAR) if far else (MOST_READ, MARGIN)
    close = [item for item in ranked[:most] if item.score >= ranked[0].score - margin]
    shown = [Shown(item.candidate.heading, item.candidate.text, item.sentence) for item in close]
    readings = judge.read(question, shown)
    seen = [item.seen for item in close]
    reads = read_spans(question, [one.text for one in shown], encode_tokens, readings=readings, seen=seen)
    done = []
    for item, read, reading in zip(close, reads, readings, strict=True):
        judged = max(-_MOST, min(_MOST, reading.score))
        features = {**item.features, "sure": read.sure, "joint": judged}
        done.append(replace(found_in(item, read), features=features))
    best = max(done, key=lambda item: item.score + weight * item.features["joint"])
    others = [item for item in done if item is not best]
    return [replace(best, score=ranked[0].score), *others, *ranked[len(done) :]]
