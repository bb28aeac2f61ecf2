"""A folder of documents → an index: read, split, embed what is new, store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from qa.embed import BUILTIN, Encoder, Floats, load_encoder
from qa.errors import IndexProblem, IndexStale, NoDocuments, UnreadableFile
from qa.layout import Layout, sha256
from qa.lock import writing
from qa.passages import Entry
from qa.read import read_document, scan
from qa.records import Built, Document, FileState, Manifest, Passage, Skipped
from qa.split import collapse, split_document
from qa.store import Generation, open_generation, write_generation

Report = Callable[[int, int], None]


def build_index(
    documents: str | Path = "seeds",
    index: str | Path = "index",
    *,
    model: str | Encoder | None = None,
    rebuild: bool = False,
    progress: Report | None = None,
) -> Built:
    """Build the index of a folder of documents, or bring it up to date.

    :param model: a model's name or path, or a loaded encoder; by default the one the index has, else the built-in.
    :param rebuild: embed everything again, whatever is there.
    :param progress: called with (passages embedded, passages to embed).
    :return: what was done; ``changed`` is False if the index was up to date already.
    :raises NoDocuments: if the folder holds nothing readable.
    :raises IndexLocked: if another process is building there.
    """
    folder, index = Path(documents), Path(index)
    paths = scan(folder)
    if not paths:
        raise NoDocuments(folder, "no readable documents")
    with writing(index):
        old = None if rebuild else _opened(index)
        encoder = _encoder(model, old)
        read, files, skipped = _read_all(folder, paths)
        if old is not None and _same(old.manifest, encoder, folder, files):
            return Built(old.manifest.generation, len(read), old.manifest.passages, 0, skipped, changed=False)
        if not read:
            raise NoDocuments(folder, "; ".join(f"{item.path}: {item.reason}" for item in skipped[:3]))
        passages = collapse([passage for document in read for passage in split_document(document)])
        entries = [entry(document, passage) for document, passage in _paired(read, passages)]
        vectors, embedded = _vectors(encoder, entries, old, progress)
        about = {
            "model": encoder.name,
            "fingerprint": encoder.fingerprint,
            "folder": str(folder.absolute()),
            "files": files,
            "skipped": skipped,
        }
        manifest = write_generation(index, read, entries, vectors, about)
    return Built(manifest.generation, len(read), len(entries), embedded, skipped, changed=True)


def build_collection(
    documents: Sequence[Document], index: Path, encoder: Encoder, progress: Report | None = None
) -> None:
    """Index ready-made documents of which each is exactly one passage, as evaluation sets have them."""
    pairs = [(d, Passage(d.id, d.id, 0, len(d.text), d.text)) for d in documents]
    entries = [entry(document, passage) for document, passage in pairs]
    vectors, _ = _vectors(encoder, entries, None, progress)
    about = {"model": encoder.name, "fingerprint": encoder.fingerprint, "folder": "", "files": {}, "skipped": ()}
    with writing(index):
        write_generation(index, documents, entries, vectors, about)


def ensure_index(index: str | Path = "index", documents: str | Path = "seeds", *, say: Callable[[str], None]) -> None:
    """Build the index if the folder holds none; ``say`` is told before and after."""
    if not Layout(Path(index)).current.exists():
        say(f"{index}: no index yet, building it from {documents}")
        built = build_index(documents, index)
        say(f"{index}: {built.documents} documents, {built.passages} passages")


def check_fresh(index: Path, manifest: Manifest) -> None:
    """Compare the indexed folder with the index; a folder that is gone is not compared.

    :raises IndexStale: if files were added, removed or changed since.
    """
    folder = Path(manifest.folder)
    if not manifest.folder or not folder.is_dir():
        return
    now = {path.relative_to(folder).as_posix(): path for path in scan(folder)}
    added, removed = now.keys() - manifest.files.keys(), manifest.files.keys() - now.keys()
    changed = [name for name in now.keys() & manifest.files.keys() if _changed(now[name], manifest.files[name])]
    if added or removed or changed:
        parts = [(added, "new"), (removed, "gone"), (changed, "changed")]
        differences = ", ".join(f"{len(names)} {word} ({min(names)})" for names, word in parts if names)
        raise IndexStale(
            index,
            f"was built from {len(manifest.files)} files, {folder} has {len(now)}: {differences}",
            f"qa index {folder} --index {index}",
        )


def entry(document: Document, passage: Passage) -> Entry:
    """Say what is indexed for a passage: its text under its document's title and organisation."""
    heading = heading_of(document)
    return Entry(passage, heading, hashlib.sha256(embedded_text(heading, passage).encode()).hexdigest())


def heading_of(document: Document) -> str:
    """Return the title, followed by the organisation where the title does not name it."""
    named = document.organisation in document.title
    return document.title if named else f"{document.title} {document.organisation}".strip()


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


def _same(manifest: Manifest, encoder: Encoder, folder: Path, files: dict[str, FileState]) -> bool:
    before = {name: state.sha256 for name, state in manifest.files.items()}
    return (
        manifest.fingerprint == encoder.fingerprint
        and manifest.folder == str(folder.absolute())
        and before == {name: state.sha256 for name, state in files.items()}
    )


def _read_all(folder: Path, paths: Sequence[Path]) -> tuple[list[Document], dict[str, FileState], tuple[Skipped, ...]]:
    documents, files, skipped = [], {}, []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            files[name] = _state(path)
            documents.append(read_document(path, folder))
        except (UnreadableFile, OSError) as error:
            reason = error.reason if isinstance(error, UnreadableFile) else error.strerror or str(error)
            skipped.append(Skipped(name, reason))
    return documents, files, tuple(skipped)


def _state(path: Path) -> FileState:
    status = path.stat()
    return FileState(sha256(path), status.st_size, status.st_mtime_ns)


def _changed(path: Path, before: FileState) -> bool:
    try:
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) == (before.size, before.mtime_ns):
            return False
        return status.st_size != before.size or sha256(path) != before.sha256
    except OSError:
        return True


def _paired(documents: Sequence[Document], passages: Sequence[Passage]) -> list[tuple[Document, Passage]]:
    by_id = {document.id: document for document in documents}
    return [(by_id[passage.document_id], passage) for passage in passages]


def _vectors(
    encoder: Encoder, entries: Sequence[Entry], old: Generation | None, progress: Report | None
) -> tuple[Floats, int]:
    """Return a vector for each entry, from the old generation where its text is unchanged, and how many are new."""
    known = old.passages.embedded() if old and old.manifest.fingerprint == encoder.fingerprint else {}
    kept = [(n, known[e.embedded]) for n, e in enumerate(entries) if e.embedded in known]
    fresh = [n for n, e in enumerate(entries) if e.embedded not in known]
    vectors = np.zeros((len(entries), encoder.dimension), np.float32)
    if old is not None and kept:
        vectors[[n for n, _ in kept]] = old.vectors.rows([row for _, row in kept])
    done = 0

    def step(n: int) -> None:
        nonlocal done
        done += n
        if progress is not None:
            progress(done, len(fresh))

    if fresh:
        texts = [embedded_text(entries[n].heading, entries[n].passage) for n in fresh]
        vectors[fresh] = encoder.encode_documents(texts, step)
    return vectors, len(fresh)
