"""A Milvus server, or a Milvus Lite file, as the place that an index is served from.

An index is built in a folder and published here: into collections of its own, which are loaded and counted before one
alias moves to them. Readers see the generation before or the new one, complete, and stay with the one they opened.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any
from urllib.parse import urlsplit

from qa import generation, milvus_read
from qa.errors import InvalidStore, StoreDamaged, StoreMissing, StoreUnreachable
from qa.milvus_read import parts_of
from qa.milvus_records import (
    FORMAT,
    PARTS,
    STATE,
    Row,
    State,
    document_rows,
    frequencies,
    index_type,
    joined,
    named,
    number_of,
    passage_rows,
    schemas,
    state_of,
    state_rows,
    term_rows,
)
from qa.records import Manifest

SCHEME = "milvus+"
_FILE_ALIAS = "qa"
_KEPT_GENERATIONS = 2
_BATCH = 500
_SECONDS = 60.0
# Milvus Lite hangs up on a connection that waits and is pinged all the same: "too many pings".
_UNPINGED = {"grpc.keepalive_permit_without_calls": 0}
_RECALL_SAMPLE, _RECALL_AT = 32, 10


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is: what pymilvus connects to, and the alias of the generation in use."""

    uri: str
    alias: str


def parse_address(location: str) -> Address:
    """Read ``milvus+http://host:19530/collection`` or ``milvus+file:PATH.db``.

    :raises InvalidStore: if it is neither.
    """
    parts = urlsplit(location.removeprefix(SCHEME)) if location.startswith(SCHEME) else urlsplit("")
    if parts.scheme == "file" and parts.path.endswith(".db") and not parts.netloc:
        return Address(parts.path, _FILE_ALIAS)
    alias = parts.path.strip("/")
    if parts.scheme in {"http", "https"} and parts.hostname and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", alias):
        return Address(f"{parts.scheme}://{parts.netloc}", alias)
    raise InvalidStore(location)


class Connection:
    """Calls a client by the name of its method; what goes wrong there becomes a ``StoreUnreachable``."""

    def __init__(self, location: str, uri: str) -> None:
        try:
            from pymilvus import MilvusClient, MilvusException  # noqa: PLC0415
        except ImportError as error:
            raise StoreUnreachable(location, "pymilvus is not installed", "pip install 'wenda[milvus]'") from error
        self._location = location
        self._error = MilvusException
        try:
            token = os.environ.get("MILVUS_TOKEN", "")
            self._client = MilvusClient(uri, token=token, timeout=_SECONDS, grpc_options=_UNPINGED)
        except MilvusException as error:
            raise self._told(error) from error

    def __call__(self, method: str, *arguments: Any, **settings: Any) -> Any:
        try:
            return getattr(self._client, method)(*arguments, **settings)
        except self._error as error:
            raise self._told(error) from error

    def _told(self, error: Any) -> StoreUnreachable:
        return StoreUnreachable(self._location, f"Milvus says: {error.message}", f"qa doctor --store {self._location}")


