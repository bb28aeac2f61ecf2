"""Every error the package raises on purpose.

::

    QAError
    ├── InvalidQuestion        an empty question, or k below 1
    ├── NoDocuments            nothing to index in a folder
    ├── UnreadableFile         one file that cannot be turned into a document
    ├── FeedbackNotKept        carries the question file
    ├── InvalidStore           neither a folder nor the address of a store
    ├── RayUnreachable         no cluster to embed on
    ├── IndexProblem           carries the index folder, or the store's address
    │   ├── IndexMissing
    │   ├── IndexStale
    │   ├── IndexDamaged
    │   ├── CalibrationDamaged
    │   ├── IndexForeign
    │   ├── IndexLocked
    │   ├── IndexUnwritable
    │   ├── NoEarlierGeneration
    │   ├── StoreMissing
    │   ├── StoreDamaged
    │   └── StoreUnreachable
    ├── ModelProblem           carries the model's name or path
    │   ├── ModelMissing
    │   ├── ModelMismatch
    │   └── DimensionMismatch
    ├── InvalidQuestions       carries the question file
    │   └── QuoteNotFound
    ├── UploadRefused          carries the file's or folder's name and the reason
    ├── InvalidAccounts        names and hashed passwords that cannot be read
    └── ExtraMissing           carries the name of an extra that is not installed

A message says what, where, what was got against what was expected, and the next command.
"""

from __future__ import annotations

from pathlib import Path


class QAError(Exception):
    """Base of every error a caller may want to catch."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{type(self).__name__}: {self.message}"


class InvalidQuestion(QAError):
    """The question, or a setting that came with it, cannot be searched for."""


class NoDocuments(QAError):
    """A folder holds nothing that can be indexed."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder}: {reason}. Put .txt, .md, .html, .pdf or .docx files there and run: qa index {folder}"
        )
        self.folder = folder


class UnreadableFile(QAError):
    """One file could not be turned into a document."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class FeedbackNotKept(QAError):
    """What somebody said about an answer could not be written down."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: feedback is not kept: {reason}. To do without it: python app.py --no-feedback")
        self.path = path


class InvalidStore(QAError):
    """An address names no kind of store."""

    def __init__(self, location: str) -> None:
        super().__init__(
            f"{location}: expected milvus+http://HOST:PORT/COLLECTION (letters, digits and _) or milvus+file:PATH.db."
            " Run: qa index --help"
        )
        self.location = location


class RayUnreachable(QAError):
    """There is no Ray, or no Ray cluster at an address."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"--ray {address}: {reason}")
        self.address = address


class IndexProblem(QAError):
    """Something is wrong with an index folder, or with the store at an address."""

    def __init__(self, folder: Path | str, message: str, command: str) -> None:
        super().__init__(f"{folder}: {message}. Run: {command}")
        self.folder = folder
        self.command = command


class IndexMissing(IndexProblem):
    """The folder holds no built index."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "no index was built here", f"qa index --index {folder}")


class IndexStale(IndexProblem):
    """The documents changed since the index was built."""


class IndexDamaged(IndexProblem):
    """A file of the index is missing, cut short or altered."""

    def __init__(self, folder: Path, detail: str) -> None:
        super().__init__(folder, f"the index is damaged: {detail}", f"qa index --rebuild --index {folder}")


class CalibrationDamaged(IndexProblem):
    """The confidence fitted to the index cannot be read as it was written."""

    def __init__(self, folder: Path, path: Path, detail: str) -> None:
        super().__init__(
            folder,
            f"{path.name}: {detail}; remove the file to go back to the shipped confidence",
            f"qa evaluate QUESTIONS --calibrate --index {folder}",
        )
        self.path = path


class IndexForeign(IndexProblem):
    """The index has a format that this version does not read."""

    def __init__(self, folder: Path, detail: str) -> None:
        super().__init__(folder, detail, f"qa index --rebuild --index {folder}")


class IndexLocked(IndexProblem):
    """Another process is writing to the index."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(folder, f"another process is writing here ({holder})", f"qa doctor --index {folder}")


class NoEarlierGeneration(IndexProblem):
    """There is nothing to go back to."""

    def __init__(self, folder: Path, current: str) -> None:
        super().__init__(folder, f"no generation before {current} is kept", f"qa doctor --index {folder}")


class IndexUnwritable(IndexProblem):
    """The disk did not take what was written; the generation in use stays as it was."""

    def __init__(self, folder: Path, detail: str) -> None:
        super().__init__(folder, f"the index cannot be written: {detail}", f"qa index --index {folder}")


class StoreMissing(IndexProblem):
    """No index was ever published to a store."""

    def __init__(self, location: str) -> None:
        super().__init__(location, "no index was published here", f"qa index --store {location}")


class StoreDamaged(IndexProblem):
    """What a store holds is not what was written to it, or another version of the program wrote it."""

    def __init__(self, location: str, detail: str) -> None:
        super().__init__(location, f"the index is damaged: {detail}", f"qa index --store {location}")


class StoreUnreachable(IndexProblem):
    """A store does not answer, or refuses."""


class ModelProblem(QAError):
    """Something is wrong with an embedding model."""

    def __init__(self, model: str, message: str) -> None:
        super().__init__(f"{model}: {message}")
        self.model = model


class ModelMissing(ModelProblem):
    """The model cannot be loaded from this machine."""


class ModelMismatch(ModelProblem):
    """The index was built with another model than the one in use."""


class DimensionMismatch(ModelProblem):
    """Vectors have another dimension than the index."""

    def __init__(self, model: str, got: int, expected: int) -> None:
        super().__init__(model, f"vectors have dimension {got}, the index has {expected}. Run: qa index --rebuild")
        self.got = got
        self.expected = expected


class InvalidQuestions(QAError):
    """A question file is malformed."""

    def __init__(self, path: Path, message: str, line: int | None = None) -> None:
        where = str(path) if line is None else f"{path}:{line}"
        super().__init__(f"{where}: {message}")
        self.path = path
        self.line = line


class QuoteNotFound(InvalidQuestions):
    """A label quotes words that its document does not hold."""

    def __init__(self, path: Path, question_id: str, document_id: str, quote: str) -> None:
        super().__init__(path, f"question {question_id} quotes {quote!r}, which is not in document {document_id!r}")
        self.question_id = question_id
        self.document_id = document_id
        self.quote = quote


class UploadRefused(QAError):
    """A document cannot be added or removed through the chat."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class InvalidAccounts(QAError):
    """The names and hashed passwords of ``--auth`` cannot be read."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}. Make a line with: qa password NAME")
        self.where = where


class ExtraMissing(QAError):
    """An optional part was asked for whose packages are not installed."""

    def __init__(self, extra: str, wanted: str) -> None:
        super().__init__(f"{wanted} needs packages that are not installed. Run: pip install 'wenda[{extra}]'")
        self.extra = extra
