"""What people say about answers → a question file that ``qa evaluate`` reads.

Two files lie beside the index folder, so that neither a new build nor deleting the index touches them, and under
an ending that is never indexed::

    index.feedback.jsonl         questions with what answers them, or with nothing: to be declined
    index.feedback.wrong.jsonl   questions of which only wrong passages are known yet

A line of either is ``{"id", "question", "evidence": [{"document", "quote"}], "answers": []}`` with ``"wrong"``, a list
like ``evidence``, where there is one. A question moves to the first file once its answer, or that there is none, is
known. Each judgement replaces a file in one step, under a lock: a process killed at any moment leaves all judgements
that were confirmed, and several processes may write.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from qa.errors import FeedbackNotKept
from qa.questions import read_rows
from qa.records import Quote
from qa.text import fold

MOST_QUESTIONS = 10_000
_LOCK_SECONDS = 10

Row = dict[str, Any]
Verdict = Literal["right", "wrong", "declined", "withdrawn"]
VERDICTS: frozenset[str] = frozenset(get_args(Verdict))


@dataclass(frozen=True, slots=True)
class Judgement:
    """One opinion about a question.

    ``right`` and ``wrong`` say whether ``quote`` answers it, ``withdrawn`` takes either back; ``declined`` says that
    nothing in the documents does, and needs no quote. ``answer`` is the answer's own words, if they were shown.
    """

    question: str
    verdict: Verdict
    quote: Quote | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """The rows of both files, by id."""

    known: Mapping[str, Row]
    wrong: Mapping[str, Row]


@dataclass(frozen=True, slots=True)
class FeedbackFiles:
    """Owns the names of the files that belong to an index folder.

    :ivar state: the folder that they lie in, which several servers may share; by default they lie beside the index.
    """

    index: Path
    state: Path | None = None

    @property
    def known(self) -> Path:
        """The question file."""
        return self._beside("feedback.jsonl")

    @property
    def wrong(self) -> Path:
        """Questions of which only wrong passages are known."""
        return self._beside("feedback.wrong.jsonl")

    @property
    def lock(self) -> Path:
        """Held while either is replaced."""
        return self._beside("feedback.lock")

    def _beside(self, ending: str) -> Path:
        name = f"{self.index.absolute().name}.{ending}"
        return (self.state or self.index.absolute().parent) / name


def question_id(question: str) -> str:
    """Return the id under which a question is kept: the same for wordings that differ in case, blanks or end mark."""
    wording = " ".join(fold(question).split()).rstrip("?!.。 ")
    return "feedback-" + hashlib.sha256(wording.encode("utf-8", "replace")).hexdigest()[:12]


def judge(feedback: Feedback, judgement: Judgement) -> Feedback:
    """Return the feedback with one more judgement; a later one about the same passage replaces an earlier.

    A question without evidence is among the known ones only if somebody said that nothing answers it.
    """
    name = question_id(judgement.question)
    old = feedback.known.get(name) or feedback.wrong.get(name) or {"id": name, "question": judgement.question}
    row = _judged(old, judgement)
    declined = judgement.verdict == "declined" or (name in feedback.known and not old["evidence"])
    if judgement.verdict == "withdrawn" and judgement.quote is None:
        declined = False
    known = {id_: other for id_, other in feedback.known.items() if id_ != name}
    wrong = {id_: other for id_, other in feedback.wrong.items() if id_ != name}
    if row["evidence"] or declined:
        known[name] = row
    elif row.get("wrong"):
        wrong[name] = row
    return Feedback(known, wrong)


def _judged(row: Row, judgement: Judgement) -> Row:
    """Return a question's row with a judgement; what else stands in the row stays."""
    labels = {key: list(row.get(key, ())) for key in ("evidence", "wrong")}
    answers = list(row.get("answers", ()))
    if judgement.verdict == "declined":
        labels["evidence"] = []
    if judgement.quote is not None:
        label = {"document": judgement.quote.document_id, "quote": judgement.quote.quote}
        labels = {key: [one for one in kept if one != label] for key, kept in labels.items()}
        if judgement.verdict in {"right", "wrong"}:
            labels["evidence" if judgement.verdict == "right" else "wrong"].append(label)
        if judgement.verdict == "right" and judgement.answer and judgement.answer not in answers:
            answers.append(judgement.answer)
    quotes = [one["quote"] for one in labels["evidence"]]
    answers = [one for one in answers if any(one in quote for quote in quotes)]
    others = {key: value for key, value in row.items() if key != "wrong"}
    wrong = {"wrong": labels["wrong"]} if labels["wrong"] else {}
    return {**others, "evidence": labels["evidence"], "answers": answers, **wrong}


def read_feedback(files: FeedbackFiles) -> Feedback:
    """Read both files; one that is not there is empty.

    :raises InvalidQuestions: if a file was edited into something else.
    """
    known, wrong = (
        {str(row["id"]): {"evidence": [], **row} for row in read_rows(path)} if path.exists() else {}
        for path in (files.known, files.wrong)
    )
    return Feedback(known, wrong)


def keep(files: FeedbackFiles, judgement: Judgement) -> None:
    """Add a judgement to the files, so that it outlives the process and the machine's power.

    :raises FeedbackNotKept: if there are :data:`MOST_QUESTIONS` already, or the files cannot be written.
    :raises InvalidQuestions: as :func:`read_feedback`; nothing is then overwritten.
    """
    try:
        files.lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(files.lock), timeout=_LOCK_SECONDS):
            before = read_feedback(files)
            after = judge(before, judgement)
            if len(after.known) + len(after.wrong) > max(MOST_QUESTIONS, len(before.known) + len(before.wrong)):
                raise FeedbackNotKept(files.known, f"{MOST_QUESTIONS} questions were judged already")
            for path, old, new in ((files.known, before.known, after.known), (files.wrong, before.wrong, after.wrong)):
                if new != old:
                    _replace(path, new.values())
    except Timeout:
        raise FeedbackNotKept(files.known, f"another process has held {files.lock.name} for long") from None
    except OSError as error:
        raise FeedbackNotKept(files.known, error.strerror or type(error).__name__) from error


def _replace(path: Path, rows: Iterable[Row]) -> None:
    """Replace a file in one step; on return it is on the disk."""
    aside = path.with_name(f".{path.name}")
    with aside.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
