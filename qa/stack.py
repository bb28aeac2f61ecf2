"""Several layers of BERT, one on the other, by what is fastest.

NumPy (:mod:`qa.bert`) is there at once. Torch takes a second to load, and then less than half of the time where a
processor has instructions for products of whole numbers; and threads that ask at once do not wait for each other in it
(:mod:`qa.scripted`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, cached_property
from itertools import accumulate, count
from typing import TYPE_CHECKING

import numpy as np

from qa.bert import Array, Layer
from qa.linear import MOST, Floats, times

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController
    from torch import Tensor

    from qa.scripted import Run

# A second of NumPy's work, about as long as torch takes to load; one question in the words of its pages takes 27.
_PATIENCE = 36
_SAMPLE = (64, 384, 1536)
_done = count()


class Stack:
    """The layers of a part of the network; for many threads at once."""

    def __init__(self, arrays: dict[str, Array], part: str) -> None:
        """Take the arrays that ``training/joint.py`` writes, and which part of the network to make of them."""
        self._layers = [Layer(arrays, f"{part}{n}") for n in range(len(arrays[part]))]

    def __call__(self, x: Floats, sizes: Sequence[int]) -> Floats:
        """Return what tokens become, shape (n, width); those of several texts, each of its size, see their own alone.

        Torch's numbers differ from NumPy's in the sixth digit, and what both make of them by what is then rounded
        the other way.
        """
        run = _torch() if _chosen() or next(_done) >= _PATIENCE else None
        if run is not None:
            return self._by_torch(run, x, list(sizes))
        cuts = list(accumulate(sizes))[:-1]
        for layer in self._layers:
            x = layer(x, cuts)
        return x

    def _by_torch(self, run: Run, x: Floats, sizes: list[int]) -> Floats:
        import torch  # noqa: PLC0415

        out: Floats = run(torch.from_numpy(x), sizes, self._tensors).numpy()
        return out

    @cached_property
    def _tensors(self) -> list[list[Tensor]]:
        from qa.scripted import tensors  # noqa: PLC0415

        return [tensors(layer.linears, layer.norms) for layer in self._layers]


def hasten() -> None:
    """Load what is fastest before the first question waits for it."""
    _torch()


def by_torch() -> bool:
    """Say whether torch runs layers from now on: what NumPy made of a text before is a little else."""
    return _chosen() and _torch() is not None


def _chosen() -> bool:
    return _torch.cache_info().currsize > 0


def one_thread() -> AbstractContextManager[object]:
    """Keep torch, if it is what runs, to the thread that calls: told once for many steps.

    Steps so small gain nothing by a second thread, which then spins and keeps NumPy's own from working.
    """
    return _alone() if by_torch() else nullcontext()


@cache
def _torch() -> Run | None:
    """Return how torch runs layers, if it multiplies right and faster than NumPy."""
    import torch  # noqa: PLC0415

    from qa import scripted  # noqa: PLC0415

    rows, whole = np.full(_SAMPLE[:2], MOST, np.float32), np.full(_SAMPLE[1:], MOST, np.int8)
    both = torch.from_numpy(rows), torch.from_numpy(whole)
    with _alone():
        # Processors without instructions for this may add pairs of products in sixteen bits, which overflow.
        right = np.array_equal(scripted.product(*both).numpy(), times(rows, whole))
        faster = right and _seconds(lambda: scripted.product(*both)) < _seconds(lambda: times(rows, whole))
    return scripted.run() if faster else None


def _seconds(work: Callable[[], object]) -> float:
    tries = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        tries.append(time.perf_counter() - start)
    return min(tries)


def _alone() -> AbstractContextManager[object]:
    import torch  # noqa: PLC0415

    return _openmp().limit(limits=1) if torch.get_num_threads() > 1 else nullcontext()


@cache
def _openmp() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController().select(user_api="openmp")
