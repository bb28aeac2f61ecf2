"""Labelled questions as a report has them → the confidence fitted to them (pure).

A scale and a shift of the shipped confidence's log odds (Platt 1999): two numbers, which some dozens of questions
determine, drawn towards leaving it as it is. They keep the order of questions, so what they mend is the probability
and, with it, where to decline; they cannot tell apart what the shipped confidence cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qa.errors import InvalidQuestions
from qa.measures import FloatArray, mean
from qa.records import Fit
from qa.reliability import BoolArray, decline_figures

LEAST = 20
LEAST_RIGHT = 10
FOLDS = 10
_FIGURES = ("auroc", "recall", "false", "ece", "ece_by_chance", "aurc")
_PULL = 1.0  # the precision of the prior on scale and shift: a standard deviation of 1 each
_STEPS = 50
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Labelled:
    """What the shipped confidence said of each question's first hit, and what is true; arrays of shape (n,)."""

    confidence: FloatArray
    expected: BoolArray
    right: BoolArray

    def part(self, rows: BoolArray) -> Labelled:
        """Return some of the questions."""
        return Labelled(self.confidence[rows], self.expected[rows], self.right[rows])


def labelled(rows: Sequence[Mapping[str, Any]]) -> Labelled:
    """Read a report's ``per_question``, measured with the shipped confidence."""
    return Labelled(
        np.array([row["confidence"] for row in rows], dtype=np.float64),
        np.array([row["expected"] for row in rows], dtype=bool),
        np.array([row["rank"] == 1 for row in rows], dtype=bool),
    )


def calibrate(known: Labelled, shipped: Mapping[str, float], cost: float | None = None, path: Path = Path()) -> Fit:
    """Fit the probability that the first hit answers, and the threshold below which to decline.

    :param known: at least ``LEAST`` answerable and as many unanswerable questions; in about the mix in which they
        will be asked, for the mix decides how probable an answer is.
    :param shipped: the weights of the confidence that ``known`` holds, with ``intercept`` and ``threshold``.
    :param cost: what a wrong answer costs, above 0, where declining a right one costs 1; by default what the shipped
        threshold stands for.
    :param path: the question file, for errors.
    :return: ``threshold`` is cost / (1 + cost), above which answering costs less than declining (Elkan 2001).
    :raises InvalidQuestions: if there are too few questions of a kind, or the confidence does not rise with right hits.
    """
    _check(known, path)
    if cost is None:
        cost = shipped["threshold"] / (1 - shipped["threshold"])
    threshold = cost / (1 + cost)
    scale, shift = fit_scale_and_shift(known)
    if scale <= 0:
        raise InvalidQuestions(
            path,
            f"the confidence does not rise with right first hits on these {len(known.right)} questions (scale "
            f"{scale:.2f}), so no threshold on it can help. Check the labels; run: qa evaluate {path}",
        )
    weights = {name: scale * value for name, value in shipped.items()}
    weights |= {"intercept": weights["intercept"] + shift, "threshold": threshold}
    return Fit(
        weights,
        scale,
        shift,
        cost,
        before=_figures(known, known.confidence, shipped["threshold"], cost),
        after=_figures(known, cross_validated(known), threshold, cost),
    )


def fit_scale_and_shift(known: Labelled) -> tuple[float, float]:
    """Return the scale and shift of the log odds that make right and wrong first hits most probable.

    Newton's method on a strictly convex loss; a question without hits, whose confidence is 0, is left out.
    """
    found = known.confidence > 0
    odds = _log_odds(known.confidence[found])
    x = np.stack([odds, np.ones_like(odds)], axis=1)  # (n, 2)
    right = known.right[found]
    prior = np.array([1.0, 0.0])
    now = prior
    for _ in range(_STEPS):
        chances = _chances(x @ now)
        slope = x.T @ (chances - right) + _PULL * (now - prior)
        curvature = x.T @ (x * (chances * (1 - chances))[:, None]) + _PULL * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        now = now - _damped(x, right, now, step, prior) * step
        if np.abs(step).max() < 1e-9:
            break
    return float(now[0]), float(now[1])


def cross_validated(known: Labelled) -> FloatArray:
    """Return the calibrated confidence of each question by a fit to the other folds.

    Each fold has about the same share of right first hits, of wrong ones and of unanswerable questions.
    """
    kinds = known.expected + 2 * known.right
    folds = np.empty(len(kinds), dtype=np.int64)
    for kind in np.unique(kinds):
        folds[kinds == kind] = np.arange((kinds == kind).sum()) % FOLDS
    calibrated = np.zeros(len(kinds))
    for fold in range(FOLDS):
        inside = folds == fold
        calibrated[inside] = apply(known.confidence[inside], *fit_scale_and_shift(known.part(~inside)))
    return calibrated


def apply(confidence: FloatArray, scale: float, shift: float) -> FloatArray:
    """Return the calibrated confidence; 0, which stands for no hits, stays."""
    return np.where(confidence > 0, _chances(scale * _log_odds(confidence) + shift), 0.0)


def _check(known: Labelled, path: Path) -> None:
    answerable = int(known.expected.sum())
    counts = {
        "answerable questions": (answerable, LEAST),
        "unanswerable questions (without evidence)": (len(known.expected) - answerable, LEAST),
        "answerable questions whose first hit is right": (int(known.right.sum()), LEAST_RIGHT),
    }
    short = [f"{got} {what}, at least {least} were expected" for what, (got, least) in counts.items() if got < least]
    if short:
        raise InvalidQuestions(
            path,
            f"is too small to calibrate on: {'; '.join(short)}. Add questions. Run: qa evaluate {path} --calibrate",
        )


def _figures(known: Labelled, confidence: FloatArray, threshold: float, cost: float) -> dict[str, Any]:
    answered = confidence >= threshold
    figures, intervals = decline_figures(confidence, answered, known.expected, known.right)
    paid, paid_interval = mean(np.where(answered, cost * ~known.right, known.right))
    return {
        **{name: figures[name] for name in _FIGURES},
        "cost": paid,
        "intervals": {**intervals, "cost": paid_interval},
    }


def _damped(x: FloatArray, right: BoolArray, now: FloatArray, step: FloatArray, prior: FloatArray) -> float:
    """Return the longest of 1, ½, ¼, … of a step that does not raise the loss."""

    def loss(at: FloatArray) -> float:
        total = x @ at
        return float((np.logaddexp(0, total) - right * total).sum() + _PULL * ((at - prior) ** 2).sum() / 2)

    start, size = loss(now), 1.0
    while loss(now - size * step) > start and size > 1e-6:
        size /= 2
    return size


def _log_odds(confidence: FloatArray) -> FloatArray:
    inside = np.clip(confidence, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)), dtype=np.float64)


def _chances(odds: FloatArray) -> FloatArray:
    return np.asarray((1 + np.tanh(odds / 2)) / 2, dtype=np.float64)
