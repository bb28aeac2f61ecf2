"""How a generation lies in Milvus: four collections, their fields, and entries as rows of them (pure).

::

    NAME                          alias of the generation in use
    NAME_000001_3f9c0a51          passages: vector, folded terms under Milvus's BM25 functions, text
    NAME_000001_3f9c0a51_places   where each passage stands: its own place (n = 0) and its repeats
    NAME_000001_3f9c0a51_documents  documents in parts that fit a field, and the manifest
    NAME_000001_3f9c0a51_terms    how many passages hold each term

Documents are told apart by a hash of their id, so that no id has to be quoted in a filter.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qa.lexical import terms
from qa.records import Document, Manifest, Passage, Place, Skipped

LONGEST = 65_535  # bytes, Milvus's limit of one text field
_PART = LONGEST // 4  # characters, none of which is longer than four bytes
_EXACT_ROWS = 1_000_000
FORMAT = 1
STATE = "state"
PARTS = ("places", "documents", "terms")
LEGS = ("body", "title")
PASSAGE_FIELDS = ["row", "id", "document", "start", "end", "text", "repeats"]
HEADING_FIELDS = ["id", "ord", "title", "date", "source", "path", "organisation"]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """What a generation says of itself: the manifest, and the numbers that its next passage and document would get."""

    manifest: Manifest
    next_row: int
    next_document: int
    format: int = FORMAT


def named(name: str, number: int, mark: str) -> str:
    """Return the name of a generation's passages collection."""
    return f"{name}_{number:06d}_{mark}"


def number_of(name: str, collection: str) -> int | None:
    """Return the number of the generation that a collection belongs to, or None if it is not one of ``name``."""
    found = re.fullmatch(rf"{re.escape(name)}_(\d{{6,}})_[0-9a-f]{{8}}(?:_(?:{'|'.join(PARTS)}))?", collection)
    return int(found[1]) if found else None


def key_of(document_id: str) -> str:
    """Return the key of a document."""
    return hashlib.sha256(document_id.encode()).hexdigest()[:32]


def analysed(text_terms: Iterable[str]) -> str:
    """Return terms as a text that every analyser of Milvus cuts at its blanks and nowhere else."""
    return " ".join(term if term.isascii() else f"u{term.encode('utf-16-be').hex()}" for term in text_terms)


def passage_rows(p: Passage, heading: str, row: int, vector: Any) -> tuple[Row, list[Row]]:
    """Return a passage, indexed under a heading, as a row of the passages and the rows of its places."""
    places = [Place(p.document_id, p.start, p.end), *p.also_in]
    stored = {
        "row": row,
        "vector": vector,
        "id": p.id,
        "document": p.document_id,
        "start": p.start,
        "end": p.end,
        "text": p.text,
        "repeats": len(p.also_in),
        "heading": heading,
        "body_terms": analysed(terms(p.text)),
        "title_terms": analysed(terms(heading)),
    }
    return stored, [place_row(row, n, place) for n, place in enumerate(places)]


def place_row(row: int, n: int, place: Place) -> Row:
    """Return a place as a row."""
    return {
        "pk": f"{row}#{n}",
        "row": row,
        "n": n,
        "key": key_of(place.document_id),
        "document": place.document_id,
        "start": place.start,
        "end": place.end,
        "unused": [0.0, 0.0],
    }


def document_rows(document: Document, ord_: int) -> Iterator[Row]:
    """Yield a document in parts; what is not its text stands in the first."""
    data = asdict(document)
    yield from _parts(key_of(document.id), data.pop("text"), {**data, "ord": ord_})


def state_rows(state: State) -> Iterator[Row]:
    """Yield what a generation says of itself as the parts of a text."""
    text = json.dumps(asdict(state), ensure_ascii=False)
    blank = dict.fromkeys(HEADING_FIELDS, "")
    yield from _parts(STATE, text, {**blank, "ord": -1})


def _parts(key: str, text: str, about: Row) -> Iterator[Row]:
    for n, start in enumerate(range(0, max(len(text), 1), _PART)):
        shown = about if n == 0 else {**dict.fromkeys(HEADING_FIELDS, ""), "ord": about["ord"]}
        part = {"pk": f"{key}#{n}", "key": key, "n": n, "text": text[start : start + _PART], "unused": [0.0, 0.0]}
        yield {**part, **shown}


