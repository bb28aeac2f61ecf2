"""The first few of a ranking, read closely: does the passage hold an answer, and which words are it (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qa.rank import SURE, EncodeTokens, Ranked, Weights
from qa.span import read_span
from qa.text import sentences

READ_DEPTH = 8
_MOST = 8.0  # the reader is trusted no further


def reread(
    question: str, ranked: Sequence[Ranked], encode_tokens: EncodeTokens, weights: Weights, depth: int = READ_DEPTH
) -> list[Ranked]:
    """Return the ranking with its first ``depth`` passages in a new order.

    :param weights: what the reader's score counts beside the ranking's; less for a question in other words.
    :return: the passages that were read carry the feature ``answer`` and their best span; the rest follow below them.
    """
    reach = max((item.features["cover"] for item in ranked), default=0.0)
    worth = reach * weights.answer_near + (1 - reach) * weights.answer_far
    done = [_read(question, item, encode_tokens, worth) for item in ranked[:depth]]
    lowest = min((item.features["answer"] for item in done), default=0.0)
    rest = [replace(item, score=item.score + worth * lowest) for item in ranked[depth:]]
    return sorted(done, key=lambda item: (-item.score, item.candidate.row)) + rest


def answer_score(question: str, passage: str, encode_tokens: EncodeTokens) -> float:
    """Return the reader's score of a passage, within bounds (:class:`qa.span.Read`)."""
    return _bounded(read_span(question, passage, encode_tokens).score)


def _read(question: str, item: Ranked, encode_tokens: EncodeTokens, worth: float) -> Ranked:
    passage = item.candidate.text
    read = read_span(question, passage, encode_tokens)
    score = _bounded(read.score)
    sentence = item.sentence
    if read.span is not None and read.sure >= SURE:
        sentence = next((s for s in sentences(passage) if s[0] <= read.span[0] < s[1]), sentence)
    return replace(
        item,
        score=item.score + worth * score,
        sentence=sentence,
        features={**item.features, "answer": score},
        span=read.span,
        sure=read.sure,
    )


def _bounded(score: float) -> float:
    return float(np.clip(score, -_MOST, _MOST))
