"""An index of ready-made passages, for as long as it is asked. Searching itself needs nothing that builds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qa.build import build_collection
from qa.cross import Reranker
from qa.embed import Encoder, load_encoder
from qa.records import Document
from qa.search import Retriever
from qa.stores import open_at


@contextmanager
def temporary_index(
    documents: Sequence[Document],
    encoder: Encoder | None = None,
    progress: Callable[[int, int], None] | None = None,
    reranker: Reranker | None = None,
) -> Iterator[Retriever]:
    """Index ready-made documents, each exactly one passage, for as long as the ``with`` block lasts."""
    encoder = encoder or load_encoder()
    with tempfile.TemporaryDirectory(prefix="qa-", ignore_cleanup_errors=True) as folder:
        build_collection(documents, Path(folder), encoder, progress)
        retriever = Retriever(open_at(folder), encoder, reranker=reranker)
        try:
            yield retriever
        finally:
            retriever.passages.close()
