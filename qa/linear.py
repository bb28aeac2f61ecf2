"""Rows times a matrix in whole numbers of eight bits (Zafrir et al. 2019, Q8BERT; each row has a scale of its own)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int8]
MOST = 127.0
LEAST = 1e-30


class Linear:
    """A matrix and a bias, by which rows are multiplied and moved; for many threads at once.

    ``whole``: the matrix in whole numbers, shape (in, out), and ``scales``: what each column of it is to be multiplied
    with. ``moved``, shape (2, out): what a row of ones is moved to, and the bias.
    """

    def __init__(self, weights: Floats, bias: Floats) -> None:
        """Take weights of shape (in, out); each column is rounded to whole numbers of a scale of its own."""
        self.scales: Floats = np.maximum(np.abs(weights).max(axis=0) / np.float32(MOST), np.float32(LEAST))
        self.whole: Whole = np.rint(weights / self.scales).astype(np.int8)
        self.moved: Floats = np.stack([self.whole.sum(axis=0, dtype=np.float32) * self.scales, bias])

    def __call__(self, rows: Floats) -> Floats:
        """Return the rows, shape (n, in), times the weights, plus the bias, shape (n, out).

        What is rounded of a row is how far each number lies from the middle between its least and its largest. Sums of
        products of whole numbers are such numbers again, which float32 holds exactly: it is the same whoever adds them.
        """
        least, largest = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
        middle = (least + largest) / 2
        scales = np.maximum((largest - least) / np.float32(2 * MOST), np.float32(LEAST))
        rounded = rows - middle
        rounded /= scales
        out = times(np.rint(rounded, out=rounded), self.whole)
        out *= scales
        out *= self.scales
        out += np.concatenate([middle, np.ones_like(middle)], axis=1) @ self.moved
        return out


def times(rows: Floats, whole: Whole) -> Floats:
    """Multiply rows of whole numbers with a matrix of them."""
    out: Floats = rows @ whole.astype(np.float32)
    return out
