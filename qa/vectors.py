"""The FAISS index: build, search, bytes in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from qa.errors import DimensionMismatch

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class VectorIndex:
    """Exact inner-product search over rows of unit length."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Floats) -> VectorIndex:
        """Index vectors, shape (n, dim), rows of unit length; a row's number is its id."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, np.float32))
        return cls(index)

    @classmethod
    def from_bytes(cls, data: bytes) -> VectorIndex:
        """Read what :meth:`to_bytes` wrote.

        :raises ValueError: if the bytes are not a complete index.
        """
        try:
            return cls(faiss.deserialize_index(np.frombuffer(data, np.uint8)))
        except RuntimeError as error:
            raise ValueError("not a complete FAISS index") from error

    def to_bytes(self) -> bytes:
        """Return the whole index as bytes (file names stay out of FAISS, which only takes ASCII paths)."""
        return bytes(faiss.serialize_index(self._index).tobytes())

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """The number of columns."""
        return int(self._index.d)

    def search(self, queries: Floats, k: int, only: Sequence[int] | None = None) -> list[list[tuple[int, float]]]:
        """Return the k rows nearest to each query, as (row, score).

        :param queries: float32, shape (n, dim), rows of unit length.
        :param k: most hits a query; fewer if the index is smaller.
        :param only: the rows to choose from; all by default.
        :return: n lists, best score first; ties keep row order, also at the cut.
        :raises DimensionMismatch: if dim differs from the index's.

        Exact inner product; equals cosine for unit rows (Johnson et al. 2019, FAISS).
        """
        if queries.shape[1] != self.dimension:
            raise DimensionMismatch("queries", queries.shape[1], self.dimension)
        n = len(self) if only is None else len(only)
        settings = None
        if only is not None:
            settings = faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.asarray(only, np.int64)))  # type: ignore[call-arg]
        return [self._nearest(query, min(k, n), n, settings) for query in queries]

    def _nearest(self, query: Floats, k: int, n: int, settings: Any) -> list[tuple[int, float]]:
        if k < 1 or not np.isfinite(query).all():
            return []
        wanted = k
        while True:  # FAISS cuts ties in no stable order: fetch until the cut falls between two scores
            wanted = min(wanted + 1, n)
            scores, rows = self._index.search(query[None].astype(np.float32), wanted, params=settings)
            if wanted == n or scores[0, -1] < scores[0, k - 1]:
                break
            wanted *= 2
        found = zip(rows[0].tolist(), scores[0].tolist(), strict=True)
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]

    def rows(self, ids: Sequence[int]) -> Floats:
        """Return the stored vectors of some rows, shape (len(ids), dim)."""
        if not ids:
            return np.zeros((0, self.dimension), np.float32)
        return np.asarray(self._index.reconstruct_batch(np.asarray(ids, np.int64)), np.float32)
