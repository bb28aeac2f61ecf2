"""The first few of a ranking that stand close together, each read together with the question (pure).

Most questions have a first passage that leads by more than reading could change, and cost nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from qa.joint import Shown
from qa.rank import Ranked

MOST_READ = 3
MARGIN = 1.5
_MOST = 5.0  # the reader is trusted no further


class Judge(Protocol):
    """Tells how well passages answer, as :class:`qa.joint.JointReader`."""

    def score(self, question: str, passages: Sequence[Shown]) -> list[float]:
        """Return the log odds that each answers."""


def read_closely(question: str, ranked: Sequence[Ranked], judge: Judge, weight: float) -> list[Ranked]:
    """Return the ranking with the best of those first that lie within ``MARGIN`` of the first.

    :param weight: what the judge's score counts beside the ranking's.
    :return: only the one that is put first is moved, and takes the first one's score.
    """
    close = [item for item in ranked[:MOST_READ] if item.score >= ranked[0].score - MARGIN]
    if len(close) < 2:
        return list(ranked)
    shown = [Shown(item.candidate.heading, item.candidate.text, item.sentence) for item in close]
    judged = [max(-_MOST, min(_MOST, score)) for score in judge.score(question, shown)]
    best = max(range(len(close)), key=lambda n: (close[n].score + weight * judged[n], -n))
    return [replace(close[best], score=ranked[0].score), *ranked[:best], *ranked[best + 1 :]]
