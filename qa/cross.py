"""The first few of a ranking, put in the order of a cross-encoder: a model that reads question and passage together."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from qa.embed import Floats
from qa.errors import ModelMissing
from qa.models import check_complete, loading, locate
from qa.rank import Ranked

RERANK_DEPTH = 20
_JUDGES = ("ForSequenceClassification", "ForCausalLM")
_ADVICE = "Give the path of a cross-encoder's folder, or leave --reranker out"


class Reranker(Protocol):
    """Judges passages for a question."""

    name: str

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        """Return how well each passage answers, float32, shape (n,), higher is better, without bounds (logits)."""


def load_reranker(name: str | Path, *, device: str | None = None) -> Reranker:
    """Load a cross-encoder from this machine.

    :param name: a folder, or the name of a model for sentence-transformers' ``CrossEncoder``, downloaded before.
    :param device: where torch runs.
    :raises ModelMissing: if the model is not on this machine, or not all of it, or if it is no cross-encoder with one
        score a pair; names what was looked for.
    """
    folder = locate(str(name), _ADVICE)
    check_complete(folder, str(name))
    _check_judges(folder, str(name))
    return CrossEncoderReranker(folder, str(name), device=device)


def _check_judges(folder: Path, name: str) -> None:
    """See that the model was trained to judge: any other would load, with a random last layer."""
    if (folder / "modules.json").is_file():
        return
    kinds = json.loads((folder / "config.json").read_text("utf-8")).get("architectures") or ["a model of no kind"]
    if not kinds[0].endswith(_JUDGES):
        raise ModelMissing(name, f"{folder} holds {kinds[0]}, which is no cross-encoder. {_ADVICE}")


class CrossEncoderReranker:
    """A sentence-transformers ``CrossEncoder``."""

    def __init__(self, folder: Path, name: str, *, device: str | None = None) -> None:
        from sentence_transformers import CrossEncoder  # noqa: PLC0415
        from torch.nn import Identity  # noqa: PLC0415

        self.name = name
        with loading(name, folder, _ADVICE):
            self._model = CrossEncoder(str(folder), device=device, local_files_only=True, activation_fn=Identity())
        if self._model.num_labels != 1:
            raise ModelMissing(name, f"{folder} gives {self._model.num_labels} scores a pair, 1 is needed. {_ADVICE}")
        self._one_at_a_time = threading.Lock()  # transformers issue 47085: some versions raise "Already borrowed"

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        """See :class:`Reranker`."""
        pairs = [(question, passage) for passage in passages]
        with self._one_at_a_time:
            return np.asarray(self._model.predict(pairs, show_progress_bar=False), np.float32)


def rerank(question: str, ranked: Sequence[Ranked], reranker: Reranker, depth: int = RERANK_DEPTH) -> list[Ranked]:
    """Return the ranking with its first ``depth`` passages in the reranker's order, each read under its heading.

    :return: the first carry the reranker's score in place of the ranking's, and ties keep their order; the rest follow
        in theirs, their scores lowered together where the best of them would stand above the last of the first.
    """
    first, rest = ranked[:depth], ranked[depth:]
    if not first:
        return []
    scores = reranker.score(question, [f"{item.candidate.heading}\n{item.candidate.text}".strip() for item in first])
    done = [replace(item, score=float(score)) for item, score in zip(first, scores, strict=True)]
    done.sort(key=lambda item: -item.score)
    lowered = min(0.0, done[-1].score - rest[0].score) if rest else 0.0
    return done + [replace(item, score=item.score + lowered) for item in rest]
