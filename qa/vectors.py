"""The FAISS indexes: exact search over half-precision rows, and for many rows a compressed scan before it.

A scan keeps two bits a dimension (product quantisation with four bits for each pair of dimensions, Jégou et al. 2011,
in the in-register form of André et al. 2015) and finds a few hundred candidates, which the exact rows then score. It
reads all rows, so its recall does not depend on how questions lie to passages, as inverted lists' and graphs' does.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from qa.errors import DimensionMismatch

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Ids = npt.NDArray[np.int64]

SCAN_FROM = 20_000  # rows; below, exact search takes under 5 ms
_CANDIDATES = 4  # times k
_FEWEST_CANDIDATES = 200
_TRAINED_ON = 16_384
_TRAINING_TURNS = 8


class VectorIndex:
    """Inner-product search over rows of unit length."""

    def __init__(self, index: Any, scan: Any = None, buffers: Sequence[object] = ()) -> None:
        self._index = index
        self._scan = scan
        self._buffers = buffers  # what the indexes read from, mapped, must live as long as they do

    @classmethod
    def build(cls, vectors: Floats | Halves, *, scan: bool = False) -> VectorIndex:
        """Index vectors, shape (n, dim), rows of unit length; a row's number is its id.

        :param scan: search by compressed scan first.
        """
        _use_one_thread()
        n, dim = vectors.shape
        exact = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        exact.is_trained = True
        quick = _trained_scan(vectors) if scan else None
        for start in range(0, n, _TRAINED_ON):
            block = np.ascontiguousarray(vectors[start : start + _TRAINED_ON], np.float32)
            exact.add(block)
            if quick is not None:
                quick.add(block)
        return cls(exact, quick)

    @classmethod
    def open(cls, exact: Path, scan: Path | None = None) -> VectorIndex:
        """Map what :meth:`write` wrote; rows are read from disk when they are looked at.

        :raises ValueError: if a file is not a complete index.
        """
        opened, rows = _mapped(exact)
        if scan is None:
            return cls(opened, None, [rows])
        quick, codes = _mapped(scan)
        if (quick.ntotal, quick.d) != (opened.ntotal, opened.d):
            raise ValueError(f"{scan.name} has {quick.ntotal} rows of {quick.d}, not {opened.ntotal} of {opened.d}")
        return cls(opened, quick, [rows, codes])

    def write(self, exact: Path, scan: Path | None = None) -> None:
        """Write the index (file names stay out of FAISS, which only takes ASCII paths)."""
        for path, index in ((exact, self._index), (scan, self._scan)):
            if path is not None:
                with path.open("wb") as file:
                    faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """The number of columns."""
        return int(self._index.d)

    @property
    def scans(self) -> bool:
        """Whether a compressed scan comes before the exact scores."""
        return self._scan is not None

    def search(
        self, queries: Floats, k: int, only: Sequence[int] | None = None, *, exact: bool = False
    ) -> list[list[tuple[int, float]]]:
        """Return the k rows nearest to each query, as (row, score).

        :param queries: float32, shape (n, dim), rows of unit length.
        :param k: most hits a query; fewer if the index is smaller.
        :param only: the rows to choose from; all by default.
        :param exact: do without the compressed scan; so does ``only``.
        :return: n lists, best score first; ties keep row order, also at the cut.
        :raises DimensionMismatch: if dim differs from the index's.

        Inner product; equals cosine for unit rows (Johnson et al. 2019, FAISS). Scores are always exact.
        """
        if queries.shape[1] != self.dimension:
            raise DimensionMismatch("queries", queries.shape[1], self.dimension)
        _use_one_thread()
        finite = [np.isfinite(query).all() for query in queries]
        if self._scan is not None and only is None and not exact:
            return [self._scanned(query, k) if well else [] for query, well in zip(queries, finite, strict=True)]
        n = len(self) if only is None else len(only)
        settings = None
        if only is not None:
            settings = faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.asarray(only, np.int64)))  # type: ignore[call-arg]
        return [
            self._nearest(query, min(k, n), n, settings) if well else []
            for query, well in zip(queries, finite, strict=True)
        ]

    def _nearest(self, query: Floats, k: int, n: int, settings: Any) -> list[tuple[int, float]]:
        if k < 1:
            return []
        wanted = k
        while True:  # FAISS cuts ties in no stable order: fetch until the cut falls between two scores
            wanted = min(wanted + 1, n)
            scores, rows = self._index.search(query[None].astype(np.float32), wanted, params=settings)
            if wanted == n or scores[0, -1] < scores[0, k - 1]:
                break
            wanted *= 2
        return _best(rows[0], scores[0], k)

    def _scanned(self, query: Floats, k: int) -> list[tuple[int, float]]:
        wanted = min(max(_CANDIDATES * k, _FEWEST_CANDIDATES), len(self))
        if k < 1 or wanted < 1:
            return []
        _, found = self._scan.search(query[None].astype(np.float32), wanted)
        rows = np.sort(found[0][found[0] >= 0])
        scores = self.rows(rows) @ query.astype(np.float32)
        return _best(rows, scores, k)

    def rows(self, ids: Sequence[int] | Ids) -> Floats:
        """Return the stored vectors of some rows, shape (len(ids), dim)."""
        if not len(ids):
            return np.zeros((0, self.dimension), np.float32)
        return np.asarray(self._index.reconstruct_batch(np.asarray(ids, np.int64)), np.float32)


def _best(rows: Ids, scores: Floats, k: int) -> list[tuple[int, float]]:
    order = np.lexsort((rows, -scores))[:k]
    return list(zip(rows[order].tolist(), scores[order].tolist(), strict=True))


def _trained_scan(vectors: Floats | Halves) -> Any:
    """Return an empty scan fitted to rows taken evenly from all; the same rows give the same scan."""
    n, dim = vectors.shape
    parts = dim // 2 if dim % 2 == 0 else dim
    scan = faiss.IndexPQFastScan(dim, parts, 4, faiss.METRIC_INNER_PRODUCT)
    scan.pq.cp.niter = _TRAINING_TURNS
    scan.pq.cp.min_points_per_centroid = 1
    scan.train(np.ascontiguousarray(vectors[:: max(1, n // _TRAINED_ON)], np.float32))
    return scan


def _use_one_thread() -> None:
    """Keep FAISS to the calling thread, for which it must be said again in each.

    One query is never shared out, and the parts of a scan are small: other threads only spin while they wait.
    """
    faiss.omp_set_num_threads(1)


def _mapped(path: Path) -> tuple[Any, object]:
    with path.open("rb") as file:
        try:
            bytes_of = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
            reader = faiss.ZeroCopyIOReader(faiss.swig_ptr(bytes_of), len(bytes_of))  # type: ignore[attr-defined]
            return faiss.read_index(reader), bytes_of
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{path.name} is not a complete FAISS index") from error
