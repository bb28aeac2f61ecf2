"""One adapter a system: build over passages, then rank for a question. Everything else is each system's own.

All embed with the built-in model. Full-text search of the peers takes pairs of Chinese characters and words for terms,
by whichever setting each has for that; their own defaults know no Chinese or take single characters and do worse.
"""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

# Not ``import qa``: a peer's process must not load more of this program than its model's folder.
MODEL = str(Path(str(importlib.util.find_spec("qa").origin)).parent / "builtin")  # type: ignore[union-attr]
TERMS = r"(?=([\u3400-\u9fff]{2}|(?<![a-z0-9])[a-z0-9]+))"
DENSE, LEXICAL, HYBRID, WHOLE = "dense", "lexical", "hybrid", "all that qa ask does"
Ranking = list[int]


class System(Protocol):
    """A system under measurement; ``modes`` are the ways it can search."""

    modes: Sequence[str]

    def __init__(self) -> None:
        """Import what is needed and load the model."""

    def build(self, passages: Sequence[str]) -> None:
        """Index passages under their numbers, from nothing."""

    def search(self, question: str, k: int, mode: str) -> Ranking:
        """Return the numbers of the k best passages."""


class Wenda:
    """This program: both legs, stored and synced to disk; ``hybrid`` fuses their scores, as the peers do."""

    modes = (DENSE, LEXICAL, HYBRID, WHOLE)

    def __init__(self) -> None:
        from qa.embed import load_encoder  # noqa: PLC0415

        self._encoder = load_encoder()
        self._folder: Any = None

    def build(self, passages: Sequence[str]) -> None:
        """See :class:`System`."""
        from qa.build import build_collection  # noqa: PLC0415
        from qa.records import Document  # noqa: PLC0415
        from qa.search import Retriever  # noqa: PLC0415
        from qa.store import open_generation  # noqa: PLC0415

        self._folder = tempfile.TemporaryDirectory(prefix="qa-peers-")
        documents = [Document(str(n), "", text) for n, text in enumerate(passages)]
        build_collection(documents, Path(self._folder.name), self._encoder)
        self._generation = open_generation(Path(self._folder.name))
        self._retriever = Retriever(self._generation, self._encoder)

    def search(self, question: str, k: int, mode: str) -> Ranking:
        """See :class:`System`."""
        if mode in {HYBRID, WHOLE}:
            find = self._retriever.fuse if mode == HYBRID else self._retriever.search
            return [int(hit.passage.document_id) for hit in find(question, k)]
        if mode == DENSE:
            found = self._generation.vectors.search(self._encoder.encode_queries([question]), k)[0]
        else:
            found = self._generation.lexical.search(question, k)
        return [row for row, _ in found]


class Bare:
    """sentence-transformers and FAISS alone, nothing stored."""

    modes = (DENSE,)

    def __init__(self) -> None:
        import faiss  # noqa: PLC0415

        self._faiss = faiss
        self._model = _model()

    def build(self, passages: Sequence[str]) -> None:
        """See :class:`System`."""
        vectors = self._model.encode(list(passages), normalize_embeddings=True, show_progress_bar=False)
        self._index = self._faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def search(self, question: str, k: int, mode: str) -> Ranking:  # noqa: ARG002
        """See :class:`System`."""
        vector = self._model.encode([question], normalize_embeddings=True, show_progress_bar=False)
        return [int(row) for row in self._index.search(vector, k)[1][0]]


class Txtai:
    """txtai, with FAISS and its own BM25 in SQLite; hybrid by its convex combination."""

    modes = (DENSE, LEXICAL, HYBRID)

    def __init__(self) -> None:
        from txtai import Embeddings  # noqa: PLC0415

        scoring = {"method": "bm25", "terms": True, "normalize": True, "tokenizer": {"regexp": TERMS}}
        self._make = lambda: Embeddings(path=MODEL, method="sentence-transformers", scoring=scoring, content=False)
        self._make().batchtransform(["warm"])

    def build(self, passages: Sequence[str]) -> None:
        """See :class:`System`."""
        self._index = self._make()
        self._index.index(enumerate(passages))

    def search(self, question: str, k: int, mode: str) -> Ranking:
        """See :class:`System`."""
        weights = {DENSE: 1.0, LEXICAL: 0.0, HYBRID: 0.5}[mode]
        return [int(row) for row, _ in self._index.search(question, k, weights=weights)]


class LangChain:
    """LangChain: FAISS store, rank_bm25, joined by EnsembleRetriever."""

    modes = (DENSE, LEXICAL, HYBRID)

    def __init__(self) -> None:
        from langchain_classic.retrievers import EnsembleRetriever  # noqa: PLC0415
        from langchain_community.retrievers import BM25Retriever  # noqa: PLC0415
        from langchain_community.vectorstores import FAISS  # noqa: PLC0415
        from langchain_core.embeddings import Embeddings  # noqa: PLC0415

        model = _model()

        class Own(Embeddings):
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                vectors: list[list[float]] = _encode(model, texts).tolist()
                return vectors

            def embed_query(self, text: str) -> list[float]:
                return self.embed_documents([text])[0]

        self._embeddings, self._faiss, self._bm25, self._join = Own(), FAISS, BM25Retriever, EnsembleRetriever

    def build(self, passages: Sequence[str]) -> None:
        """See :class:`System`."""
        numbers = [{"n": n} for n in range(len(passages))]
        self._dense = self._faiss.from_texts(list(passages), self._embeddings, metadatas=numbers)
        self._lexical = self._bm25.from_texts(list(passages), metadatas=numbers, preprocess_func=_terms)

    def search(self, question: str, k: int, mode: str) -> Ranking:
        """See :class:`System`."""
        self._lexical.k = k
        dense = self._dense.as_retriever(search_kwargs={"k": k})
        joined = self._join(retrievers=[dense, self._lexical], weights=[0.5, 0.5])
        retriever = {DENSE: dense, LEXICAL: self._lexical, HYBRID: joined}[mode]
        return [document.metadata["n"] for document in retriever.invoke(question)][:k]


