import numpy as np
import pytest

from qa.errors import DimensionMismatch
from qa.vectors import VectorIndex


def unit(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_search_equals_brute_force() -> None:
    rows, queries = unit(200, 16), unit(5, 16, seed=1)
    found = VectorIndex.build(rows).search(queries, 10)
    scores = queries @ rows.T
    for query, hits in enumerate(found):
        assert [row for row, _ in hits] == np.argsort(-scores[query])[:10].tolist()
        assert [score for _, score in hits] == pytest.approx(np.sort(scores[query])[::-1][:10], abs=1e-6)


def test_k_larger_than_the_index_gives_each_row_once() -> None:
    rows = unit(3, 4)
    assert sorted(row for row, _ in VectorIndex.build(rows).search(rows[:1], 50)[0]) == [0, 1, 2]


def test_ties_keep_row_order_also_at_the_cut() -> None:
    rows = np.tile(unit(1, 8), (40, 1))
    assert [row for row, _ in VectorIndex.build(rows).search(rows[:1], 7)[0]] == list(range(7))


def test_only_restricts_to_given_rows() -> None:
    rows = unit(50, 8)
    best = [row for row, _ in VectorIndex.build(rows).search(rows[:1], 3, only=[5, 9, 40, 41])[0]]
    assert set(best) <= {5, 9, 40, 41}
    assert best == sorted([5, 9, 40, 41], key=lambda row: -float(rows[0] @ rows[row]))[:3]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_query_that_is_no_number_finds_nothing(bad: float) -> None:
    rows = unit(3, 4)
    query = rows[:1].copy()
    query[0, 0] = bad
    assert VectorIndex.build(rows).search(query, 2) == [[]]


def test_an_empty_index_finds_nothing() -> None:
    index = VectorIndex.build(np.zeros((0, 4), np.float32))
    assert (len(index), index.search(unit(1, 4), 3)) == (0, [[]])


def test_a_wrong_dimension_names_both() -> None:
    with pytest.raises(DimensionMismatch, match="dimension 5, the index has 4") as caught:
        VectorIndex.build(unit(2, 4)).search(unit(1, 5), 1)
    assert (caught.value.got, caught.value.expected) == (5, 4)


def test_bytes_round_trip_keeps_every_row() -> None:
    rows = unit(20, 8)
    again = VectorIndex.from_bytes(VectorIndex.build(rows).to_bytes())
    assert (len(again), again.dimension) == (20, 8)
    assert np.array_equal(again.rows(list(range(20))), rows)
    assert again.rows([]).shape == (0, 8)


@pytest.mark.parametrize("keep", [0, 3, 40])
def test_a_truncated_index_is_a_value_error(keep: int) -> None:
    with pytest.raises(ValueError, match="not a complete FAISS index"):
        VectorIndex.from_bytes(VectorIndex.build(unit(20, 8)).to_bytes()[:keep])
