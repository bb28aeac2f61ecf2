"""A question set → the same set without some of the passages that answer: what then must be declined (pure)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from qa.errors import InvalidQuestions
from qa.records import QuestionSet


def withhold_gold(question_set: QuestionSet, share: float, path: Path) -> QuestionSet:
    """Take away about a share of the passages that answer; every question that loses all of its own must be declined.

    :param question_set: one that brings its own passages.
    :param share: between 0 and 1.
    :param path: the question file, for errors.
    :return: a set with fewer documents; questions and the other documents stay in their order.
    :raises InvalidQuestions: if the set brings no passages, or the share leaves one kind of question only.

    A passage goes if the hash of the id of its first question falls below the share, so a set is always parted alike,
    and a larger share takes away what a smaller one does and more. Other passages that happen to hold an answer stay:
    as in SQuAD 2.0, a few questions are answerable after all.
    """
    if question_set.kind == "jsonl":
        raise InvalidQuestions(path, "is about an index, whose passages stay; leave --without-gold out")
    if not 0 < share < 1:
        raise InvalidQuestions(path, f"cannot lose a share of {share} of its passages; between 0 and 1 was expected")
    left = _without(question_set, share)
    if not left.relevance or len(left.relevance) == len(question_set.relevance):
        raise InvalidQuestions(
            path,
            f"keeps {len(left.relevance)} of {len(question_set.relevance)} answerable questions without {share} of its "
            "passages; some of each kind were expected. Take another share",
        )
    return left


def _without(question_set: QuestionSet, share: float) -> QuestionSet:
    first: dict[str, str] = {}
    for question in question_set.questions:
        for document_id, grade in question_set.relevance.get(question.id, {}).items():
            if grade >= 1:
                first.setdefault(document_id, question.id)
    gone = {document_id for document_id, question_id in first.items() if _fraction(question_id) < share}
    kept = {
        question_id: {document_id: grade for document_id, grade in grades.items() if document_id not in gone}
        for question_id, grades in question_set.relevance.items()
    }
    return replace(
        question_set,
        documents=tuple(document for document in question_set.documents if document.id not in gone),
        relevance={question_id: grades for question_id, grades in kept.items() if any(g >= 1 for g in grades.values())},
    )


def _fraction(identifier: str) -> float:
    """Return a number from 0 to below 1 that the identifier decides."""
    return int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:6], "big") / (1 << 48)
