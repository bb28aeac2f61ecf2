"""A folder of documents → an index: read, split, embed what is new, store; in one pass, with bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from qa.embed import BUILTIN, BulkEncoder, Encoder, Floats, load_encoder
from qa.errors import IndexProblem, NoDocuments
from qa.formats import READERS
from qa.fresh import compare
from qa.intake import Taken, reading, take
from qa.layout import FORMAT, Layout
from qa.leads import lead
from qa.listing import Listed, digest, is_unchanged, list_files
from qa.lock import writing
from qa.passages import Entry
from qa.records import Built, Document, Manifest, Passage, Skipped
from qa.staging import Staging
from qa.store import Generation, open_generation, publish
from qa.vectors import SCAN_FROM, VectorIndex

Report = Callable[[int, int], None]

_EMBEDDED_AT_ONCE = 2048
_COMMIT_EVERY = 20_000  # passages
_RECALL_SAMPLE = 32


def build_index(
    documents: str | Path = "seeds",
    index: str | Path = "index",
    *,
    model: str | Encoder | None = None,
    rebuild: bool = False,
    exact: bool = False,
    spread: Callable[[Encoder], Encoder] | None = None,
    progress: Report | None = None,
) -> Built:
    """Build the index of a folder of documents, or bring it up to date.

    :param model: a model's name or path, or a loaded encoder; by default the one the index has, else the built-in.
    :param rebuild: read and embed everything again, whatever is there.
    :param exact: score every passage in every search; by default a large index finds candidates by compressed vectors.
    :param spread: gives the encoder that embeds in the place of the model, as :class:`qa.ray_embed.Cluster` does.
    :param progress: called with (passages embedded, passages to embed), the latter an estimate until all are read.
    :return: what was done; ``changed`` is False if the index was up to date already.
    :raises NoDocuments: if the folder holds nothing readable.
    :raises IndexLocked: if another process is building there.

    What a build that was killed had done is used by the next one.
    """
    folder, index = Path(documents), Path(index)
    files = list_files(folder, READERS)
    if not files:
        raise NoDocuments(folder, "no readable documents")
    with writing(index):
        old = None if rebuild else _opened(index)
        try:
            encoder = _encoder(model, old)
            if old is not None and _is_same(old, encoder, folder, files, exact):
                return _built(old.manifest, 0, old.passages.skipped(), changed=False)
            encoder = encoder if spread is None else spread(encoder)
            return _build(folder, index, files, encoder, old, exact, rebuild, progress)
        finally:
            if old is not None:
                old.passages.close()


def _build(
    folder: Path,
    index: Path,
    files: Sequence[Listed],
    encoder: Encoder,
    old: Generation | None,
    exact: bool,
    rebuild: bool,
    progress: Report | None,
) -> Built:
    about = {"fingerprint": encoder.fingerprint, "folder": str(folder.absolute()), "reading": reading()}
    staging = _resumed(index, encoder, about, files) if not rebuild else _begun(index, encoder, about)
    done = len(staging.files())
    skipped = [Skipped(name, state.reason) for name, state in staging.files().items() if state.reason]
    states = dict(staging.files())
    reused = old.passages if old is not None and old.manifest.reading == reading() else None
    with _closing(staging), _Embedding(encoder, old, staging, progress) as embedding:
        for taken in take(files[done:], folder, reused):
            done += 1
            states[taken.name] = taken.state
            staging.add_file(taken.name, taken.state)
            if taken.document is None:
                skipped.append(Skipped(taken.name, taken.state.reason))
                continue
            embedding.add(staging.add(taken.document, _entries(taken)), done / len(files))
        embedding.finish()
        if not staging.documents:
            raise NoDocuments(folder, "; ".join(f"{item.path}: {item.reason}" for item in skipped[:3]))
        seen = [Listed(name, "", state.size, state.mtime_ns) for name, state in states.items()]
        listing = digest(seen) if all(state.sha256 for state in states.values()) else ""
        found = {"folder": str(folder.absolute()), "files": len(files), "listing": listing, "skipped": tuple(skipped)}
        manifest = _finished(index, staging, encoder, {**about, **found}, exact=exact)
    return _built(manifest, embedding.embedded, tuple(skipped), changed=True)


def build_collection(
    documents: Sequence[Document], index: Path, encoder: Encoder, progress: Report | None = None
) -> None:
    """Index ready-made documents of which each is exactly one passage, as evaluation sets have them."""
    about = {"fingerprint": encoder.fingerprint, "folder": "", "reading": ""}
    with writing(index):
        staging = _begun(index, encoder, about)
        with _closing(staging), _Embedding(encoder, None, staging, progress) as embedding:
            for n, document in enumerate(documents, 1):
                whole = Passage(document.id, document.id, 0, len(document.text), document.text)
                embedding.add(staging.add(document, [entry(document, whole)]), n / len(documents))
            embedding.finish()
            _finished(index, staging, encoder, {**about, "files": 0, "listing": "", "skipped": ()})


def ensure_index(index: str | Path = "index", documents: str | Path = "seeds", *, say: Callable[[str], None]) -> None:
    """Build the index if the folder holds none; ``say`` is told before and after."""
    if not Layout(Path(index)).current.exists():
        say(f"{index}: no index yet, building it from {documents}")
        built = build_index(documents, index)
        say(f"{index}: {built.documents} documents, {built.passages} passages")


def entry(document: Document, passage: Passage, key: bytes = b"") -> Entry:
    """Say what is indexed for a passage: its text under its document's organisation and title, and what announces it.

    :param key: passages with the same one are one passage (:func:`qa.split.key`); without one it stands alone.
    """
    title, announced = heading_of(document), lead(document.text, passage.start)
    heading = f"{title}\n{announced}" if announced else title
    embedded = hashlib.sha256(embedded_text(heading, passage).encode()).hexdigest()[:32]
    return Entry(passage, heading, embedded, key)


def heading_of(document: Document) -> str:
    """Return the title, behind the organisation where it does not name that: of a long heading, the end is not read."""
    named = document.organisation in document.title
    return document.title if named else f"{document.organisation} {document.title}".strip()


def embedded_text(heading: str, passage: Passage) -> str:
    """Return the text that a passage's vector is made from."""
    return f"{heading}\n{passage.text}" if heading and heading not in passage.text else passage.text


