"""Documents put into, and taken out of, the generation in use, where a build of everything would be too much.

New passages are written before old ones go, so a reader misses nothing, but for a moment it may see both. A passage
that stood in a removed document and stands elsewhere too moves there; the heading and the vector that it was indexed
under stay until the next build, as do the manifest's ``files``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qa.generation import Floats
from qa.milvus import Connection, MilvusStore, insert
from qa.milvus_read import Passages, by_row, one_of, places_of
from qa.milvus_records import (
    PASSAGE_FIELDS,
    STATE,
    Row,
    State,
    document_rows,
    frequencies,
    key_of,
    passage_rows,
    place_row,
    state_rows,
    term_rows,
)
from qa.passages import Entry
from qa.records import Document, Manifest, Place

_WHOLE = [*PASSAGE_FIELDS, "vector", "heading", "body_terms", "title_terms"]


@dataclass(frozen=True, slots=True)
class Left:
    """What becomes of the passages that stand in documents which go: some are gone, others stand elsewhere too."""

    gone: dict[int, Row]
    kept: dict[int, tuple[Row, list[Place]]]


def upsert_documents(
    store: MilvusStore, documents: Sequence[Document], entries: Sequence[Entry], vectors: Floats
) -> Manifest:
    """Put documents into the generation in use, in the place of those that have the same ids.

    :param entries: all passages of these documents, and of no others.
    :param vectors: float32, shape (len(entries), dim), in the order of the entries.
    :raises IndexMissing: if no generation is in use.
    """
    call, collection = store.connect()
    try:
        state = store.stored(call, collection)
        before = _numbers(call, collection, [document.id for document in documents])
        left = _left(call, collection, state, [document.id for document in documents])
        stored = [
            passage_rows(entry.passage, entry.heading, row, vector.tolist())
            for row, (entry, vector) in enumerate(zip(entries, vectors, strict=True), state.next_row)
        ]
        insert(call, collection, [passage for passage, _ in stored])
        insert(call, f"{collection}_places", [place for _, places in stored for place in places])
        _take_out(call, collection, left)
        numbers = _write_documents(call, collection, documents, before, state.next_document)
        added = frequencies(passage["body_terms"] for passage, _ in stored)
        _count_terms(call, collection, added, left)
        manifest = replace(
            state.manifest,
            documents=state.manifest.documents + len(documents) - len(before),
            passages=state.manifest.passages + len(entries) - len(left.gone),
        )
        _say(call, collection, State(manifest, state.next_row + len(entries), numbers))
        return manifest
    finally:
        call("close")


def delete_documents(store: MilvusStore, document_ids: Sequence[str]) -> Manifest:
    """Take documents out of the generation in use; ids that it does not have are passed over.

    :raises IndexMissing: if no generation is in use.
    """
    call, collection = store.connect()
    try:
        state = store.stored(call, collection)
        before = _numbers(call, collection, document_ids)
        left = _left(call, collection, state, list(before))
        _take_out(call, collection, left)
        call("delete", f"{collection}_documents", filter=one_of("key", [key_of(i) for i in before] or ["none"]))
        _count_terms(call, collection, Counter(), left)
        manifest = replace(
            state.manifest,
            documents=state.manifest.documents - len(before),
            passages=state.manifest.passages - len(left.gone),
        )
        _say(call, collection, replace(state, manifest=manifest))
        return manifest
    finally:
        call("close")


def _numbers(call: Connection, collection: str, document_ids: Sequence[str]) -> dict[str, int]:
    """Return the numbers of those documents that the generation has."""
    asked = f"n == 0 and {one_of('key', [key_of(i) for i in document_ids] or ['none'])}"
    found = call("query", f"{collection}_documents", filter=asked, output_fields=["id", "ord"])
    return {row["id"]: int(row["ord"]) for row in found}


def _left(call: Connection, collection: str, state: State, document_ids: Sequence[str]) -> Left:
    rows = Passages(call, collection, state).rows_of(document_ids)
    passages = by_row(call, collection, rows, _WHOLE)
    places: dict[int, list[Place]] = defaultdict(list)
    for place in sorted(places_of(call, collection, rows), key=lambda place: int(place["n"])):
        if place["document"] not in document_ids:
            places[place["row"]].append(Place(place["document"], place["start"], place["end"]))
    gone = {row: passage for row, passage in passages.items() if row not in places}
    texts = Passages(call, collection, state)
    return Left(gone, {row: (_moved(texts, passages[row], places[row]), places[row]) for row in places})


def _moved(texts: Passages, passage: Row, places: Sequence[Place]) -> Row:
    """Return a passage at the first of its remaining places, as its words are written there."""
    own = places[0]
    text = texts.document(own.document_id).text[own.start : own.end]
    place = {"id": f"{own.document_id}#{own.start}-{own.end}", "document": own.document_id}
    return {**passage, **place, "start": own.start, "end": own.end, "text": text, "repeats": len(places) - 1}


def _take_out(call: Connection, collection: str, left: Left) -> None:
    for passage, _ in left.kept.values():
        call("upsert", collection, [passage])
    rows = [*left.gone, *left.kept]
    if rows:
        call("delete", f"{collection}_places", filter=one_of("row", rows))
    kept = [place_row(row, n, place) for row, (_, places) in left.kept.items() for n, place in enumerate(places)]
    insert(call, f"{collection}_places", kept)
    if left.gone:
        call("delete", collection, filter=one_of("row", list(left.gone)))


def _write_documents(
    call: Connection, collection: str, documents: Sequence[Document], before: dict[str, int], free: int
) -> int:
    """Write documents under their old numbers or the next free ones; return the number that is free then."""
    for document in documents:
        number = before.get(document.id, free)
        free += document.id not in before
        parts = list(document_rows(document, number))
        call("upsert", f"{collection}_documents", parts)
        surplus = f"n >= {len(parts)} and {one_of('key', [key_of(document.id)])}"
        call("delete", f"{collection}_documents", filter=surplus)
    return free


def _count_terms(call: Connection, collection: str, added: Counter[str], left: Left) -> None:
    counts = Counter(added)
    counts.subtract(frequencies(passage["body_terms"] for passage in left.gone.values()))
    changed = sorted(term for term, n in counts.items() if n)
    for start in range(0, len(changed), 500):
        part = changed[start : start + 500]
        fields = ["term", "passages"]
        found = call("query", f"{collection}_terms", filter=one_of("term", part), output_fields=fields)
        now = Counter({row["term"]: int(row["passages"]) for row in found})
        after = {term: now[term] + counts[term] for term in part}
        call("upsert", f"{collection}_terms", list(term_rows(Counter(after))))


def _say(call: Connection, collection: str, state: State) -> None:
    parts = list(state_rows(state))
    call("upsert", f"{collection}_documents", parts)
    call("delete", f"{collection}_documents", filter=f"n >= {len(parts)} and {one_of('key', [STATE])}")
