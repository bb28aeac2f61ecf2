"""Fit the weights of the ranking and of the confidence: ``python -m training.rank --data DIR``.

The sets are the public development sets. Questions whose id hashes to an even byte are fitted on; figures in the
report come from the others. Reading-comprehension sets are used twice: with each context as one passage, and as
pages of several short paragraphs under a title (the first words of the context, most often the name of what it is
about), which is what teaches the evidence of a heading, of a document and of a sentence.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from qa.build import build_index
from qa.embed import Encoder, TokenEncoder, load_encoder
from qa.kinds import kinds_asked
from qa.rank import FEATURES, SENTENCE_FEATURES, Pieces, features, judge, sentence_features
from qa.read import read_questions
from qa.records import Question
from qa.reread import READ_DEPTH, answer_score
from qa.search import Retriever, temporary_index
from qa.text import fold, sentences

QA = Path(__file__).parents[1] / "qa"
WHOLE = (
    "cmrc_trial.squad.json", "drcd_dev.squad.json", "news_mrc_dev.squad.json", "news_titles_2026", "stard",
    "xquad_zh_zh", "xquad_en_en", "xquad_en_zh", "xquad_zh_en", "xquad_es_zh", "xquad_de_zh", "xquad_ru_zh",
    "xquad_vi_zh", "xquad_ar_zh",
)  # fmt: skip
SPLIT = ("cmrc_trial.squad.json", "drcd_dev.squad.json", "news_mrc_dev.squad.json")
WITHIN = {"xquad_zh_zh", "xquad_en_en"}
CROSS = frozenset(name for name in WHOLE if name.startswith("xquad_") and name not in WITHIN)
ACROSS = 0.3  # what a set across languages counts beside one within a language
SPREAD = 0.25  # from 0 to 0.5 the sets lose nothing by it
ANSWER = {"near": 1.0, "far": 0.2}  # see report_reader
WORTHS = (0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.9, 1.2)
PENALTY = 1e-3
Item = TypeVar("Item")
THRESHOLD = 0.25  # a wrong answer costs a third of what a missed one does: its sources are shown beside it


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's candidates: features, shape (n, features), and which are right; the same for sentences."""

    tune: bool
    question: str
    texts: list[str]
    matrix: np.ndarray
    right: np.ndarray
    lexical: np.ndarray
    sentences: np.ndarray
    right_sentences: np.ndarray


def is_tune(question: Question) -> bool:
    """Return whether a question is fitted on; the rest are for figures."""
    return hashlib.sha256(question.id.encode()).digest()[0] % 2 == 0


