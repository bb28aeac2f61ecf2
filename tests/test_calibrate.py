from pathlib import Path

import numpy as np
import pytest

from qa.calibrate import (
    LEAST,
    LEAST_RIGHT,
    Labelled,
    apply,
    calibrate,
    cross_validated,
    fit_scale_and_shift,
    labelled,
)
from qa.errors import InvalidQuestions

SHIPPED = {"intercept": -1.0, "near": 2.0, "answer": 0.5, "threshold": 0.25}


def drawn(n: int, scale: float, shift: float, seed: int = 1) -> Labelled:
    """Return questions whose first hit is right as often as the shipped log odds × scale + shift say."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 2, n)
    confidence = 1 / (1 + np.exp(-odds))
    right = rng.random(n) < 1 / (1 + np.exp(-(scale * odds + shift)))
    return Labelled(confidence, right | (rng.random(n) < 0.2), right)


def test_rows_of_a_report_say_what_is_true() -> None:
    rows = [
        {"confidence": 0.9, "expected": True, "rank": 1},
        {"confidence": 0.5, "expected": True, "rank": 2},
        {"confidence": 0.25, "expected": False, "rank": None},
    ]
    got = labelled(rows)
    assert (got.confidence.tolist(), got.expected.tolist(), got.right.tolist()) == (
        [0.9, 0.5, 0.25],
        [True, True, False],
        [True, False, False],
    )


def test_the_fit_finds_the_scale_and_shift_that_the_questions_were_drawn_with() -> None:
    scale, shift = fit_scale_and_shift(drawn(20_000, 0.6, -0.8))
    assert (scale, shift) == (pytest.approx(0.6, abs=0.03), pytest.approx(-0.8, abs=0.06))


def test_the_fit_is_the_least_loss_of_a_grid() -> None:
    known = drawn(60, 0.5, -1.0)
    odds = np.log(known.confidence / (1 - known.confidence))

    def loss(scale: float, shift: float) -> float:
        total = scale * odds + shift
        return float((np.logaddexp(0, total) - known.right * total).sum() + ((scale - 1) ** 2 + shift**2) / 2)

    scale, shift = fit_scale_and_shift(known)
    grid = [(a, b) for a in np.linspace(-1, 3, 81) for b in np.linspace(-3, 3, 121)]
    best = min(grid, key=lambda at: loss(*at))
    assert (scale, shift) == (pytest.approx(best[0], abs=0.05), pytest.approx(best[1], abs=0.05))
    assert loss(scale, shift) <= loss(*best)


@pytest.mark.parametrize("confidence", [1e-300, 0.5, 1.0])
def test_the_fit_stays_finite_where_right_and_wrong_part_cleanly(confidence: float) -> None:
    right = np.arange(80) < 40
    scale, shift = fit_scale_and_shift(Labelled(np.where(right, 1.0, confidence), right, right))
    assert np.isfinite([scale, shift]).all()
    assert scale > 0


def test_a_question_without_hits_sways_nothing_and_stays_at_zero() -> None:
    known = drawn(100, 0.6, -0.8)
    nothing = Labelled(np.append(known.confidence, 0.0), np.append(known.expected, True), np.append(known.right, False))
    assert fit_scale_and_shift(nothing) == fit_scale_and_shift(known)
    assert apply(np.array([0.0, 0.5]), 2.0, 1.0).tolist() == [0.0, pytest.approx(1 / (1 + np.exp(-1)))]


def test_the_fitted_weights_give_the_fitted_confidence() -> None:
    fit = calibrate(drawn(200, 0.6, -0.8), SHIPPED)
    assert fit.weights == {
        "intercept": pytest.approx(-fit.scale + fit.shift),
        "near": pytest.approx(2 * fit.scale),
        "answer": pytest.approx(0.5 * fit.scale),
        "threshold": pytest.approx(0.25),
    }


@pytest.mark.parametrize(("cost", "threshold"), [(None, 0.25), (1.0, 0.5), (4.0, 0.8)])
def test_the_threshold_is_where_answering_and_declining_cost_the_same(cost: float | None, threshold: float) -> None:
    fit = calibrate(drawn(200, 0.6, -0.8), SHIPPED, cost)
    assert fit.weights["threshold"] == pytest.approx(threshold)
    assert fit.cost == pytest.approx(threshold / (1 - threshold))


def test_a_threshold_for_a_cost_costs_about_the_least_on_other_questions() -> None:
    fit, fresh = calibrate(drawn(400, 0.5, -1.5), SHIPPED, 2.0), drawn(20_000, 0.5, -1.5, seed=2)
    confidence = apply(fresh.confidence, fit.scale, fit.shift)

    def paid(threshold: float) -> float:
        answered = confidence >= threshold
        return float(np.where(answered, 2.0 * ~fresh.right, fresh.right).mean())

    least = min(paid(threshold) for threshold in np.linspace(0, 1, 101))
    assert paid(fit.weights["threshold"]) <= least + 0.01


def test_each_question_is_judged_by_a_fit_to_the_other_folds() -> None:
    known = drawn(120, 0.6, -0.8)
    got = cross_validated(known)
    kinds = list(zip(known.expected.tolist(), known.right.tolist(), strict=True))
    folds = np.array([kinds[:row].count(kind) % 10 for row, kind in enumerate(kinds)])
    for fold in range(10):
        inside = folds == fold
        expected = apply(known.confidence[inside], *fit_scale_and_shift(known.part(~inside)))
        assert got[inside].tolist() == expected.tolist()


def test_figures_before_are_the_shipped_ones_and_after_are_cross_validated() -> None:
    known = drawn(400, 0.5, -1.5)
    fit = calibrate(known, SHIPPED)
    declined = known.confidence < 0.25
    assert fit.before["recall"] == pytest.approx(declined[~known.expected].mean())
    assert fit.before["cost"] == pytest.approx(np.where(declined, known.right, ~known.right / 3).mean())
    assert fit.after["ece"] < 0.07 < 0.2 < fit.before["ece"]
    assert fit.after["cost"] < fit.before["cost"]
    assert list(fit.after["intervals"]) == ["auroc", "recall", "false", "ece", "aurc", "cost"]


@pytest.mark.parametrize(
    ("right", "wrong", "unanswerable", "told"),
    [
        (LEAST - 1, 0, LEAST, f"{LEAST - 1} answerable questions, at least {LEAST} were expected"),
        (LEAST, 0, LEAST - 1, f"{LEAST - 1} unanswerable questions (without evidence), at least {LEAST} were expected"),
        (LEAST_RIGHT - 1, LEAST, LEAST, "9 answerable questions whose first hit is right, at least 10 were expected"),
    ],
)
def test_too_few_questions_of_a_kind_are_named(right: int, wrong: int, unanswerable: int, told: str) -> None:
    n = right + wrong + unanswerable
    rows = np.arange(n)
    known = Labelled(np.linspace(0.9, 0.1, n), rows < right + wrong, rows < right)
    with pytest.raises(InvalidQuestions) as refused:
        calibrate(known, SHIPPED, path=Path("q.jsonl"))
    assert told in str(refused.value)
    assert str(refused.value).endswith("Run: qa evaluate q.jsonl --calibrate")


def test_just_enough_questions_are_taken() -> None:
    rows = np.arange(2 * LEAST)
    calibrate(Labelled(np.linspace(0.9, 0.1, 2 * LEAST), rows < LEAST, rows < LEAST_RIGHT), SHIPPED)


def test_a_confidence_that_falls_with_right_hits_is_refused() -> None:
    known = drawn(200, -0.7, 0.0)
    with pytest.raises(
        InvalidQuestions, match=r"does not rise with right first hits on these 200 questions \(scale -0"
    ):
        calibrate(known, SHIPPED)
