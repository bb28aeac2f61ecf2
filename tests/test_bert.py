import numpy as np
import pytest

from qa.bert import attend, unpacked


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0, 30.0])
def test_attention_is_a_softmax_however_large_its_scores(scale: float) -> None:
    qkv = np.random.default_rng(0).normal(0, scale, (20, 3 * 384)).astype(np.float32)
    query, key, value = qkv.astype(np.float64).reshape(20, 3, 12, 32).transpose(1, 2, 0, 3)
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(32)
    chances = np.exp(scores - scores.max(axis=-1, keepdims=True))
    wanted = (chances / chances.sum(axis=-1, keepdims=True)) @ value
    assert attend(qkv) == pytest.approx(wanted.transpose(1, 0, 2).reshape(20, -1), abs=1e-4 * scale)


def test_numbers_of_four_bits_are_a_scale_times_what_stands_in_each_half() -> None:
    row = np.concatenate([np.array([0.5], np.float16).view(np.uint8), np.arange(16, dtype=np.uint8) * 17])
    assert unpacked(row[None]).tolist() == [[(n % 16 - 8) * 0.5 for n in range(32)]]
