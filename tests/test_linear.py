import subprocess
import sys
from functools import cache
from itertools import count

import numpy as np
import pytest

from qa import linear
from qa.linear import Linear, hasten

RNG = np.random.default_rng(0)
WEIGHTS, BIAS = RNG.normal(size=(384, 1536)).astype(np.float32), RNG.normal(size=1536).astype(np.float32)
ROWS = RNG.normal(size=(30, 384)).astype(np.float32)


def test_the_product_is_near_that_of_numbers_that_are_not_rounded() -> None:
    exact = ROWS @ WEIGHTS + BIAS
    assert 0 < np.abs(Linear(WEIGHTS, BIAS)(ROWS) - exact).max() < 0.06 * exact.std()


def test_a_row_is_multiplied_as_if_there_were_no_others() -> None:
    multiplied = Linear(WEIGHTS, BIAS)
    beside_a_giant = multiplied(np.concatenate([ROWS, 1e6 * ROWS[:1]]))
    assert np.array_equal(beside_a_giant[:-1], multiplied(ROWS))


def test_nothing_gives_the_bias() -> None:
    assert np.array_equal(Linear(WEIGHTS, BIAS)(np.zeros((2, 384), np.float32)), np.stack([BIAS, BIAS]))
    assert np.array_equal(Linear(np.zeros_like(WEIGHTS), BIAS)(ROWS), np.tile(BIAS, (30, 1)))
    assert Linear(WEIGHTS, BIAS)(ROWS[:0]).shape == (0, 1536)


@pytest.mark.parametrize("n", [1, 7, 30])
@pytest.mark.parametrize("wide", [ROWS.T[:, :24], ROWS, np.full((2, 384), 127, np.float32)])
def test_numpy_and_torch_multiply_alike_to_the_last_bit(n: int, wide: np.ndarray) -> None:
    rows = np.rint(wide[:n] * 40).clip(-127, 127)
    whole = RNG.integers(-127, 128, (rows.shape[1], 1536)).astype(np.int8)
    found = linear._by_torch()(rows, whole)
    assert found.dtype == np.float32
    assert np.array_equal(found, linear._by_numpy(rows, whole))


def test_one_thread_multiplies_and_as_many_as_before_serve_others(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    multiply, product, threads = linear._by_torch(), torch._int_mm, []
    monkeypatch.setattr(torch, "_int_mm", lambda *both: threads.append(torch.get_num_threads()) or product(*both))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        multiply(np.ones((2, 384), np.float32), np.ones((384, 1536), np.int8))
        assert (threads, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often what multiplies fastest is looked for, as in a new process."""
    found: list[int] = []
    monkeypatch.setattr(linear, "_done", count())
    monkeypatch.setattr(linear, "_PATIENCE", 2)
    monkeypatch.setattr(linear, "_fastest", cache(lambda: found.append(1) or linear._by_torch()))
    return found


def test_it_changes_to_what_is_fastest_after_a_while_and_says_the_same(loaded: list[int]) -> None:
    multiplied, found, seen = Linear(WEIGHTS, BIAS), [], []
    for _ in range(4):
        found.append(multiplied(ROWS))
        seen.append(len(loaded))
    assert seen == [0, 0, 1, 1]
    assert all(np.array_equal(found[0], other) for other in found)


def test_it_changes_at_once_where_it_is_hastened(loaded: list[int]) -> None:
    hasten()
    assert loaded == [1]
    assert linear._multiplier() is linear._fastest()


def test_the_faster_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(rows: np.ndarray, whole: np.ndarray) -> np.ndarray:
        for _ in range(20):
            rows @ whole.astype(np.float32)
        return linear._by_numpy(rows, whole)

    linear._fastest.cache_clear()
    monkeypatch.setattr(linear, "_by_torch", lambda: slow)
    assert linear._fastest() is linear._by_numpy
    linear._fastest.cache_clear()


def test_what_is_not_exact_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def saturated(rows: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.full((len(rows), whole.shape[1]), 2**15 * len(whole) / 2, np.float32)

    linear._fastest.cache_clear()
    monkeypatch.setattr(linear, "_by_torch", lambda: saturated)
    assert linear._fastest() is linear._by_numpy
    linear._fastest.cache_clear()


def test_a_single_question_waits_for_torch_only_where_it_reads_much() -> None:
    asked = (
        "import sys; from qa.joint import shipped_joint_reader as reader\n"
        "from qa.packer import Shown\n"
        "passages = [Shown('标题', '大会由柴建军主持。' * n, (0, 9)) for n in range(1, 11)]\n"
        "reader().alike('谁主持了大会', passages); reader().read('谁主持了大会', passages[:4])\n"
        "print('torch' in sys.modules)\n"
        "reader().alike('who', passages * 2); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert run.stdout == "False\nTrue\n"