class LlamaIndex:
    """LlamaIndex: its in-memory vector store, bm25s, joined by QueryFusionRetriever."""

    modes = (DENSE, LEXICAL, HYBRID)

    def __init__(self) -> None:
        from llama_index.core import VectorStoreIndex  # noqa: PLC0415
        from llama_index.core.embeddings import BaseEmbedding  # noqa: PLC0415
        from llama_index.core.llms import MockLLM  # noqa: PLC0415
        from llama_index.core.retrievers import QueryFusionRetriever  # noqa: PLC0415
        from llama_index.core.schema import TextNode  # noqa: PLC0415
        from llama_index.retrievers.bm25 import BM25Retriever  # noqa: PLC0415

        model = _model()

        class Own(BaseEmbedding):
            def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
                vectors: list[list[float]] = _encode(model, texts).tolist()
                return vectors

            def _get_text_embedding(self, text: str) -> list[float]:
                return self._get_text_embeddings([text])[0]

            def _get_query_embedding(self, query: str) -> list[float]:
                return self._get_text_embedding(query)

            async def _aget_query_embedding(self, query: str) -> list[float]:
                return self._get_text_embedding(query)

        self._own, self._node, self._index, self._bm25 = (
            Own(embed_batch_size=1024),
            TextNode,
            VectorStoreIndex,
            BM25Retriever,
        )
        self._join: Callable[..., Any] = lambda retrievers, k: QueryFusionRetriever(
            retrievers, llm=MockLLM(), similarity_top_k=k, num_queries=1, mode="reciprocal_rerank", use_async=False
        )

    def build(self, passages: Sequence[str]) -> None:
        """See :class:`System`."""
        nodes = [self._node(text=text, id_=str(n)) for n, text in enumerate(passages)]
        self._dense = self._index(nodes, embed_model=self._own)
        self._lexical = self._bm25.from_defaults(
            nodes=nodes, similarity_top_k=10, skip_stemming=True, language="zh", token_pattern=TERMS
        )

    def search(self, question: str, k: int, mode: str) -> Ranking:
        """See :class:`System`."""
        dense = self._dense.as_retriever(similarity_top_k=k)
        if mode == HYBRID:
            found = self._join([dense, self._lexical], k).retrieve(question)
        else:
            found = (dense if mode == DENSE else self._lexical).retrieve(question)
        return [int(item.node.node_id) for item in found][:k]


class Haystack:
    """Haystack: its in-memory store, embedders and BM25, joined by reciprocal ranks."""

    modes = (DENSE, LEXICAL, HYBRID)

    def __init__(self) -> None:
        from haystack import Document  # noqa: PLC0415
        from haystack.components.joiners import DocumentJoiner  # noqa: PLC0415
        from haystack.components.retrievers.in_memory import (  # noqa: PLC0415
            InMemoryBM25Retriever,
            InMemoryEmbeddingRetriever,
        )
        from haystack.document_stores.in_memory import InMemoryDocumentStore  # noqa: PLC0415
        from haystack_integrations.components.embedders.sentence_transformers import (  # noqa: PLC0415
            SentenceTransformersDocumentEmbedder,
            SentenceTransformersTextEmbedder,
        )

        self._document, self._store = Document, InMemoryDocumentStore
        self._dense, self._lexical = InMemoryEmbeddingRetriever, InMemoryBM25Retriever
        settings = {"model": MODEL, "normalize_embeddings": True, "progress_bar": False}
        self._passages = SentenceTransformersDocumentEmbedder(**settings, batch_size=1024)
        self._questions = SentenceTransformersTextEmbedder(**settings)
        self._join = DocumentJoiner(join_mode="reciprocal_rank_fusion")
        for part in (self._passages, self._questions):
            part.warm_up()

    def build(self, passages: Sequence[str]) -> None:
        """See :class:`System`."""
        store = self._store(bm25_tokenization_regex=TERMS)
        documents = [self._document(id=str(n), content=text) for n, text in enumerate(passages)]
        store.write_documents(self._passages.run(documents)["documents"])
        self._by_vector, self._by_term = self._dense(store), self._lexical(store)

    def search(self, question: str, k: int, mode: str) -> Ranking:
        """See :class:`System`."""
        found = []
        if mode in {DENSE, HYBRID}:
            vector = self._questions.run(question)["embedding"]
            found.append(self._by_vector.run(query_embedding=vector, top_k=k)["documents"])
        if mode in {LEXICAL, HYBRID}:
            found.append(self._by_term.run(query=question, top_k=k)["documents"])
        documents = self._join.run(documents=found)["documents"] if mode == HYBRID else found[0]
        return [int(document.id) for document in documents][:k]


SYSTEMS: dict[str, type[System]] = {
    "wenda": Wenda,
    "sentence-transformers + FAISS": Bare,
    "txtai": Txtai,
    "LangChain + FAISS": LangChain,
    "LlamaIndex": LlamaIndex,
    "Haystack": Haystack,
}


def _model() -> Any:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    return SentenceTransformer(MODEL, device="cpu", local_files_only=True)


def _encode(model: Any, texts: list[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(
        model.encode(texts, normalize_embeddings=True, show_progress_bar=False, batch_size=1024), np.float32
    )


def _terms(text: str) -> list[str]:
    return re.findall(TERMS, text.lower())
