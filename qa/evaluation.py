"""Labelled questions → ``Report``: how well the whole pipeline and each of its legs rank, decline and mark answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from qa.answer import shipped_weights
from qa.build import build_index
from qa.calibrate import calibrate, labelled
from qa.calibration_file import is_fitted_to, shipped_checksum, write_calibration
from qa.cross import Reranker, load_reranker
from qa.embed import BUILTIN, load_encoder
from qa.errors import InvalidQuestion, InvalidQuestions
from qa.labels import NOWHERE, Label, label_questions, places_of
from qa.layout import sha256
from qa.measures import (
    DEPTH,
    METRICS,
    FloatArray,
    first_right,
    holds_answer,
    mean,
    mean_intervals,
    overlaps_half,
    score_rankings,
    span_scores,
)
from qa.questions import read_questions
from qa.records import Answer, Calibration, Hit, Question, QuestionSet, Report
from qa.reliability import decline_figures
from qa.search import Retriever
from qa.stack import hasten
from qa.temporary import temporary_index
from qa.withhold import withhold_gold

Progress = Callable[[int, int], None]

PIPELINE = "pipeline"
LEGS = ("dense", "lexical", "fused")
_WARM_UP = "warm up 预热"
_UNNAMED = Path("question set")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the engine gave for one question."""

    answer: Answer
    milliseconds: float
    rankings: Mapping[str, list[str]]


