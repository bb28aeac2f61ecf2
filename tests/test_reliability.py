import numpy as np
import pytest

from qa.reliability import (
    calibration_error,
    calibration_error_by_chance,
    calibration_error_interval,
    decline_figures,
    reliability_bins,
    risk_area,
    risk_area_interval,
    risk_coverage,
    wilson_interval,
)

CONFIDENCE = np.array([0.05, 0.15, 0.15, 0.95, 1.0])
RIGHT = np.array([0.0, 1.0, 0.0, 1.0, 1.0])
NONE = np.array([])


def test_calibration_error_is_the_weighed_gap_of_each_bin() -> None:
    # Gaps: 0.05 in the first bin; 0.35 in the second, twice; 0.025 in the last, twice.
    assert calibration_error(CONFIDENCE, RIGHT) == pytest.approx((0.05 + 2 * 0.35 + 2 * 0.025) / 5)
    assert calibration_error(NONE, NONE) is None


def test_bins_are_those_that_hold_a_question() -> None:
    got = reliability_bins(CONFIDENCE, RIGHT)
    assert [(one["low"], one["high"], one["n"], one["right"]) for one in got] == [
        (0.0, 0.1, 1, 0.0),
        (0.1, 0.2, 2, 0.5),
        (0.9, 1.0, 2, 1.0),
    ]
    assert [one["confidence"] for one in got] == pytest.approx([0.05, 0.15, 0.975])
    assert got[1]["interval"] == wilson_interval(0.5, 2)
    assert reliability_bins(NONE, NONE) == []


@pytest.mark.parametrize(
    ("share", "n", "interval"), [(0.0, 10, (0.0, 0.2775)), (0.5, 10, (0.2366, 0.7634)), (1.0, 4, (0.5101, 1.0))]
)
def test_wilson_interval(share: float, n: int, interval: tuple[float, float]) -> None:
    assert wilson_interval(share, n) == pytest.approx(list(interval), abs=5e-5)


def test_the_interval_of_the_error_lies_about_the_true_one() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.2, 1, 2000)
    low, high = calibration_error_interval(confidence, (rng.random(2000) < confidence - 0.2).astype(float))
    assert 0.15 < low < 0.2 < high < 0.25
    exact = rng.random(200)
    low, high = calibration_error_interval(exact, (rng.random(200) < exact).astype(float))
    assert low == 0.0  # the plain percentile would be above 0.03
    assert 0.0 < high < 0.08
    assert calibration_error_interval(NONE, NONE) is None


def test_an_error_by_chance_falls_with_the_square_root_of_the_questions() -> None:
    few, many = (calibration_error_by_chance(np.full(n, 0.5)) for n in (100, 400))
    # One bin: the mean distance of a binomial share from a half, √(2/π) · 0.5/√n.
    assert few == pytest.approx(0.0399, abs=0.003)
    assert many == pytest.approx(few / 2, rel=0.1)
    assert calibration_error_by_chance(NONE) is None


def test_risk_is_the_share_wrong_among_the_surest() -> None:
    confidence, right = np.array([0.2, 0.9, 0.4, 0.6]), np.array([0.0, 1.0, 1.0, 0.0])
    assert risk_coverage(confidence, right) == [
        {"coverage": 0.25, "risk": 0.0, "threshold": 0.9},
        {"coverage": 0.5, "risk": 0.5, "threshold": 0.6},
        {"coverage": 0.75, "risk": pytest.approx(1 / 3), "threshold": 0.4},
        {"coverage": 1.0, "risk": 0.5, "threshold": 0.2},
    ]
    assert risk_area(confidence, right) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert (risk_coverage(NONE, NONE), risk_area(NONE, NONE), risk_area_interval(NONE, NONE)) == ([], None, None)


def test_equally_sure_questions_share_their_risk_in_any_order() -> None:
    same = np.full(4, 0.5)
    assert risk_area(same, np.array([1.0, 1.0, 1.0, 0.0])) == pytest.approx(0.25)
    assert risk_area(same, np.array([0.0, 1.0, 1.0, 1.0])) == pytest.approx(0.25)


def test_the_interval_of_the_area_lies_about_it() -> None:
    rng = np.random.default_rng(4)
    confidence = rng.random(400)
    right = (rng.random(400) < confidence).astype(float)
    low, high = risk_area_interval(confidence, right)
    assert low < risk_area(confidence, right) < high
    assert 0.05 < high - low < 0.15


def test_declining_is_measured_between_kinds_and_calibration_over_all() -> None:
    expected = np.array([True, True, True, False, False])
    right = np.array([True, False, True, False, False])
    confidence = np.array([0.9, 0.5, 0.3, 0.4, 0.1])
    figures, intervals = decline_figures(confidence, confidence >= 0.35, expected, right)
    assert figures["auroc"] == pytest.approx(5 / 6)
    assert (figures["recall"], figures["false"]) == (0.5, pytest.approx(1 / 3))
    assert figures["ece"] == pytest.approx((0.1 + 0.5 + 0.7 + 0.4 + 0.1) / 5)
    assert figures["aurc"] == pytest.approx((0 + 1 / 2 + 2 / 3 + 2 / 4 + 3 / 5) / 5)
    assert [one["n"] for one in figures["bins"]] == [1, 1, 1, 1, 1]
    assert figures["risk_coverage"][-1] == {"coverage": 1.0, "risk": 0.6, "threshold": 0.1}
    assert list(intervals) == ["auroc", "recall", "false", "ece", "aurc"]
