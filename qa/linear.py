"""Rows times a matrix in whole numbers of eight bits (Zafrir et al. 2019, Q8BERT; each row has a scale of its own).

Sums of such products are whole numbers that float32 holds exactly, so it is the same whoever multiplies: NumPy, which
is there at once, or torch, which takes a second to load and then a seventh of the time, where a processor has
instructions for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int8]
Multiply = Callable[[Floats, Whole], Floats]
_MOST = np.float32(127)
_LEAST = np.float32(1e-30)
# A second of NumPy's work, about as long as torch takes to load; one question in the words of its pages takes 450.
_PATIENCE = 600
_SAMPLE = (64, 384, 1536)
_done = count()


class Linear:
    """A matrix and a bias, by which rows are multiplied and moved; for many threads at once."""

    def __init__(self, weights: Floats, bias: Floats) -> None:
        """Take weights of shape (in, out); each column is rounded to whole numbers of a scale of its own."""
        self._scales = np.maximum(np.abs(weights).max(axis=0) / _MOST, _LEAST)
        self._whole = np.rint(weights / self._scales).astype(np.int8)
        self._moved = np.stack([self._whole.sum(axis=0, dtype=np.float32) * self._scales, bias])

    def __call__(self, rows: Floats) -> Floats:
        """Return the rows, shape (n, in), times the weights, plus the bias, shape (n, out).

        What is rounded of a row is how far each number lies from the middle between its least and its largest.
        """
        least, largest = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
        middle = (least + largest) / 2
        scales = np.maximum((largest - least) / (2 * _MOST), _LEAST)
        rounded = rows - middle
        rounded /= scales
        out = _multiplier()(np.rint(rounded, out=rounded), self._whole)
        out *= scales
        out *= self._scales
        out += np.concatenate([middle, np.ones_like(middle)], axis=1) @ self._moved
        return out


def hasten() -> None:
    """Load what multiplies fastest before the first question waits for it."""
    _fastest()


def _multiplier() -> Multiply:
    return _fastest() if _fastest.cache_info().currsize or next(_done) >= _PATIENCE else _by_numpy


@cache
def _fastest() -> Multiply:
    rows, whole = np.full(_SAMPLE[:2], _MOST, np.float32), np.full(_SAMPLE[1:], _MOST, np.int8)
    other = _by_torch()
    # Processors without instructions for this may add pairs of products in sixteen bits, which overflow.
    if not np.array_equal(other(rows, whole), _by_numpy(rows, whole)):
        return _by_numpy
    return min(other, _by_numpy, key=lambda multiply: _seconds(multiply, rows, whole))


def _seconds(multiply: Multiply, rows: Floats, whole: Whole) -> float:
    tries = []
    for _ in range(5):
        start = time.perf_counter()
        multiply(rows, whole)
        tries.append(time.perf_counter() - start)
    return min(tries)


def _by_numpy(rows: Floats, whole: Whole) -> Floats:
    out: Floats = rows @ whole.astype(np.float32)
    return out


def one_thread() -> AbstractContextManager[object]:
    """Keep torch's products, if it is what multiplies, to the thread that calls: for many of them, told but once.

    Products so small gain nothing by a second thread, which then spins and keeps NumPy's own from working.
    """
    return _alone() if _fastest.cache_info().currsize and _fastest() is not _by_numpy else nullcontext()


def _alone() -> AbstractContextManager[object]:
    import torch  # noqa: PLC0415

    return _openmp().limit(limits=1) if torch.get_num_threads() > 1 else nullcontext()


@cache
def _openmp() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController().select(user_api="openmp")


def _by_torch() -> Multiply:
    import torch  # noqa: PLC0415

    def multiply(rows: Floats, whole: Whole) -> Floats:
        with _alone():
            found: Any = torch._int_mm(torch.from_numpy(rows.astype(np.int8)), torch.from_numpy(whole))
        out: Floats = found.numpy().astype(np.float32)
        return out

    return multiply
