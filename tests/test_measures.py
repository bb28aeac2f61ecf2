from math import log2

import numpy as np
import pytest

from qa.measures import (
    METRICS,
    auroc,
    auroc_interval,
    exact_mcnemar,
    first_right,
    holds_answer,
    mean_intervals,
    occurrences,
    overlaps_half,
    score_rankings,
    span_scores,
)


def test_rankings_score_as_worked_out_by_hand() -> None:
    scores = score_rankings(
        [["a", "b"], ["x", "y", "b", "a"], ["x", "y", "z", "v", "w", "u", "a"], []],
        [{"a": 1}, {"a": 1, "b": 2}, {"a": 1, "missing": 1}, {"a": 1}],
    )
    ndcg = (2 / log2(4) + 1 / log2(5)) / (2 / log2(2) + 1 / log2(3))
    late = (1 / log2(8)) / (1 + 1 / log2(3))
    assert METRICS == ("success@1", "success@5", "success@10", "recall@10", "mrr@10", "ndcg@10")
    np.testing.assert_allclose(
        scores,
        [
            [1, 1, 1, 1, 1, 1],
            [0, 1, 1, 1, 1 / 3, ndcg],
            [0, 0, 1, 0.5, 1 / 7, late],
            [0, 0, 0, 0, 0, 0],
        ],
        rtol=1e-12,
    )


def test_rankings_agree_with_brute_force() -> None:
    rng = np.random.default_rng(3)
    rankings = [list(map(str, rng.permutation(30)[:14])) for _ in range(60)]
    relevance = [{str(i): int(rng.integers(1, 4)) for i in rng.permutation(30)[:4]} for _ in range(60)]
    for ranking, grades, row in zip(rankings, relevance, score_rankings(rankings, relevance), strict=True):
        gains = [grades.get(item, 0) for item in ranking[:10]]
        best = sorted(grades.values(), reverse=True)
        discounted = [sum(g / log2(place + 2) for place, g in enumerate(order)) for order in (gains, best)]
        first = next((place for place, gain in enumerate(gains, 1) if gain), None)
        expected = [any(gains[:1]), any(gains[:5]), any(gains), np.count_nonzero(gains) / 4, 1 / first if first else 0]
        np.testing.assert_allclose(row, [*expected, discounted[0] / discounted[1]], rtol=1e-12)


def test_the_order_given_decides_and_not_the_ids() -> None:
    assert score_rankings([["a", "z"], ["z", "a"]], [{"z": 1}, {"z": 1}])[:, 0].tolist() == [0, 1]


def test_a_repeated_id_counts_at_its_first_place() -> None:
    assert score_rankings([["a", "b", "a"]], [{"a": 1}])[0, 0] == 1


def test_no_rankings_score_nothing() -> None:
    assert score_rankings([], []).shape == (0, 6)


def test_first_right_ignores_grade_zero() -> None:
    assert first_right(["a", "b"], {"a": 0, "b": 1}) == 2
    assert first_right(["a"], {"b": 1}) is None


def test_interval_of_a_mean_is_near_the_normal_one_and_repeatable() -> None:
    values = np.repeat([[0.0, 5.0], [1.0, 5.0]], 200, axis=0)
    (low, high), constant = mean_intervals(values)
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.025, 0.5 + 1.96 * 0.025), abs=0.006)
    assert constant == pytest.approx([5.0, 5.0])
    assert mean_intervals(values) == [[low, high], constant]


def test_auroc_equals_counting_every_pair() -> None:
    rng = np.random.default_rng(5)
    positive, negative = rng.integers(2, 9, 40).astype(float), rng.integers(0, 7, 25).astype(float)
    pairs = [1.0 if p > n else 0.5 if p == n else 0.0 for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(np.mean(pairs), abs=1e-12)
    low, high = auroc_interval(positive, negative)
    assert low < np.mean(pairs) < high
    assert 0.05 < high - low < 0.3


def test_auroc_without_one_side_is_undefined() -> None:
    assert auroc(np.array([1.0]), np.array([])) is None
    assert auroc_interval(np.array([]), np.array([1.0])) is None


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1.0), (1, 1, 1.0), (5, 0, 2 / 32), (1, 6, 2 * 8 / 128), (2000, 2000, 1.0)]
)
def test_mcnemar(gained: int, lost: int, p: float) -> None:
    assert exact_mcnemar(gained, lost) == p


@pytest.mark.parametrize(
    ("place", "holds"), [((0, 100), True), ((0, 15), True), ((0, 14), False), ((15, 99), True), ((16, 99), False)]
)
def test_half_of_a_quote(place: tuple[int, int], holds: bool) -> None:
    assert overlaps_half(*place, 10, 20) is holds


def test_occurrences_may_overlap_and_an_empty_quote_has_none() -> None:
    assert occurrences("哈哈哈哈", "哈哈") == [(0, 2), (1, 3), (2, 4)]
    assert occurrences("a b", " ") == []
    assert occurrences("abc", "d") == []


def test_holds_answer_folds_script_and_white_space() -> None:
    assert holds_answer("大會由柴 建軍主持", ["张三", "柴建 军"])
    assert not holds_answer("大會由柴建軍主持", ["张三", " "])


@pytest.mark.parametrize(
    ("predicted", "answers", "exact", "f1"),
    [
        ("柴建軍。", ["柴建军"], 1.0, 1.0),
        ("书记柴建军", ["柴建军"], 0.0, 2 * 3 / 8),
        ("The  Peking Union", ["peking union"], 1.0, 1.0),
        ("Peking Union Hospital", ["x", "Peking Union"], 0.0, 2 * 2 / 5),
        ("24 人", ["24人"], 1.0, 1.0),
        ("Peking\nUnion", ["U.S.", "Peking Union"], 1.0, 1.0),
        ("北京", ["上海"], 0.0, 0.0),
        ("人人", ["人"], 0.0, 2 * 1 / 3),
        ("", ["北京"], 0.0, 0.0),
        ("the", ["。"], 0.0, 0.0),
    ],
)
def test_span_scores(predicted: str, answers: list[str], exact: float, f1: float) -> None:
    assert span_scores(predicted, answers) == (exact, pytest.approx(f1))
