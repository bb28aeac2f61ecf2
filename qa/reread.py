"""The first few of a ranking, read closely: does the passage hold an answer, and which words are it (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qa.compare import asks
from qa.rank import SURE, EncodeTokens, Ranked, Weights
from qa.span import Read, read_spans
from qa.text import sentence_at

READ_DEPTH = 8
_MOST = 8.0  # the reader is trusted no further


def reread(
    question: str, ranked: Sequence[Ranked], encode_tokens: EncodeTokens, weights: Weights, depth: int = READ_DEPTH
) -> list[Ranked]:
    """Return the ranking with its first ``depth`` passages in a new order.

    :param weights: what the reader's score counts beside the ranking's: less for a question in other words, nothing
        for one without a question word, such as a title.
    :return: the passages that were read carry their best span and the features ``answer``, the reader's score, and
        ``sure``; the rest follow below them.
    """
    reach = max((item.features["cover"] for item in ranked), default=0.0)
    worth = answer_worth(question, reach, weights.answer_near, weights.answer_far)
    reads = read_spans(question, [item.candidate.text for item in ranked[:depth]], encode_tokens)
    done = [_reread(item, read, worth) for item, read in zip(ranked, reads, strict=False)]
    lowest = min((item.features["answer"] for item in done), default=0.0)
    below = worth * lowest
    rest = [Ranked(item.candidate, item.score + below, item.sentence, item.features) for item in ranked[depth:]]
    return sorted(done, key=lambda item: (-item.score, item.candidate.row)) + rest


def answer_worth(question: str, reach: float, near: float, far: float) -> float:
    """Return what the reader's score counts for a question of which ``reach`` stands in the collection."""
    return reach * near + (1 - reach) * far if asks(question) else 0.0


def found_in(item: Ranked, read: Read) -> Ranked:
    """Return a passage with the words that were found in it; if they are sure, their sentence is the best."""
    sentence = item.sentence
    if read.span is not None and read.sure >= SURE:
        sentence = sentence_at(item.candidate.text, read.span[0]) or sentence
    return replace(item, sentence=sentence, span=read.span, sure=read.sure, seen=read.seen)


def _reread(item: Ranked, read: Read, worth: float) -> Ranked:
    told = _told(read)
    features = {**item.features, **told}
    return replace(found_in(item, read), score=item.score + worth * told["answer"], features=features)


def _told(read: Read) -> dict[str, float]:
    return {"answer": float(np.clip(read.score, -_MOST, _MOST)), "sure": read.sure}
