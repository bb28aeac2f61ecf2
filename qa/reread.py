"""The first few of a ranking, read closely: does the passage hold an answer, and which words are it (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from qa.rank import EncodeTokens, Ranked
from qa.reader import Asked, Told, ask, compare, shipped_reader, tell
from qa.span import choose, link, probability

READ_DEPTH = 8
_SCORES = (-8.0, 8.0)  # the reader is no surer than this


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader makes of a passage.

    ``score``: the log odds of an answer in it against none; ``span``: the best words, offsets into the passage, or
    None; ``sure``: the probability that they are right.
    """

    score: float
    span: tuple[int, int] | None
    sure: float


def reread(question: str, ranked: Sequence[Ranked], encode_tokens: EncodeTokens, worth: float) -> list[Ranked]:
    """Return the ranking with its first ``READ_DEPTH`` passages in a new order.

    :param worth: what the reader's score counts beside the ranking's.
    :return: the passages that were read carry the feature ``answer`` and their best span; the rest follow below them.
    """
    asked = ask(question, shipped_reader().alphabet)
    done = []
    for item in ranked[:READ_DEPTH]:
        reading = read(asked, item.candidate.text, encode_tokens)
        score = item.score + worth * reading.score
        features = {**item.features, "answer": reading.score}
        done.append(replace(item, score=score, features=features, span=reading.span, sure=reading.sure))
    lowest = min((item.features["answer"] for item in done), default=0.0)
    rest = [replace(item, score=item.score + worth * lowest) for item in ranked[READ_DEPTH:]]
    return sorted(done, key=lambda item: (-item.score, item.candidate.row)) + rest


def read(asked: Asked, passage: str, encode_tokens: EncodeTokens) -> Reading:
    """Read one passage for a question.

    The scores of all its spans compete with a fixed one for no answer, which makes passages comparable
    (Clark and Gardner 2018, shared normalisation).
    """
    told = _told(passage)
    if not len(asked.ids) or not len(told.ids):
        return Reading(_SCORES[0], None, 0.0)
    linked = link(asked, told, encode_tokens) if asked.foreign else None
    compared = compare(asked, told, linked)
    scores = shipped_reader().read(asked, told, compared)
    most = float(scores.max())
    score = float(np.clip(most + np.log(np.exp(scores - most).sum()), *_SCORES))
    chosen = choose(asked, told, compared, scores)
    if chosen is None:
        return Reading(score, None, 0.0)
    span = (told.offsets[chosen.start], told.offsets[chosen.end - 1] + 1)
    return Reading(score, span, probability(chosen.signals))


@lru_cache(maxsize=2_000)
def _told(passage: str) -> Told:
    return tell(passage, shipped_reader().alphabet)