class MilvusStore:
    """The generations that were published to one address."""

    def __init__(self, location: str) -> None:
        """Name a store; nothing is asked of it yet.

        :param location: as :func:`parse_address` takes it.
        """
        self.location = location
        self._address = parse_address(location)

    def open(self) -> milvus_read.Generation:
        """Open the generation in use.

        :raises StoreMissing: if none was published.
        :raises StoreUnreachable, StoreDamaged: if it cannot be read.
        """
        call, collection = self.connect()
        return milvus_read.generation(call, collection, self.stored(call, collection))

    def in_use(self) -> str:
        """Return the collection of the generation in use.

        :raises StoreMissing: if none was published.
        :raises StoreUnreachable: if it cannot be asked.
        """
        call = self._connect()
        try:
            return self._published(call)
        finally:
            call("close")

    def check(self) -> str:
        """Count what is there; say what was counted.

        :raises StoreDamaged: if it is not what was published.
        """
        call, collection = self.connect()
        try:
            manifest = self.stored(call, collection).manifest
            self._count(call, collection, manifest.passages)
            return f"{manifest.passages} passages counted in {collection}"
        finally:
            call("close")

    def publish(self, built: generation.Generation, progress: Callable[[int, int], None] | None = None) -> bool:
        """Copy a generation here and make it the one in use; say whether it was not already.

        :param progress: called with (passages copied, passages to copy).

        Two that publish at once do not touch each other's collections; the last to end is in use.
        """
        call = self._connect()
        try:
            current = self._current(call)
            if current and self.stored(call, current).manifest.generation == built.manifest.generation:
                return False
            numbers = [number_of(self._address.alias, name) or 0 for name in call("list_collections")]
            collection = named(self._address.alias, 1 + max(numbers, default=0), os.urandom(4).hex())
            self._copy(call, collection, built, progress)
            call("alter_alias" if current else "create_alias", collection, self._address.alias)
            self._prune(call, collection)
            return True
        finally:
            call("close")

    def connect(self) -> tuple[Connection, str]:
        """Return a connection and the collection of the generation in use.

        :raises StoreMissing: if there is none.
        """
        call = self._connect()
        collection = self._published(call)
        for part in ("", *PARTS):  # Milvus Lite starts with none loaded
            call("load_collection", part_name(collection, part))
        return call, collection

    def _published(self, call: Connection) -> str:
        collection = self._current(call)
        if collection is None:
            raise StoreMissing(self.location)
        return collection

    def stored(self, call: Connection, collection: str) -> State:
        """Return what a generation says of itself.

        :raises StoreDamaged: if it says nothing, or what this version does not read.
        """
        parts = parts_of(call, collection, STATE)
        if not parts:
            raise StoreDamaged(self.location, f"{collection} says nothing of itself")
        state = state_of(joined(parts))
        if state.format != FORMAT:
            raise StoreDamaged(self.location, f"{collection} has format {state.format}, this version reads {FORMAT}")
        return state

    def _connect(self) -> Connection:
        return Connection(self.location, self._address.uri)

    def _current(self, call: Connection) -> str | None:
        if self._address.alias not in call("list_aliases")["aliases"]:
            return None
        return str(call("describe_alias", self._address.alias)["collection_name"])

    def _copy(
        self,
        call: Connection,
        collection: str,
        built: generation.Generation,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        n, kinds = len(built.passages), schemas(built.manifest.dimension, len(built.passages))
        for part, (schema, _) in kinds.items():
            call("create_collection", part_name(collection, part), schema=schema)
        counts: Counter[str] = Counter()
        places = 0
        for start in range(0, n, _BATCH):
            passages, located = _passages(built, range(start, min(start + _BATCH, n)))
            counts += frequencies(row["body_terms"] for row in passages)
            insert(call, collection, passages)
            places += insert(call, part_name(collection, "places"), located)
            if progress is not None:
                progress(start + len(passages), n)
        ids = list(built.passages.headings())
        documents = chain.from_iterable(document_rows(built.passages.document(id_), i) for i, id_ in enumerate(ids))
        written = {
            "": n,
            "places": places,
            "terms": insert(call, part_name(collection, "terms"), term_rows(counts)),
            "documents": insert(call, part_name(collection, "documents"), documents),
        }
        for part in ("", "places", "terms"):
            self._load(call, part_name(collection, part), kinds[part][1], written[part])
        state = State(self._manifest(call, collection, built), n, len(ids))
        name = part_name(collection, "documents")
        self._load(call, name, kinds["documents"][1], written["documents"] + insert(call, name, state_rows(state)))

    def _load(self, call: Connection, name: str, indexes: Any, rows: int) -> None:
        call("flush", name)
        call("create_index", name, indexes, sync=False)  # loading waits for them
        call("load_collection", name)
        self._count(call, name, rows)

    def _count(self, call: Connection, name: str, written: int) -> None:
        [counted] = call("query", name, filter="", output_fields=["count(*)"], consistency_level="Strong")
        if counted["count(*)"] != written:
            raise StoreDamaged(self.location, f"{name} holds {counted['count(*)']} rows, {written} were written")

    def _manifest(self, call: Connection, collection: str, built: generation.Generation) -> Manifest:
        """Return the manifest as it holds here: other files, and another search."""
        manifest = replace(built.manifest, checksums={}, heads={}, sizes={}, search="exact", recall=1.0)
        if index_type(manifest.passages) == "FLAT":
            return manifest
        vectors = milvus_read.Vectors(call, collection, manifest.passages, manifest.dimension)
        return replace(manifest, search="milvus", recall=_recall(vectors, built.vectors))

    def _prune(self, call: Connection, collection: str) -> None:
        current = number_of(self._address.alias, collection) or 0
        for name in call("list_collections"):
            number = number_of(self._address.alias, name)
            if number is not None and number <= current - _KEPT_GENERATIONS:
                call("drop_collection", name)


def part_name(collection: str, part: str) -> str:
    """Return the name of one of a generation's collections; "" is passages."""
    return f"{collection}_{part}" if part else collection


def insert(call: Connection, collection: str, rows: Iterable[Row]) -> int:
    """Insert rows, some at a time; return how many there were."""
    rest, n = iter(rows), 0
    while batch := list(islice(rest, _BATCH)):
        call("insert", collection, batch)
        n += len(batch)
    return n


def _passages(built: generation.Generation, rows: Sequence[int]) -> tuple[list[Row], Iterator[Row]]:
    vectors = built.vectors.rows(rows).tolist()
    headed = zip(built.passages.headed_at(rows), rows, vectors, strict=True)
    stored = [passage_rows(passage, heading, row, vector) for (passage, heading), row, vector in headed]
    return [row for row, _ in stored], chain.from_iterable(places for _, places in stored)


def _recall(served: generation.Vectors, built: generation.Vectors) -> float:
    """Return the share of the nearest passages that a search here finds, with evenly taken passages as questions."""
    step = max(1, len(built) // _RECALL_SAMPLE)
    queries = built.rows(list(range(0, len(built), step))[:_RECALL_SAMPLE])
    pairs = zip(served.search(queries, _RECALL_AT), built.search(queries, _RECALL_AT), strict=True)
    found = [(len(dict(here).keys() & dict(there).keys()), len(there)) for here, there in pairs]
    return sum(right for right, _ in found) / sum(wanted for _, wanted in found)