def joined(parts: Iterable[Row]) -> str:
    """Return the text that was stored in parts."""
    return "".join(part["text"] for part in sorted(parts, key=lambda part: int(part["n"])))


def state_of(text: str) -> State:
    """Return what a generation said of itself."""
    stored = json.loads(text)
    data = stored.pop("manifest")
    skipped = tuple(Skipped(**item) for item in data.pop("skipped"))
    return State(Manifest(**data, skipped=skipped), **stored)


def passage_of(row: Row, places: Sequence[Row]) -> Passage:
    """Return the passage of a row."""
    repeats = sorted((place for place in places if place["n"]), key=lambda place: int(place["n"]))
    also_in = tuple(Place(place["document"], place["start"], place["end"]) for place in repeats)
    return Passage(row["id"], row["document"], row["start"], row["end"], row["text"], also_in)


def heading_of(row: Row) -> Document:
    """Return a document without its text."""
    return Document(row["id"], row["title"], "", row["date"], row["source"], row["path"], row["organisation"])


def frequencies(bodies: Iterable[str]) -> Counter[str]:
    """Count the bodies that hold each term.

    :param bodies: analysed terms.
    """
    return Counter(term for body in bodies for term in set(body.split()))


def term_rows(counts: Counter[str]) -> Iterator[Row]:
    """Yield terms with their frequencies as rows."""
    return ({"term": term, "passages": n, "unused": [0.0, 0.0]} for term, n in counts.items())


def index_type(n: int) -> str:
    """Return how n vectors are searched: up to a million exactly, beyond that by Milvus's own choice of index."""
    return "FLAT" if n <= _EXACT_ROWS else "AUTOINDEX"


def schemas(dimension: int, n: int) -> dict[str, tuple[Any, Any]]:
    """Return the schema and the indexes of each of a generation's collections, by its part's name; "" is passages."""
    texts = {**dict.fromkeys(HEADING_FIELDS, LONGEST), "ord": None}
    numbers = dict.fromkeys(["row", "n", "start", "end"])
    return {
        "": _passages(dimension, index_type(n)),
        "places": _plain("pk", 64, {"key": 64, "document": LONGEST, **numbers}, looked_up=["key", "row"]),
        "documents": _plain("pk", 64, {"key": 64, "n": None, "text": LONGEST, **texts}, looked_up=["key"]),
        "terms": _plain("term", 400, {"passages": None}),
    }


def _passages(dimension: int, kind: str) -> tuple[Any, Any]:
    from pymilvus import DataType, Function, FunctionType, MilvusClient  # noqa: PLC0415

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("row", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    for field in ("start", "end", "repeats"):
        schema.add_field(field, DataType.INT64)
    for field in ("id", "document", "text", "heading"):
        schema.add_field(field, DataType.VARCHAR, max_length=LONGEST)
    indexes = MilvusClient.prepare_index_params()
    indexes.add_index("vector", index_type=kind, metric_type="IP")
    for leg in LEGS:
        schema.add_field(f"{leg}_terms", DataType.VARCHAR, max_length=LONGEST, enable_analyzer=True)
        schema.add_field(leg, DataType.SPARSE_FLOAT_VECTOR)
        schema.add_function(Function(f"{leg}_bm25", FunctionType.BM25, [f"{leg}_terms"], [leg]))
        bm25 = {"bm25_k1": 1.2, "bm25_b": 0.75}
        indexes.add_index(leg, index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params=bm25)
    return schema, indexes


def _plain(key: str, longest: int, fields: Mapping[str, int | None], looked_up: Sequence[str] = ()) -> tuple[Any, Any]:
    """Return a collection that is looked up and never searched; Milvus wants a vector in it all the same.

    :param fields: the longest text of each field in bytes; None for whole numbers.
    :param looked_up: the fields that filters ask for, the key aside.
    """
    from pymilvus import DataType, MilvusClient  # noqa: PLC0415

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(key, DataType.VARCHAR, is_primary=True, max_length=longest)
    for field, length in fields.items():
        if length is None:
            schema.add_field(field, DataType.INT64)
        else:
            schema.add_field(field, DataType.VARCHAR, max_length=length)
    schema.add_field("unused", DataType.FLOAT_VECTOR, dim=2)
    indexes = MilvusClient.prepare_index_params()
    indexes.add_index("unused", index_type="FLAT", metric_type="IP")
    for field in looked_up:
        indexes.add_index(field, index_type="INVERTED")
    return schema, indexes
