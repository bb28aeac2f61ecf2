"""Labels of a question set → the passages of an index that are right for each question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from qa.errors import InvalidQuestions, QuoteNotFound
from qa.measures import occurrences, overlaps_half
from qa.records import Passage, Place, Question, QuestionSet
from qa.search import Retriever

NOWHERE = ""


@dataclass(frozen=True, slots=True)
class Label:
    """What is right for one question: grades of passage ids, places of its quotes. No grades: to be declined.

    A question whose evidence no passage covers has a grade under ``NOWHERE``, which no passage is called.
    """

    grades: Mapping[str, int]
    quotes: tuple[Place, ...] = ()


def label_questions(question_set: QuestionSet, retriever: Retriever, path: Path) -> list[Label]:
    """Return what is right for each question of a set, in its order.

    :param path: names the question file in errors.
    :raises InvalidQuestions: if a question names a document that is not indexed.
    :raises QuoteNotFound: if a label quotes words that its document does not hold.
    """
    return (
        _quote_labels(question_set, retriever, path)
        if question_set.kind == "jsonl"
        else _graded(question_set, retriever)
    )


def places_of(passage: Passage) -> tuple[Place, ...]:
    """Return every place where a passage stands, its own first."""
    return (Place(passage.document_id, passage.start, passage.end), *passage.also_in)


def _quote_labels(question_set: QuestionSet, retriever: Retriever, path: Path) -> list[Label]:
    standing: dict[str, list[tuple[Place, str]]] = {}
    for passage in retriever.passages:
        for place in places_of(passage):
            standing.setdefault(place.document_id, []).append((place, passage.id))
    labels = []
    for question in question_set.questions:
        quotes = tuple(_quote_places(question, retriever, path))
        right = {
            passage_id: 1
            for quote in quotes
            for place, passage_id in standing.get(quote.document_id, ())
            if overlaps_half(place.start, place.end, quote.start, quote.end)
        }
        labels.append(Label(right or ({NOWHERE: 1} if quotes else {}), quotes))
    return labels


def _quote_places(question: Question, retriever: Retriever, path: Path) -> Iterator[Place]:
    for quote in question.evidence:
        try:
            document = retriever.document(quote.document_id)
        except KeyError:
            raise InvalidQuestions(
                path,
                f"question {question.id} names {quote.document_id!r}, a document that is not indexed. Run: qa index",
            ) from None
        found = occurrences(document.text, quote.quote)
        if not found:
            raise QuoteNotFound(path, question.id, quote.document_id, quote.quote)
        yield from (Place(quote.document_id, start, end) for start, end in found)


def _graded(question_set: QuestionSet, retriever: Retriever) -> list[Label]:
    passage_of = {place.document_id: passage.id for passage in retriever.passages for place in places_of(passage)}
    labels = []
    for question in question_set.questions:
        grades: dict[str, int] = {}
        for document_id, grade in question_set.relevance.get(question.id, {}).items():
            passage_id = passage_of.get(document_id, document_id)
            if grade >= 1:
                grades[passage_id] = max(grade, grades.get(passage_id, 0))
        labels.append(Label(grades))
    return labels