def thin(items: list[Item], most: int) -> list[Item]:
    """Return about ``most`` of the items, from all over the list."""
    return items[:: max(1, len(items) // most)]


def page(context: str, least: int = 50) -> str:
    """Write a context as a page: its first words as the title, then paragraphs of whole sentences."""
    title = re.split(r"[,，。（(、：:；;]|是(?=[一位个中]|由|在)", context, maxsplit=1)[0][:24]
    paragraphs = [""]
    for start, end in sentences(context):
        if len(paragraphs[-1]) >= least:
            paragraphs.append("")
        paragraphs[-1] += context[start:end]
    return "\n\n".join([title, *paragraphs])


@contextmanager
def split_index(documents: dict[str, str], encoder: Encoder) -> Iterator[Retriever]:
    """Index contexts as pages, read and split by the program itself."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "documents")
        files.mkdir()
        for name, text in documents.items():
            (files / f"{name}.txt").write_text(page(text), "utf-8")
        build_index(files, Path(folder, "index"), model=encoder)
        yield Retriever.open(Path(folder, "index"), encoder=encoder)


def collect(path: Path, encoder: Encoder, most: int, sentence: dict[str, float], *, split: bool) -> list[Asked]:
    """Ask every question of a set and keep the features of its candidates."""
    found = read_questions(path)
    texts = {document.id: document.text for document in found.documents}
    opened = split_index(texts, encoder) if split else temporary_index(found.documents, encoder)
    asked = []
    with opened as retriever:
        asked_for = [q for q in found.questions if q.text.strip()]
        answerable = [q for q in asked_for if any(found.relevance.get(q.id, {}).values())]
        for question in thin(answerable, most):
            grades = found.relevance[question.id]
            candidates = retriever.candidates(question.text, 60)
            weighed = retriever.weighed(question.text)
            matrix, _ = features(question.text, weighed, candidates, retriever.encode_tokens, sentence)
            answers = [fold(answer) for answer in question.answers]
            right = [
                grades.get(c.document_id.removesuffix(".txt") if split else c.document_id, 0) > 0
                and (not split or any(answer in fold(c.text) for answer in answers))
                for c in candidates
            ]
            pieces, right_pieces = np.zeros((0, len(SENTENCE_FEATURES))), np.zeros(0, bool)
            if answers and any(right):
                cut = Pieces.cut([candidates[right.index(True)]])
                judged = judge(weighed, cut.texts, question.text, retriever.encode_tokens).under_headings(cut)
                pieces = sentence_features(judged, cut, kinds_asked(question.text))
                right_pieces = np.array([any(answer in fold(text) for answer in answers) for text in cut.texts[1:]])
            lexical = np.array([c.lexical for c in candidates])
            told = [c.text for c in candidates]
            asked.append(
                Asked(is_tune(question), question.text, told, matrix, np.array(right), lexical, pieces, right_pieces)
            )
    return asked


def fit_choice(groups: list[list[tuple[np.ndarray, np.ndarray]]], worth: list[float] | None = None) -> np.ndarray:
    """Fit weights, none below 0, so that a softmax over each question's rows puts its mass on the right ones.

    :param worth: how much each set of questions counts, whatever its size; 1 by default.
    """
    width = groups[0][0][0].shape[1]
    worth = worth or [1.0] * len(groups)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = PENALTY * float(weights @ weights), 2 * PENALTY * weights
        for group, counts in zip(groups, worth, strict=True):
            share = counts / len(group) / sum(worth)
            for matrix, right in group:
                scores = matrix @ weights
                chances = np.exp(scores - scores.max())
                chances /= chances.sum()
                mass = max(float(chances[right].sum()), 1e-9)
                aim = np.where(right, chances / mass, 0)
                total -= np.log(mass) * share
                slope = slope + matrix.T @ (chances - aim) * share
        return total, slope

    return np.asarray(minimize(loss, np.ones(width), jac=True, method="L-BFGS-B", bounds=[(0, None)] * width).x)


def mixed(matrix: np.ndarray) -> np.ndarray:
    """Return the features as the ranking mixes them: shape (n, 2 × features), near ones first."""
    reach = matrix[:, FEATURES.index("cover")].max(initial=0)
    return np.hstack([matrix * reach, matrix * (1 - reach)])


def best(scores: np.ndarray, right: np.ndarray) -> bool:
    """Return whether a right candidate has the best score; ties count against."""
    return bool(right.any()) and scores[right].max() > scores[~right].max(initial=-np.inf)


def rows(group: list[Asked], tune: bool) -> list[Asked]:
    """Return one half of a set, without questions that no candidate answers."""
    return [asked for asked in group if asked.tune == tune and asked.right.any()]


def table(groups: dict[str, list[Asked]], weights: np.ndarray) -> list[tuple[str, int, float, float, float]]:
    """Return, for each set, the success@1 of both legs and of their fusion on the half that was not fitted on."""
    lines = []
    for name, group in groups.items():
        half = [asked for asked in group if not asked.tune]
        dense = np.mean([best(a.matrix[:, 0], a.right) for a in half])
        lexical = np.mean([best(a.lexical, a.right) for a in half])
        fused = np.mean([best(mixed(a.matrix) @ weights, a.right) for a in half])
        lines.append((name, len(half), float(dense), float(lexical), float(fused)))
    return lines


class Reading:
    """The reader's scores, each passage read once for a question."""

    def __init__(self, encoder: Encoder) -> None:
        if not isinstance(encoder, TokenEncoder):
            raise TypeError("the built-in model has token vectors")
        self._encode_tokens = encoder.encode_tokens
        self._known: dict[tuple[int, int], float] = {}

    def first(self, asked: Asked, scores: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the candidates that are read, best first, and the reader's score of each."""
        rows = np.argsort(-np.where(kept, scores, -np.inf), kind="stable")[: min(READ_DEPTH, int(kept.sum()))]
        for row in rows:
            if (id(asked), row) not in self._known:
                self._known[id(asked), row] = answer_score(asked.question, asked.texts[row], self._encode_tokens)
        return rows, np.array([self._known[id(asked), row] for row in rows])


def report_reader(groups: dict[str, list[Asked]], weights: np.ndarray, reading: Reading, most: int) -> None:
    """Print the success@1 for several worths of the reader's score, from 0; ``ANSWER`` is chosen from it by eye.

    On pages the curve is flat from 0.25 to 1; across languages it falls from 0.4 on.
    """
    for name, group in groups.items():
        found = []
        for asked in thin(group, most):
            scores = mixed(asked.matrix) @ weights
            rows, answers = reading.first(asked, scores, np.ones(len(scores), bool))
            found.append((scores[rows], answers, asked.right[rows]))
        curve = {worth: np.mean([best(s + worth * a, right) for s, a, right in found]) for worth in WORTHS}
        print(f"{name:28} n={len(found):4} " + " ".join(f"{worth}: {value:.3f}" for worth, value in curve.items()))


def confidence_rows(
    groups: dict[str, list[Asked]], weights: np.ndarray, reading: Reading, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the first hit's signals, whether it is right, and whether to fit on it.

    Each question is asked of the whole index and of the index without the passages that answer it; of pages and
    across languages, as users ask, and not of the encyclopaedia's long passages.
    """
    signals, right, tune = [], [], []
    for asked in (a for name, group in groups.items() if "(split)" in name or name in CROSS for a in thin(group, most)):
        scores = mixed(asked.matrix) @ weights
        reach = asked.matrix[:, FEATURES.index("cover")].max(initial=0)
        worth = reach * ANSWER["near"] + (1 - reach) * ANSWER["far"]
        for kept in (np.ones(len(asked.right), bool), ~asked.right):
            if not kept.any():
                continue
            rows, answers = reading.first(asked, scores, kept)
            first = int(np.argmax(scores[rows] + worth * answers))
            signals.append([*asked.matrix[rows[first]], answers[first]])
            right.append(bool(asked.right[rows[first]]))
            tune.append(asked.tune)
    return np.array(signals), np.array(right), np.array(tune)


def main() -> None:
    """Fit, print the table, and write ``qa/rank.json`` and ``qa/confidence.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds dev/")
    parser.add_argument("--most", type=int, default=400, help="questions of each set")
    parser.add_argument("--read", type=int, default=150, help="questions of each set that are read closely")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    encoder = load_encoder()
    sentence = dict.fromkeys(SENTENCE_FEATURES, 1.0)
    for fitting_sentences in (True, False):
        groups: dict[str, list[Asked]] = {}
        sets = [(name, True) for name in SPLIT] + ([] if fitting_sentences else [(name, False) for name in WHOLE])
        for name, split in sets:
            start = time.perf_counter()
            label = name.removesuffix(".squad.json") + (" (split)" if split else "")
            groups[label] = collect(options.data / "dev" / name, encoder, options.most, sentence, split=split)
            print(f"{label}: {len(groups[label])} questions, {time.perf_counter() - start:.0f} s", flush=True)
        if fitting_sentences:
            chosen = [
                [(a.sentences, a.right_sentences) for a in group if a.tune and a.right_sentences.any()]
                for group in groups.values()
            ]
            sentence = dict(zip(SENTENCE_FEATURES, map(float, fit_choice(chosen).round(3)), strict=True))
            report_sentences(groups, sentence)
    chosen = [[(mixed(a.matrix), a.right) for a in rows(group, tune=True)] for group in groups.values()]
    weights = fit_choice(chosen, [ACROSS if name in CROSS else 1.0 for name in groups]).round(3)
    for name, n, dense, lexical, fused in table(groups, weights):
        print(f"{name:28} n={n:4} dense {dense:.3f} lexical {lexical:.3f} fused {fused:.3f}")
    near, far = named(weights[: len(FEATURES)]), named(weights[len(FEATURES) :])
    print(near, far, sep="\n")
    reading = Reading(encoder)
    report_reader(groups, weights, reading, options.read)
    fitted = fit_confidence(*confidence_rows(groups, weights, reading, options.read))
    if not options.dry:
        answer = {f"answer_{side}": worth for side, worth in ANSWER.items()}
        write(QA / "rank.json", near=near, far=far, sentence=sentence, **answer, shortlist=0.5, spread=SPREAD)
        write(QA / "confidence.json", weights=fitted)


def named(weights: np.ndarray) -> dict[str, float]:
    """Give the weights their features' names."""
    return dict(zip(FEATURES, map(float, weights), strict=True))


def report_sentences(groups: dict[str, list[Asked]], sentence: dict[str, float]) -> None:
    """Print how often the best sentence of the right passage holds the answer, on the half not fitted on."""
    chosen = np.array([sentence[name] for name in SENTENCE_FEATURES])
    print(sentence)
    for name, group in groups.items():
        half = [a for a in group if not a.tune and a.right_sentences.any() and len(a.right_sentences) > 1]
        share = np.mean([a.right_sentences[np.argmax(a.sentences @ chosen)] for a in half])
        print(f"{name:28} n={len(half):4} sentence {share:.3f}")


def fit_logistic(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Return intercept and weights of a logistic regression in which no signal counts against an answer."""
    sign = np.where(y, 1.0, -1.0)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (w[0] + x @ w[1:])
        slope = -sign / (1 + np.exp(margin)) / len(y)
        value = float(np.logaddexp(0, -margin).mean()) + PENALTY * float(w[1:] @ w[1:]) / 10
        return value, np.concatenate([[slope.sum()], x.T @ slope + PENALTY * w[1:] / 5])

    bounds = [(None, None)] + [(0, None)] * x.shape[1]
    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(found[0]), found[1:]


def fit_confidence(signals: np.ndarray, right: np.ndarray, tune: np.ndarray) -> dict[str, float]:
    """Fit the probability that the first hit is right, and choose the threshold at the stated cost."""
    intercept, weights = fit_logistic(signals[tune], right[tune])
    x, y = signals[~tune], right[~tune]
    chances = 1 / (1 + np.exp(-(intercept + x @ weights)))
    bins = np.minimum((chances * 10).astype(int), 9)
    error = sum(abs(chances[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in set(bins.tolist()))
    print(f"confidence: AUROC {roc_auc_score(y, chances):.3f}, expected calibration error {error:.3f}, n={len(y)}")
    for threshold in (0.2, 0.3, 0.4, 0.5, 0.6):
        shown = chances >= threshold
        print(
            f"at {threshold}: answered {shown[y].mean():.3f} of right first hits, {shown[~y].mean():.3f} of wrong ones"
        )
    names = (*FEATURES, "answer")
    return {
        "intercept": round(intercept, 3),
        **{name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)},
        "threshold": THRESHOLD,
    }


def write(path: Path, **data: object) -> None:
    """Write fitted values with where they come from."""
    provenance = "python -m training.rank: public development sets, the half whose ids hash to an even byte"
    path.write_text(json.dumps({"provenance": provenance, **data}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