def _opened(index: Path) -> Generation | None:
    try:
        return open_generation(index)
    except IndexProblem:
        return None


def _encoder(model: str | Encoder | None, old: Generation | None) -> Encoder:
    if model is None:
        model = old.manifest.model if old else BUILTIN
    return load_encoder(model) if isinstance(model, str) else model


def _is_same(old: Generation, encoder: Encoder, folder: Path, files: Sequence[Listed], exact: bool) -> bool:
    manifest = old.manifest
    return (
        manifest.fingerprint == encoder.fingerprint
        and manifest.reading == reading()
        and manifest.folder == str(folder.absolute())
        and manifest.search == _search(manifest.passages, exact)
        and ((manifest.listing != "" and manifest.listing == digest(files)) or not compare(old.passages.files(), files))
    )


def _search(n: int, exact: bool) -> str:
    return "exact" if exact or n < SCAN_FROM else "scan"


def _begun(index: Path, encoder: Encoder, about: dict[str, Any]) -> Staging:
    return Staging.begin(index, encoder.dimension, {"format": FORMAT, **about})


def _resumed(index: Path, encoder: Encoder, about: dict[str, Any], files: Sequence[Listed]) -> Staging:
    """Go on with a build that was killed, if the files that it had looked at are still as they were."""
    staging = Staging.begin(index, encoder.dimension, {"format": FORMAT, **about}, resume=True)
    before = staging.files()
    same = all(
        file.name == name and is_unchanged(file, state)
        for file, (name, state) in zip(files, before.items(), strict=False)
    )
    if same and len(before) <= len(files):
        return staging
    staging.close()
    return _begun(index, encoder, about)


@contextmanager
def _closing(staging: Staging) -> Iterator[None]:
    try:
        yield
    except BaseException:
        staging.close()
        raise


def _entries(taken: Taken) -> Iterator[Entry]:
    document = taken.document
    assert document is not None  # noqa: S101
    for cut in taken.cuts:
        text = document.text[cut.start : cut.end]
        passage = Passage(f"{document.id}#{cut.start}-{cut.end}", document.id, cut.start, cut.end, text)
        yield entry(document, passage, cut.key)


