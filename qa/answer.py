"""Hits → ``Answer``: which sentence answers, how sure we are, and whether to decline (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from math import tanh
from pathlib import Path

from qa.records import Answer, Hit, Span

SHOWN_SPAN = 0.3  # on the questions that settings are chosen on, five of six spans above it are right
_WEIGHTS_FILE = Path(__file__).with_name("confidence.json")


@cache
def shipped_weights() -> Mapping[str, float]:
    """Return the intercept, the weight of each signal and the threshold, as fitted by ``python -m training.rank``."""
    fitted: dict[str, float] = json.loads(_WEIGHTS_FILE.read_text("utf-8"))["weights"]
    return fitted


def confidence(signals: Mapping[str, float], weights: Mapping[str, float] | None = None) -> float:
    """Return the probability that the first hit answers.

    :param signals: the first hit's ranking features (``qa.rank.FEATURES``); a missing one counts as 0.
    :param weights: :func:`shipped_weights` by default, or those calibrated to an index.

    Logistic regression, fitted on public question sets with and without their answering passage.
    """
    weights = weights or shipped_weights()
    total = weights["intercept"] + sum(value * weights.get(name, 0.0) for name, value in signals.items())
    return (1 + tanh(total / 2)) / 2


def answer(
    question: str,
    hits: Sequence[Hit],
    signals: Mapping[str, float],
    span: Span | None = None,
    span_chance: float = 0.0,
    weights: Mapping[str, float] | None = None,
) -> Answer:
    """Decide on an answer; without hits, or below the threshold, decline and keep the hits as near misses.

    :param span: the words of the first hit that may be the answer; not shown if ``span_chance`` is too low.
    :param weights: of the confidence, with its threshold; by default :func:`shipped_weights`.
    """
    if not hits:
        return Answer(question, False, 0.0, (), None, None)
    weights = weights or shipped_weights()
    sure = confidence(signals, weights)
    if sure < weights["threshold"]:
        return Answer(question, False, sure, tuple(hits), None, None)
    shown = span if span_chance >= SHOWN_SPAN else None
    return Answer(question, True, sure, tuple(hits), hits[0].evidence, shown)