def evaluate(
    questions: str | Path | QuestionSet,
    index: str | Path = "index",
    k: int = 10,
    *,
    model: str | None = None,
    corpus: str | Path | None = None,
    without_gold: float = 0.0,
    reranker: str | Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure the pipeline on a question set in any of the three forms of ``qa evaluate``.

    :param questions: a JSON Lines file, a SQuAD file, a BEIR folder, or a set already read.
    :param index: the index that a JSON Lines set is measured on; the other two bring their own passages.
    :param k: hits asked for, at least 1. Rankings are read to ``max(k, 10)``, so that every metric keeps its meaning.
    :param model: the embedding model; by default the index's own, and the built-in one for a temporary index.
    :param corpus: a folder of documents to measure a JSON Lines set on instead of ``index``, in a temporary index.
    :param without_gold: the share of its own passages that a set loses, so that their questions must be declined; see
        :func:`qa.withhold.withhold_gold`. It stands in the report under its name.
    :param reranker: a cross-encoder by name or path, which the figures then name; the pipeline's are with it, the legs'
        without.
    :param progress: called with (questions done, questions in all).
    :return: figures under the names of the contract; a metric with nothing to measure is None, the scores of answer
        words also where the pipeline marked none in the whole set. ``calibrated_on_these`` stands there where the
        index's confidence was fitted to this very file, so that its figures flatter.
    :raises InvalidQuestions: if the set is empty, names a document that is not indexed, or ``corpus`` or
        ``without_gold`` does not fit it.
    :raises QuoteNotFound: if a label quotes words that its document does not hold.
    :raises InvalidQuestion: if k is below 1.
    """
    if k < 1:
        raise InvalidQuestion(f"k must be at least 1, got {k}. Run: qa evaluate QUESTIONS -k 10")
    path = _UNNAMED if isinstance(questions, QuestionSet) else Path(questions)
    question_set = questions if isinstance(questions, QuestionSet) else read_questions(path)
    if not question_set.questions:
        raise InvalidQuestions(path, "holds no question; at least one was expected")
    if corpus is not None and question_set.kind != "jsonl":
        raise InvalidQuestions(path, f"brings its own passages ({question_set.kind}); leave --corpus out")
    if without_gold:
        question_set = withhold_gold(question_set, without_gold, path)
    judge = load_reranker(reranker) if reranker is not None else None
    with _opened(question_set, index, model, corpus, judge) as retriever:
        report = measure(question_set, retriever, k, path, progress)
        fingerprint = retriever.manifest.fingerprint
    told: dict[str, Any] = {"without_gold": without_gold} if without_gold else {}
    if judge is not None:
        told["reranker"] = judge.name
    if (
        question_set.kind == "jsonl"
        and corpus is None
        and path.is_file()
        and is_fitted_to(Path(index), fingerprint, path)
    ):
        told["calibrated_on_these"] = True
    return Report({**report.figures, **told})


def calibrate_index(
    questions: str | Path,
    index: str | Path = "index",
    k: int = 10,
    *,
    cost: float | None = None,
    progress: Progress | None = None,
) -> tuple[Report, Calibration]:
    """Measure an index with the shipped confidence, fit that to what was right, and have the index use it from then on.

    :param questions: a JSON Lines file about the index, with questions that must be declined among them.
    :param cost: what a wrong answer costs where declining a right one costs 1; see :func:`qa.calibrate.calibrate`.
    :return: the report, whose figures are the shipped confidence's, and what was written into the index folder.
    :raises InvalidQuestions: if the set brings its own passages or has too few questions; otherwise as ``evaluate``.
    """
    path, folder = Path(questions), Path(index)
    question_set = read_questions(path)
    if question_set.kind != "jsonl":
        raise InvalidQuestions(
            path, f"brings its own passages ({question_set.kind}); to calibrate an index, a JSON Lines set is expected"
        )
    checksum = sha256(path)
    retriever = Retriever.open(folder, calibrated=False)
    with closing(retriever.passages):
        report = measure(question_set, retriever, k, path, progress)
    manifest = retriever.manifest
    known = labelled(report.figures["per_question"])
    answerable = int(known.expected.sum())
    calibration = Calibration(
        fit=calibrate(known, shipped_weights(), cost, path),
        fingerprint=manifest.fingerprint,
        shipped=shipped_checksum(),
        questions=path.name.encode("utf-8", "replace").decode(),
        sha256=checksum,
        answerable=answerable,
        unanswerable=len(known.expected) - answerable,
        passages=manifest.passages,
        date=date.today().isoformat(),
    )
    write_calibration(folder, calibration)
    return report, calibration


def measure(
    question_set: QuestionSet,
    retriever: Retriever,
    k: int = 10,
    path: Path = _UNNAMED,
    progress: Progress | None = None,
) -> Report:
    """Measure an open retriever; ``path`` names the question file in errors. Otherwise as ``evaluate``.

    A hit is right when its passage, at any place where it stands, covers at least half of one occurrence of a
    quote. A question whose evidence no passage covers stays in the figures and scores 0. Times are of the whole
    pipeline, a question at a time, after one that is not counted.
    """
    labels = label_questions(question_set, retriever, path)
    asked = _ask_all(question_set.questions, retriever, max(k, DEPTH), progress)
    answerable = [row for row, label in enumerate(labels) if label.grades]
    scores = {
        name: score_rankings(
            [asked[row].rankings[name] for row in answerable], [labels[row].grades for row in answerable]
        )
        for name in (PIPELINE, *LEGS)
    }
    ranking, ranking_intervals = _ranking_figures(scores)
    declined, declined_intervals = _declined_figures(labels, asked)
    answers, answers_intervals = _answer_figures(question_set.questions, labels, asked)
    p50, p95 = np.percentile([one.milliseconds for one in asked], [50, 95])
    own = dict(zip(answerable, scores[PIPELINE].tolist(), strict=True))
    return Report(
        {
            "model": retriever.manifest.model,
            "passages": len(retriever.passages),
            "questions": len(asked),
            "k": k,
            **ranking,
            "intervals": {**ranking_intervals, "declined": declined_intervals, "answers": answers_intervals},
            "declined": declined,
            "answers": answers,
            "latency_ms": {"p50": float(p50), "p95": float(p95)},
            "per_question": [
                _question_figures(question, label, one, own.get(row))
                for row, (question, label, one) in enumerate(zip(question_set.questions, labels, asked, strict=True))
            ],
        }
    )


@contextmanager
def _opened(
    question_set: QuestionSet,
    index: str | Path,
    model: str | None,
    corpus: str | Path | None,
    reranker: Reranker | None,
) -> Iterator[Retriever]:
    if question_set.kind != "jsonl":
        encoder = load_encoder(model or BUILTIN)
        with temporary_index(question_set.documents, encoder, reranker=reranker) as retriever:
            yield retriever
        return
    with TemporaryDirectory(prefix="qa-evaluate-", ignore_cleanup_errors=True) as folder:
        chosen = load_encoder(model) if model else None
        if corpus is not None:
            build_index(corpus, folder, model=chosen)
        retriever = Retriever.open(index if corpus is None else folder, encoder=chosen, reranker=reranker)
        with closing(retriever.passages):
            yield retriever


def _ask_all(
    questions: Sequence[Question], retriever: Retriever, depth: int, progress: Progress | None
) -> list[_Asked]:
    hasten()
    retriever.ask(_WARM_UP, k=depth)
    asked = []
    for done, question in enumerate(questions, 1):
        asked.append(_ask(question.text, retriever, depth))
        if progress is not None:
            progress(done, len(questions))
    return asked


def _ask(question: str, retriever: Retriever, depth: int) -> _Asked:
    """Ask one question; one that the pipeline refuses (public sets hold blank ones) finds nothing and scores 0."""
    start = time.perf_counter()
    try:
        answer = retriever.ask(question, k=depth)
    except InvalidQuestion:
        return _Asked(Answer(question, False, 0.0, (), None, None), 0.0, {name: [] for name in (PIPELINE, *LEGS)})
    milliseconds = (time.perf_counter() - start) * 1000
    legs = retriever.legs(question, k=depth)
    return _Asked(
        answer, milliseconds, {PIPELINE: _passage_ids(answer.hits), **{leg: _passage_ids(legs[leg]) for leg in LEGS}}
    )


def _passage_ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.id for hit in hits]


def _ranking_figures(scores: Mapping[str, FloatArray]) -> tuple[dict[str, Any], dict[str, Any]]:
    means, intervals = {}, {}
    for name, values in scores.items():
        columns = dict(zip(METRICS, values.mean(axis=0).tolist(), strict=True)) if len(values) else {}
        bounds = dict(zip(METRICS, mean_intervals(values), strict=True)) if len(values) else {}
        means[name] = {metric: columns.get(metric) for metric in METRICS}
        intervals[name] = {metric: bounds.get(metric) for metric in METRICS}
    own, own_intervals = means.pop(PIPELINE), intervals.pop(PIPELINE)
    return {**own, "legs": means}, {**own_intervals, "legs": intervals}


def _declined_figures(labels: Sequence[Label], asked: Sequence[_Asked]) -> tuple[dict[str, Any], dict[str, Any]]:
    return decline_figures(
        np.array([one.answer.confidence for one in asked]),
        np.array([one.answer.answered for one in asked]),
        np.array([bool(label.grades) for label in labels]),
        np.array(
            [
                first_right(one.rankings[PIPELINE][:1], label.grades) is not None
                for label, one in zip(labels, asked, strict=True)
            ]
        ),
    )


def _answer_figures(
    questions: Sequence[Question], labels: Sequence[Label], asked: Sequence[_Asked]
) -> tuple[dict[str, Any], dict[str, Any]]:
    marked, exact, f1 = [], [], []
    gives_spans = any(one.answer.span for one in asked)
    for question, label, one in zip(questions, labels, asked, strict=True):
        if not label.grades:
            continue
        if first_right(one.rankings[PIPELINE][:1], label.grades) and (label.quotes or question.answers):
            marked.append(float(_marks_evidence(one.answer.hits[0], label, question.answers)))
        if gives_spans and question.answers:
            scores = span_scores(one.answer.span.text if one.answer.span else "", question.answers)
            exact.append(scores[0])
            f1.append(scores[1])
    figures = {"evidence": mean(marked), "span_em": mean(exact), "span_f1": mean(f1)}
    return {name: value for name, (value, _) in figures.items()}, {
        name: bounds for name, (_, bounds) in figures.items()
    }


def _marks_evidence(hit: Hit, label: Label, answers: Sequence[str]) -> bool:
    sentence = hit.evidence
    if sentence is None:
        return False
    before, length = sentence.start - hit.passage.start, sentence.end - sentence.start
    return holds_answer(sentence.quote, answers) or any(
        place.document_id == quote.document_id
        and overlaps_half(place.start + before, place.start + before + length, quote.start, quote.end)
        for place in places_of(hit.passage)
        for quote in label.quotes
    )


def _question_figures(
    question: Question, label: Label, asked: _Asked, scores: Sequence[float] | None
) -> dict[str, Any]:
    answer = asked.answer
    own = dict(zip(METRICS, scores, strict=True)) if scores else dict.fromkeys(METRICS)
    top = answer.hits[0].passage if answer.hits else None
    evidence, span = answer.evidence, answer.span
    return {
        "id": question.id,
        "question": question.text,
        "expected": bool(label.grades),
        "answered": answer.answered,
        "confidence": float(answer.confidence),
        "right_passages": len(label.grades.keys() - {NOWHERE}),
        "rank": first_right(asked.rankings[PIPELINE], label.grades),
        "leg_ranks": {leg: first_right(asked.rankings[leg], label.grades) for leg in LEGS},
        "success@1": own["success@1"],
        "reciprocal_rank": own["mrr@10"],
        "recall@10": own["recall@10"],
        "ndcg@10": own["ndcg@10"],
        "top": top and {"document": top.document_id, "start": top.start, "end": top.end},
        "evidence": evidence
        and {"document": evidence.document_id, "start": evidence.start, "end": evidence.end, "quote": evidence.quote},
        "span": span and {"start": span.start, "end": span.end, "text": span.text},
        "ms": asked.milliseconds,
    }
