"""The values that pass between the rooms: frozen dataclasses, nothing else.

Offsets are character offsets into ``Document.text``, end exclusive. Scores are higher-is-better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Document:
    """One readable file.

    ``id`` is the path relative to the indexed folder, with forward slashes. ``date`` is ISO 8601
    (``2023-03-21``) or empty; ``source`` and ``organisation`` are what the page itself names, or empty.
    """

    id: str
    title: str
    text: str
    date: str = ""
    source: str = ""
    path: str = ""
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of a document."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph to be found: ``text == document.text[start:end]``.

    ``also_in`` lists the other places where the same paragraph stands.
    """

    id: str
    document_id: str
    start: int
    end: int
    text: str
    also_in: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sentence that answers, at its place in a document."""

    document_id: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Span:
    """The answer's own words, at their place in the evidence's document."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question; ``rank`` counts from 1, ``span`` is the passage's own answer where it is sure."""

    rank: int
    score: float
    passage: Passage
    document: Document
    dense_score: float
    lexical_score: float
    evidence: Evidence | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One of several right answers: its words in one document, and the documents that say the same."""

    text: str
    document_id: str
    start: int
    end: int
    also_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown for a question. ``answered is False`` means declined; ``hits`` are then near misses.

    ``findings`` lists the different answers where several documents each give their own, best first; else it is empty.
    ``read_as`` is what was looked for, where names were written as the documents write them; else it is empty.
    """

    question: str
    answered: bool
    confidence: float
    hits: tuple[Hit, ...]
    evidence: Evidence | None
    span: Span | None
    findings: tuple[Finding, ...] = ()
    read_as: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """A label: words of a document that answer a question."""

    document_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class Question:
    """A labelled question; without evidence it must be declined."""

    id: str
    text: str
    evidence: tuple[Quote, ...] = ()
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A question file as read.

    ``kind`` is ``jsonl``, ``squad`` or ``beir``. ``documents`` is the set's own collection, one passage
    each, and empty for ``jsonl``, whose labels quote an index. ``relevance`` maps a question's id to
    ``{document id: grade}`` for a set with its own collection; a question that is absent must be declined.
    """

    kind: str
    questions: tuple[Question, ...]
    documents: tuple[Document, ...] = ()
    relevance: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out of the index, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileState:
    """How a file looked when it was read.

    ``mtime_ns`` spares reading it again to see that nothing changed, and is -1 if the file was written so lately that
    it does not. ``reason`` says why the file was left out, or is empty.
    """

    sha256: str
    size: int
    mtime_ns: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one generation of an index holds.

    ``files`` counts the files of the indexed ``folder``, readable or not, and ``listing`` is the hash of their names,
    sizes and times (:mod:`qa.listing`), empty if those do not tell all. ``reading`` is the hash of what turned them
    into passages (:mod:`qa.build`). ``search`` is ``exact`` or ``scan`` (:mod:`qa.vectors`), and ``recall`` the
    share of the ten nearest passages that it finds, measured on a sample. ``checksums`` maps each file of the
    generation to its SHA-256, ``heads`` to that of its first bytes, and ``sizes`` to its length in bytes.
    """

    format: int
    generation: str
    model: str
    fingerprint: str
    dimension: int
    documents: int
    passages: int
    folder: str
    files: int
    listing: str
    reading: str
    search: str
    recall: float
    checksums: Mapping[str, str]
    heads: Mapping[str, str]
    sizes: Mapping[str, int]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did."""

    generation: str
    documents: int
    passages: int
    embedded: int
    skipped: tuple[Skipped, ...]
    changed: bool
    search: str
    recall: float


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an evaluation: ``figures`` is the contract's JSON object."""

    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fit:
    """A confidence fitted to labelled questions: the shipped one's log odds × ``scale`` + ``shift``.

    ``weights`` are the fitted confidence's, with its threshold. ``cost`` is what a wrong answer costs where declining
    a right one costs 1. ``before`` and ``after`` are figures of the shipped and of the fitted confidence, the latter
    cross-validated.
    """

    weights: Mapping[str, float]
    scale: float
    shift: float
    cost: float
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Calibration:
    """The confidence that an index uses instead of the shipped one, and where it comes from.

    ``fingerprint`` is the embedding model's and ``shipped`` the SHA-256 of the shipped confidence: fitted to other
    ones, it does not hold. ``sha256`` is of the question file.
    """

    fit: Fit
    fingerprint: str
    shipped: str
    questions: str
    sha256: str
    answerable: int
    unanswerable: int
    passages: int
    date: str
