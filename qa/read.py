"""Files → ``Document``s. One bad file never stops the rest; question files are read by :mod:`qa.questions`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qa.decode import replace_surrogates
from qa.errors import NoDocuments, UnreadableFile
from qa.facts import find_facts, with_head
from qa.formats import READERS, UnreadableError, parse
from qa.listing import list_files
from qa.load import SIZE_LIMIT, load
from qa.questions import read_questions
from qa.records import Document, Skipped

__all__ = ["document_id", "read_document", "read_documents", "read_questions", "scan"]


def scan(folder: str | Path) -> list[Path]:
    """Return the files under a folder that can be read by their ending, sorted by relative path.

    Hidden files and folders, devices, pipes, broken links and link loops are passed over.

    :raises NoDocuments: if the folder is not there.
    """
    return [Path(file.path) for file in list_files(folder, READERS)]


def document_id(path: Path, root: str | Path) -> str:
    """Return the path relative to the indexed folder, with forward slashes, as valid Unicode."""
    return replace_surrogates(path.relative_to(root).as_posix())


def read_document(path: str | Path, root: str | Path) -> Document:
    """Read one file.

    :param root: the indexed folder; the document's id is the path below it.
    :raises UnreadableFile: if the file is empty, too large, damaged, encrypted or not text.
    """
    path = Path(path)
    try:
        page = parse(_load(path), path.suffix.lower())
    except UnreadableError as error:
        raise UnreadableFile(path, str(error)) from error
    text = with_head(page.text, page.title, page.above) if page.above else page.text
    facts = find_facts(text, page.title)
    return Document(
        id=document_id(path, root),
        title=facts.title or replace_surrogates(path.stem),
        text=text,
        date=facts.date or page.date,
        source=facts.source or page.source,
        path=replace_surrogates(str(path)),
        organisation=facts.organisation,
    )


def read_documents(folder: str | Path, on_skip: Callable[[Skipped], None] | None = None) -> list[Document]:
    """Read every document under a folder.

    :param on_skip: called with each file that could not be read; the others go on.
    :raises NoDocuments: if the folder is not there or nothing in it can be read.
    """
    folder = Path(folder)
    documents: list[Document] = []
    skipped = 0
    for path in scan(folder):
        try:
            documents.append(read_document(path, folder))
        except UnreadableFile as error:
            skipped += 1
            if on_skip is not None:
                on_skip(Skipped(document_id(path, folder), error.reason))
    if not documents:
        reason = f"none of its {skipped} files can be read" if skipped else "there are no documents in it"
        raise NoDocuments(folder, reason)
    return documents


def _load(path: Path) -> bytes:
    try:
        return load(path, SIZE_LIMIT)
    except OSError as error:
        raise UnreadableError(error.strerror or type(error).__name__) from error
