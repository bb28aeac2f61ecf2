"""One opened generation in Milvus: the two legs, and the passages; each a call or two to the server."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from qa.errors import DimensionMismatch
from qa.generation import Floats, Scored
from qa.lexical import question_terms
from qa.milvus_records import (
    HEADING_FIELDS,
    LEGS,
    PASSAGE_FIELDS,
    Row,
    State,
    analysed,
    heading_of,
    joined,
    key_of,
    passage_of,
)
from qa.records import Document, Manifest, Passage

_MOST = 16_384  # Milvus's limit of one search and of one page of rows
_TOGETHER = 500
_PAGE = 2_000
_TITLE_WEIGHT = 0.5

Call = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Vectors:
    """The dense leg: inner product, exact or by Milvus's own choice of index."""

    call: Call
    collection: str
    n: int
    dimension: int

    def __len__(self) -> int:
        return self.n

    def search(self, queries: Floats, k: int, only: Sequence[int] | None = None) -> list[list[Scored]]:
        """See :class:`qa.generation.Vectors`; ties at the cut are Milvus's choice."""
        if queries.shape[1] != self.dimension:
            raise DimensionMismatch("queries", queries.shape[1], self.dimension)
        return [self._nearest(query, _limit(k, self.n, only), only) for query in queries]

    def _nearest(self, query: Floats, k: int, only: Sequence[int] | None) -> list[Scored]:
        if k < 1 or not np.isfinite(query).all():
            return []
        settings = {"data": [query.astype(np.float32).tolist()], "anns_field": "vector", "limit": k}
        [hits] = self.call("search", self.collection, filter=_among(only), output_fields=["row"], **settings)
        return _best_first((int(hit["row"]), float(hit["distance"])) for hit in hits)

    def rows(self, ids: Sequence[int]) -> Floats:
        """See :class:`qa.generation.Vectors`."""
        found = by_row(self.call, self.collection, ids, ["row", "vector"])
        return np.array([found[row]["vector"] for row in ids], np.float32).reshape(len(ids), self.dimension)


@dataclass(frozen=True, slots=True)
class Lexical:
    """The lexical leg: Milvus's BM25 functions over body and heading, added up by its hybrid search."""

    call: Call
    collection: str
    n: int

    def __len__(self) -> int:
        return self.n

    def frequencies(self, distinct: Sequence[str]) -> list[int]:
        """See :class:`qa.generation.Lexical`."""
        wanted = [analysed([term]) for term in distinct]
        found = {row["term"]: int(row["passages"]) for row in self._terms(wanted)} if wanted else {}
        return [found.get(term, 0) for term in wanted]

    def _terms(self, wanted: Sequence[str]) -> list[Row]:
        fields = ["term", "passages"]
        return list(self.call("query", f"{self.collection}_terms", filter=one_of("term", wanted), output_fields=fields))

    def search(
        self, question: str, k: int, only: Sequence[int] | None = None, without: Set[str] = frozenset()
    ) -> list[Scored]:
        """See :class:`qa.generation.Lexical`.

        Milvus adds up what each field's k best have; the k that it finds are scored again in full.
        """
        wanted = [term for term in question_terms(question) if term not in without]
        found = [row for row, _ in self._hybrid(wanted, _limit(k, self.n, only), only)]
        scores = self._scored(wanted, found)
        return _best_first((row, score) for row, score in zip(found, scores, strict=True) if score > 0)

    def score(self, question: str, rows: Sequence[int]) -> list[float]:
        """See :class:`qa.generation.Lexical`."""
        return self._scored(question_terms(question), rows)

    def _scored(self, wanted: Sequence[str], rows: Sequence[int]) -> list[float]:
        found = dict(self._hybrid(wanted, len(rows), rows))
        return [found.get(row, 0.0) for row in rows]

    def _hybrid(self, wanted: Sequence[str], k: int, only: Sequence[int] | None) -> list[Scored]:
        from pymilvus import AnnSearchRequest, WeightedRanker  # noqa: PLC0415

        asked = analysed(wanted)
        if k < 1 or not asked:
            return []
        settings = {"param": {}, "limit": k, "expr": _among(only)}
        legs = [AnnSearchRequest([asked], leg, **settings) for leg in LEGS]
        ranker = WeightedRanker(1.0, _TITLE_WEIGHT, norm_score=False)
        [hits] = self.call("hybrid_search", self.collection, legs, ranker, limit=k, output_fields=["row"])
        return [(int(hit["row"]), float(hit["distance"])) for hit in hits]