def _finished(
    index: Path, staging: Staging, encoder: Encoder, about: dict[str, Any], *, exact: bool = False
) -> Manifest:
    search = _search(len(staging), exact)
    samples = staging.sample(_RECALL_SAMPLE) if search == "scan" else []
    files = staging.finish(scan=search == "scan")
    recall = 1.0
    if search == "scan":
        recall = measure_recall(VectorIndex.open(files.vectors, files.scan), encoder.encode_queries(samples))
    told = {"model": encoder.name, "dimension": encoder.dimension, "search": search, "recall": recall}
    return publish(index, staging, {**about, **told})


def measure_recall(vectors: VectorIndex, queries: Floats, k: int = 10) -> float:
    """Return the share of the k nearest rows that a search finds, over all queries."""
    found, nearest = vectors.search(queries, k), vectors.search(queries, k, exact=True)
    wanted = sum(map(len, nearest))
    right = sum(len(dict(one).keys() & dict(best).keys()) for one, best in zip(found, nearest, strict=True))
    return right / wanted if wanted else 1.0


def _built(manifest: Manifest, embedded: int, skipped: tuple[Skipped, ...], *, changed: bool) -> Built:
    return Built(
        manifest.generation,
        manifest.documents,
        manifest.passages,
        embedded,
        skipped,
        changed,
        manifest.search,
        manifest.recall,
    )


class _Embedding:
    """Passages → vectors, a block at a time, in a thread of its own, while the next passages are read."""

    def __init__(self, encoder: Encoder, old: Generation | None, staging: Staging, progress: Report | None) -> None:
        self._encoder = encoder
        self._at_once = encoder.at_once if isinstance(encoder, BulkEncoder) else _EMBEDDED_AT_ONCE
        self._old = old if old is not None and old.manifest.fingerprint == encoder.fingerprint else None
        self._staging = staging
        self._progress = progress
        self._waiting: list[Entry] = []
        self._running: Future[tuple[Floats, int]] | None = None
        self._worker = ThreadPoolExecutor(1)
        self._new = 0
        self._committed = len(staging)
        self._share = 0.0
        self.embedded = 0

    def __enter__(self) -> _Embedding:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(cancel_futures=True)

    def add(self, entries: Sequence[Entry], share: float) -> None:
        """Take the next passages; ``share`` of all files have been read."""
        self._waiting += entries
        self._share = share
        while len(self._waiting) >= self._at_once:
            self._embed(self._waiting[: self._at_once])
            del self._waiting[: self._at_once]
        if len(self._staging) - self._committed >= _COMMIT_EVERY:
            self.finish()
            self._staging.commit()
            self._committed = len(self._staging)

    def finish(self) -> None:
        """Embed what is left."""
        self._embed(self._waiting)
        self._waiting = []
        self._collect()

    def _embed(self, entries: Sequence[Entry]) -> None:
        known = {} if self._old is None else self._old.passages.rows_embedded([one.embedded for one in entries])
        self._new += sum(one.embedded not in known for one in entries)
        self._collect()
        self._running = self._worker.submit(_vectors, self._encoder, entries, self._old, known)

    def _collect(self) -> None:
        if self._running is None:
            return
        vectors, new = self._running.result()
        self._running = None
        self._staging.add_vectors(vectors)
        self.embedded += new
        if self._progress is not None and new:
            self._progress(self.embedded, max(self.embedded, round(self._new / self._share)))


def _vectors(
    encoder: Encoder, entries: Sequence[Entry], old: Generation | None, known: dict[str, int]
) -> tuple[Floats, int]:
    """Return a vector for each entry, from the old generation where its text is unchanged, and how many are new."""
    kept = [(n, known[e.embedded]) for n, e in enumerate(entries) if e.embedded in known]
    fresh = [n for n, e in enumerate(entries) if e.embedded not in known]
    vectors = np.zeros((len(entries), encoder.dimension), np.float32)
    if old is not None and kept:
        vectors[[n for n, _ in kept]] = old.vectors.rows([row for _, row in kept])
    if fresh:
        texts = [embedded_text(entries[n].heading, entries[n].passage) for n in fresh]
        vectors[fresh] = encoder.encode_documents(texts)
    return vectors, len(fresh)
