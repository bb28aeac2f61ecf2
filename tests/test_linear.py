import numpy as np

from qa.linear import Linear

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