@dataclass(frozen=True, slots=True)
class Passages:
    """Documents and passages, asked of the server when they are needed."""

    call: Call
    collection: str
    state: State

    def close(self) -> None:
        """Give the connection back."""
        self.call("close")

    def __len__(self) -> int:
        return self.state.manifest.passages

    def __iter__(self) -> Iterator[Passage]:
        for rows in self._scan(["row"]):
            yield from self.at(sorted(int(row["row"]) for row in rows))

    def _scan(self, fields: Sequence[str]) -> Iterator[list[Row]]:
        return scan(self.call, self.collection, fields, "row", self.state.next_row)

    def at(self, rows: Sequence[int]) -> list[Passage]:
        """See :class:`qa.generation.Passages`."""
        return [passage for passage, _ in self.headed_at(rows)]

    def headed_at(self, rows: Sequence[int]) -> list[tuple[Passage, str]]:
        """See :class:`qa.generation.Passages`."""
        found = by_row(self.call, self.collection, rows, [*PASSAGE_FIELDS, "heading"])
        places: dict[int, list[Row]] = defaultdict(list)
        for place in places_of(self.call, self.collection, [row for row in found if found[row]["repeats"]]):
            places[place["row"]].append(place)
        return [(passage_of(found[row], places[row]), found[row]["heading"]) for row in rows]

    def rows_of(self, document_ids: Sequence[str]) -> list[int]:
        """See :class:`qa.generation.Passages`."""
        places = f"{self.collection}_places"
        keys = [key_of(document_id) for document_id in document_ids]
        parts = (keys[i : i + _TOGETHER] for i in range(0, len(keys), _TOGETHER))
        return sorted(
            {
                int(row["row"])
                for part in parts
                for row in self.call("query", places, filter=one_of("key", part), output_fields=["row"])
            }
        )

    def document(self, document_id: str) -> Document:
        """See :class:`qa.generation.Passages`."""
        parts = parts_of(self.call, self.collection, key_of(document_id))
        if not parts:
            raise KeyError(document_id)
        first = heading_of(min(parts, key=lambda part: int(part["n"])))
        return Document(first.id, first.title, joined(parts), first.date, first.source, first.path, first.organisation)

    def headings(self, document_ids: Sequence[str] | None = None) -> dict[str, Document]:
        """See :class:`qa.generation.Passages`."""
        documents = f"{self.collection}_documents"
        if document_ids is None:
            found_pages = scan(self.call, documents, HEADING_FIELDS, "ord", self.state.next_document, "n == 0 and ")
            every = [row for page in found_pages for row in page]
            return {row["id"]: heading_of(row) for row in sorted(every, key=lambda row: int(row["ord"]))}
        wanted = list(dict.fromkeys(document_ids))
        found: dict[str, Document] = {}
        for part in (wanted[i : i + _TOGETHER] for i in range(0, len(wanted), _TOGETHER)):
            asked = f"n == 0 and {one_of('key', map(key_of, part))}"
            rows = self.call("query", documents, filter=asked, output_fields=HEADING_FIELDS)
            found.update((row["id"], heading_of(row)) for row in rows)
        return {document_id: found[document_id] for document_id in wanted if document_id in found}


@dataclass(frozen=True, slots=True)
class Generation:
    """One opened generation; bound to its own collections, not to the alias that may move on."""

    manifest: Manifest
    vectors: Vectors
    lexical: Lexical
    passages: Passages


def generation(call: Call, collection: str, state: State) -> Generation:
    """Return an opened generation."""
    n, dimension = state.manifest.passages, state.manifest.dimension
    vectors, lexical = Vectors(call, collection, n, dimension), Lexical(call, collection, n)
    return Generation(state.manifest, vectors, lexical, Passages(call, collection, state))


def by_row(call: Call, collection: str, rows: Sequence[int], fields: Sequence[str]) -> dict[int, Row]:
    """Return some rows of the passages by their number."""
    distinct = list(dict.fromkeys(rows))
    parts = (distinct[i : i + _TOGETHER] for i in range(0, len(distinct), _TOGETHER))
    return {
        int(row["row"]): row
        for part in parts
        for row in call("query", collection, filter=one_of("row", part), output_fields=list(fields))
    }


def places_of(call: Call, collection: str, rows: Sequence[int]) -> list[Row]:
    """Return all places of some passages."""
    fields = ["row", "n", "document", "start", "end"]
    parts = (rows[i : i + _TOGETHER] for i in range(0, len(rows), _TOGETHER))
    places = f"{collection}_places"
    return [
        place for part in parts for place in call("query", places, filter=one_of("row", part), output_fields=fields)
    ]


def parts_of(call: Call, collection: str, key: str) -> list[Row]:
    """Return the parts of a document, or of what a generation says of itself."""
    fields = ["n", "text", *HEADING_FIELDS]
    return list(call("query", f"{collection}_documents", filter=one_of("key", [key]), output_fields=fields))


def scan(
    call: Call, collection: str, fields: Sequence[str], number: str, end: int, where: str = ""
) -> Iterator[list[Row]]:
    """Yield all rows whose number is below ``end``, by their numbers, a page at a time."""
    for start in range(0, end, _PAGE):
        asked = f"{where}{number} >= {start} and {number} < {min(start + _PAGE, end)}"
        yield list(call("query", collection, filter=asked, output_fields=list(fields)))


def one_of(field: str, values: Iterable[int | str]) -> str:
    """Return the filter for rows whose field is one of the values: numbers, or letters and digits."""
    return f"{field} in {json.dumps(list(values))}"


def _among(only: Sequence[int] | None) -> str:
    return "" if only is None else one_of("row", only)


def _limit(k: int, n: int, only: Sequence[int] | None) -> int:
    return min(k, n if only is None else len(only), _MOST)


def _best_first(found: Iterable[Scored]) -> list[Scored]:
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))
