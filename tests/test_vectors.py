from pathlib import Path

import numpy as np
import pytest

from qa.errors import DimensionMismatch
from qa.vectors import VectorIndex


def unit(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def halves(rows: np.ndarray) -> np.ndarray:
    """Round as the index does, so that what it gives back can be compared."""
    return rows.astype(np.float16).astype(np.float32)


def test_search_equals_brute_force() -> None:
    rows, queries = halves(unit(200, 16)), unit(5, 16, seed=1)
    found = VectorIndex.build(rows).search(queries, 10)
    scores = queries @ rows.T
    for query, hits in enumerate(found):
        assert [row for row, _ in hits] == np.argsort(-scores[query])[:10].tolist()
        assert [score for _, score in hits] == pytest.approx(np.sort(scores[query])[::-1][:10].tolist(), abs=1e-5)


def test_k_larger_than_the_index_gives_each_row_once() -> None:
    rows = unit(3, 4)
    assert sorted(row for row, _ in VectorIndex.build(rows).search(rows[:1], 50)[0]) == [0, 1, 2]


def test_ties_keep_row_order_also_at_the_cut() -> None:
    rows = np.tile(unit(1, 8), (40, 1))
    assert [row for row, _ in VectorIndex.build(rows).search(rows[:1], 7)[0]] == list(range(7))


def test_only_restricts_to_given_rows() -> None:
    rows = halves(unit(50, 8))
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


def test_what_was_written_is_mapped_back_from_any_path(tmp_path: Path) -> None:
    rows = halves(unit(20, 8))
    VectorIndex.build(rows).write(tmp_path / "向量 100%")
    again = VectorIndex.open(tmp_path / "向量 100%")
    assert (len(again), again.dimension) == (20, 8)
    assert np.array_equal(again.rows(list(range(20))), rows)
    assert again.rows([]).shape == (0, 8)


@pytest.mark.parametrize("keep", [0, 3, 40, -1])
def test_a_truncated_index_is_a_value_error(tmp_path: Path, keep: int) -> None:
    VectorIndex.build(unit(20, 8)).write(tmp_path / "v")
    (tmp_path / "v").write_bytes((tmp_path / "v").read_bytes()[:keep])
    with pytest.raises(ValueError, match="v is not a complete FAISS index"):
        VectorIndex.open(tmp_path / "v")


def test_a_scan_finds_what_exact_search_finds_with_the_same_scores(tmp_path: Path) -> None:
    rows, queries = halves(unit(3000, 32)), unit(20, 32, seed=1)
    VectorIndex.build(rows, scan=True).write(tmp_path / "v", tmp_path / "s")
    index = VectorIndex.open(tmp_path / "v", tmp_path / "s")
    assert index.scans
    scores = queries @ rows.T
    for query, hits in enumerate(index.search(queries, 10)):
        assert [row for row, _ in hits] == np.argsort(-scores[query])[:10].tolist()
        assert [score for _, score in hits] == pytest.approx(np.sort(scores[query])[::-1][:10].tolist(), abs=1e-5)
    assert index.search(queries, 10, exact=True) == VectorIndex.build(rows).search(queries, 10)


def test_the_same_rows_give_the_same_scan(tmp_path: Path) -> None:
    for name in ("a", "b"):
        VectorIndex.build(unit(500, 6), scan=True).write(tmp_path / "v", tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_scan_of_an_odd_dimension_of_few_rows_and_of_restricted_ones() -> None:
    rows = halves(unit(30, 7))
    index = VectorIndex.build(rows, scan=True)
    assert sorted(row for row, _ in index.search(rows[:1], 50)[0]) == list(range(30))
    assert index.search(rows[:1], 2, only=[4, 9]) == VectorIndex.build(rows).search(rows[:1], 2, only=[4, 9])
    assert index.search(np.full((1, 7), np.nan, np.float32), 3) == [[]]


def test_a_scan_of_other_rows_is_told(tmp_path: Path) -> None:
    VectorIndex.build(unit(30, 8), scan=True).write(tmp_path / "v", tmp_path / "s")
    VectorIndex.build(unit(31, 8)).write(tmp_path / "v")
    with pytest.raises(ValueError, match="s has 30 rows of 8, not 31 of 8"):
        VectorIndex.open(tmp_path / "v", tmp_path / "s")
