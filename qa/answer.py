"""Hits → ``Answer``: which sentence answers, how sure we are, and whether to decline (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import tanh
from pathlib import Path

from qa.records import Answer, Finding, Hit
from qa.text import fold

SHOWN_SPAN = 0.3  # on the questions that settings are chosen on, five of six spans above it are right
# Below this sum of late interaction, cosine and half the share of the question that translates, a passage has nothing
# to do with the question, and a regression fitted on questions that do have something to do with their passages says
# nothing. On the public sets, with and without what answers, such a first hit is right in 0.71 of all cases where the
# reader of both says that it answers, in 0.37 where its vector lies as near as this, else in 0.08.
_LEAST_MET = 0.36
_NEAR = 0.32
_TRANSLATED = 0.5
_LESS_MET = 0.1  # share of the question's term weight
_SURE_OF_SEVERAL = 0.5  # an answer that stands beside others has to be likelier right than wrong
_WEIGHTS_FILE = Path(__file__).with_name("confidence.json")


@cache
def shipped_weights() -> Mapping[str, float]:
    """Return the intercept, the weight of each signal and the threshold, as fitted by ``python -m training.rank``."""
    fitted: dict[str, float] = json.loads(_WEIGHTS_FILE.read_text("utf-8"))["weights"]
    return fitted


def confidence(signals: Mapping[str, float], weights: Mapping[str, float] | None = None) -> float:
    """Return the probability that the first hit answers.

    :param signals: the first hit's (:func:`qa.rank.signals`); a missing one counts as 0.
    :param weights: :func:`shipped_weights` by default, or those calibrated to an index.

    Logistic regression, fitted on public question sets with and without their answering passage.
    """
    weights = weights or shipped_weights()
    total = weights["intercept"] + sum(value * weights.get(name, 0.0) for name, value in signals.items())
    return (1 + tanh(total / 2)) / 2


def answer(
    question: str,
    hits: Sequence[Hit],
    signals: Sequence[Mapping[str, float]],
    weights: Mapping[str, float] | None = None,
) -> Answer:
    """Decide on an answer; without hits, or below the threshold, decline and keep the hits as near misses.

    The confidence in a passage that has nothing to do with the question, lies far from it and is no answer for the
    reader stays below the threshold.

    :param signals: those of each hit (:func:`qa.rank.signals`).
    :param weights: of the confidence, with its threshold; by default :func:`shipped_weights`.
    """
    if not hits:
        return Answer(question, False, 0.0, (), None, None)
    weights = weights or shipped_weights()
    sure = confidence(signals[0], weights)
    if _met(signals[0]) < _LEAST_MET and signals[0].get("joint", 0.0) <= 0 and signals[0].get("alike", 0.0) < _NEAR:
        sure = min(sure, weights["threshold"] / 2)
    if sure < weights["threshold"]:
        return Answer(question, False, sure, tuple(hits), None, None)
    return Answer(question, True, sure, tuple(hits), hits[0].evidence, hits[0].span, findings(hits, signals))


def _met(signals: Mapping[str, float]) -> float:
    translated = signals.get("translated", 0.0) * signals.get("found", 0.0)
    return signals.get("late", 0.0) + signals.get("dense", 0.0) + _TRANSLATED * translated


def findings(hits: Sequence[Hit], signals: Sequence[Mapping[str, float]]) -> tuple[Finding, ...]:
    """Return the different answers that several documents give, best first; none if they agree or only one has any.

    A document speaks through its first hit with words of its own, and only if it meets about as much of the question
    as the best one: one that the question names leaves no room for the others.
    """
    least = signals[0].get("cover_document", 0.0) - _LESS_MET
    found: dict[str, Finding] = {}
    heard: set[str] = set()
    for hit, met in zip(hits, signals, strict=True):
        document = hit.passage.document_id
        sure = met.get("sure", 0.0) >= _SURE_OF_SEVERAL and met.get("cover_document", 0.0) >= least
        if hit.span is None or document in heard or not sure:
            continue
        heard.add(document)
        words = "".join(fold(hit.span.text).split())
        if words in found:
            found[words] = replace(found[words], also_in=(*found[words].also_in, document))
        else:
            found[words] = Finding(hit.span.text, document, hit.span.start, hit.span.end)
    return tuple(found.values()) if len(found) > 1 else ()
