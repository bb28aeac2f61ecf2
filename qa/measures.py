"""The numbers of an evaluation: ranking metrics, intervals, declining, answer words. Pure, no input or output."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import comb

import ir_measures
import numpy as np
import numpy.typing as npt
from ir_measures import RR, R, Success, nDCG

from qa.text import fold

FloatArray = npt.NDArray[np.float64]

_MEASURES = {
    "success@1": Success @ 1,
    "success@5": Success @ 5,
    "success@10": Success @ 10,
    "recall@10": R @ 10,
    "mrr@10": RR @ 10,
    "ndcg@10": nDCG @ 10,
}
METRICS = tuple(_MEASURES)
DEPTH = 10

_RESAMPLES = 1000
_SEED = 20250101
TAILS = (0.025, 0.975)
_ARTICLES = frozenset({"a", "an", "the"})
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def score_rankings(rankings: Sequence[Sequence[str]], relevance: Sequence[Mapping[str, int]]) -> FloatArray:
    """Return every metric of every question.

    :param rankings: per question, ids best first; an id that is repeated counts at its first place.
    :param relevance: per question, at least one id with a grade of 1 or more.
    :return: shape (n, len(METRICS)), columns in the order of ``METRICS``.

    Gains of nDCG are the grades themselves, as in trec_eval; every other metric counts a grade of 1 or more as right.
    """
    qrels = {str(row): dict(grades) for row, grades in enumerate(relevance)}
    # Strictly falling scores: trec_eval breaks ties by id, which would not be the order that was shown.
    runs = {
        str(row): {item: float(place) for place, item in enumerate(reversed(ranking), 1)}
        for row, ranking in enumerate(rankings)
        if ranking
    }
    columns = {measure: column for column, measure in enumerate(_MEASURES.values())}
    scores = np.zeros((len(rankings), len(METRICS)))
    if runs:
        for metric in ir_measures.iter_calc(list(columns), qrels, runs):
            scores[int(metric.query_id), columns[metric.measure]] = metric.value
    return scores


def first_right(ranking: Sequence[str], grades: Mapping[str, int]) -> int | None:
    """Return the rank, from 1, of the first id with a grade of 1 or more, or None."""
    return next((rank for rank, item in enumerate(ranking, 1) if grades.get(item, 0) >= 1), None)


def mean_intervals(values: FloatArray) -> list[list[float]]:
    """Return the 95 % interval of each column's mean.

    :param values: shape (n, m), one row a question, n at least 1.
    :return: m pairs [low, high]: percentiles of 1,000 seeded bootstrap resamples of the rows.
    """
    low, high = np.quantile(resample(len(values)) @ values, TAILS, axis=0)  # (resamples, m) -> (m,) twice
    return [[float(a), float(b)] for a, b in zip(low, high, strict=True)]


def mean(values: Sequence[float] | FloatArray) -> tuple[float | None, list[float] | None]:
    """Return a mean and its 95 % interval, None where there is nothing to measure."""
    if not len(values):
        return None, None
    return float(np.mean(values)), mean_intervals(np.asarray(values, dtype=np.float64)[:, None])[0]


def auroc(positive: FloatArray, negative: FloatArray) -> float | None:
    """Return how often a positive outranks a negative, a tie counting half; None where either is missing."""
    if not len(positive) or not len(negative):
        return None
    return float(
        _weighted_auroc(positive, negative, *(np.full((1, len(x)), 1 / len(x)) for x in (positive, negative)))[0]
    )


def auroc_interval(positive: FloatArray, negative: FloatArray) -> list[float] | None:
    """Return the 95 % bootstrap interval of ``auroc``, both sides resampled; None where it is undefined."""
    if not len(positive) or not len(negative):
        return None
    weights = resample(len(positive)), resample(len(negative), _SEED + 1)
    low, high = np.quantile(_weighted_auroc(positive, negative, *weights), TAILS)
    return [float(low), float(high)]


def resample(n: int, seed: int = _SEED) -> FloatArray:
    """Return the weight of each of n rows in each resample, shape (resamples, n); rows sum to 1."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=_RESAMPLES) / n


def exact_mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided p of as uneven a split of the flips when each way is equally likely; 1 without flips.

    Exact form of McNemar's test (1947): the sign test on the discordant pairs.
    """
    flips = gained + lost
    tail = sum(comb(flips, count) for count in range(min(gained, lost) + 1))
    return float(min(1, 2 * tail / 2**flips))


def overlaps_half(start: int, end: int, quote_start: int, quote_end: int) -> bool:
    """Say whether a stretch covers at least half of a quote, in characters."""
    return 2 * (min(end, quote_end) - max(start, quote_start)) >= quote_end - quote_start


def occurrences(text: str, quote: str) -> list[tuple[int, int]]:
    """Return every place where a quote stands word for word, overlapping ones too; none for an empty quote."""
    found = []
    at = text.find(quote) if quote.strip() else -1
    while at >= 0:
        found.append((at, at + len(quote)))
        at = text.find(quote, at + 1)
    return found


def holds_answer(text: str, answers: Iterable[str]) -> bool:
    """Say whether a text holds one of the answers, folded and without regard to white space."""
    folded = "".join(fold(text).split())
    return any(wanted in folded for wanted in ("".join(fold(answer).split()) for answer in answers) if wanted)


def span_scores(predicted: str, answers: Sequence[str]) -> tuple[float, float]:
    """Return exact match and F1 of the answer words against the best fitting label.

    :param predicted: the words found; empty when declined, which scores 0.
    :param answers: labelled answers, at least one.

    SQuAD's normalisation (Rajpurkar et al. 2016) on folded text. A token is a word, or one character of a script
    written without spaces.
    """
    found = _answer_tokens(predicted)
    pairs = [(float(found == wanted), _token_f1(found, wanted)) for wanted in map(_answer_tokens, answers)]
    return (max(exact for exact, _ in pairs), max(f1 for _, f1 in pairs)) if found else (0.0, 0.0)


def _weighted_auroc(
    positive: FloatArray, negative: FloatArray, positive_weights: FloatArray, negative_weights: FloatArray
) -> FloatArray:
    order = np.argsort(negative)
    below = np.cumsum(negative_weights[:, order], axis=1)  # (resamples, n)
    below = np.concatenate([np.zeros((len(below), 1)), below], axis=1)
    first = np.searchsorted(negative[order], positive, side="left")
    last = np.searchsorted(negative[order], positive, side="right")
    beaten = (below[:, first] + below[:, last]) / 2
    return np.asarray((positive_weights * beaten).sum(axis=1), dtype=np.float64)


def _answer_tokens(text: str) -> list[str]:
    spaced = " ".join(fold(text).split())
    kept = "".join(char for char in spaced if unicodedata.category(char)[0] not in "PSC")
    return [token for token in _UNSPACED.sub(r" \g<0> ", kept).split() if token not in _ARTICLES]


def _token_f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    shared = (Counter(found) & Counter(wanted)).total()
    return 2 * shared / (len(found) + len(wanted)) if shared else 0.0
