"""Candidates of both legs → one ranking, by a weighted sum of a handful of explainable features (pure).

A passage is judged by itself, by its best sentence and by its document; in words (how much of the question's
rarity-weighted vocabulary stands there) and in meaning (vectors, and tokens matched one to one). Every feature
is absolute, none is scaled by the other candidates: a leg that finds nothing adds nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from qa.embed import Floats, Tokens
from qa.kinds import holds_kind, kinds_asked
from qa.named import Organisations
from qa.numbers import Numbers
from qa.records import Passage
from qa.text import sentences
from qa.weigh import K1, Weighed, cover, folded, meet, met_words, saturate

FEATURES = (
    "dense",  # cosine of the question and the passage
    "lexical",  # BM25 as a share of the most it could be
    "cover",  # share of the question's term weight found in the passage or its heading
    "cover_document",  # … anywhere in the document's candidates
    "cover_rare",  # share of the squared term weight found there, so that the rarest terms decide
    "late",  # token by token: each question token's best match in the passage or its heading
    "translated",  # share of the question's weight found there in words that translate its own, by BM25
    "brief",  # how short the passage is: 0 for 1,000 characters, 1 for one
    "cover_sentence",  # the same for the passage's best sentence with the heading
    "late_sentence",
    "cover_alone",  # … and without it
    "close_sentence",  # the weighted mean of its tokens' cosines with the whole question
    "kind_sentence",  # 1 if it holds the kind of thing that is asked for
    "translated_sentence",
)
SENTENCE_FEATURES = FEATURES[FEATURES.index("cover_sentence") :]
SURE = 0.3  # from here on the reader is trusted to have found the answer's words
ANSWERED = 6
ELSEWHERE = 10.0  # what it costs a document that all of the question's weight stands above another, and not in it
_BM25_MOST = K1 + 1  # the most that one term can add, times its idf
_WEIGHTS_FILE = Path(__file__).with_name("rank.json")

EncodeTokens = Callable[[Sequence[str]], Tokens]


# OpenBLAS reads past short rows and flags what it finds there, though not one result is touched by it.
_QUIET = np.errstate(invalid="ignore")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that either leg found, with the score that each leg gives it."""

    row: int
    passage: Passage
    heading: str
    dense: float
    lexical: float

    @property
    def document_id(self) -> str:
        """The passage's document."""
        return self.passage.document_id

    @property
    def title(self) -> str:
        """Its document's organisation and title, without what announces the passage (:mod:`qa.leads`)."""
        return self.heading.partition("\n")[0]

    @property
    def text(self) -> str:
        """The passage's text."""
        return self.passage.text


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score, its best sentence, what the score is made of, and the answer's own words.

    ``sentence`` and ``span`` are offsets into the candidate's text; ``span`` is None until the passage is read closely
    (:mod:`qa.reread`), or if no words of it can be the answer; ``sure`` is the probability that they are, and ``seen``
    what the reader made of the text (:class:`qa.span.Read`), for whoever reads it again for the same question.
    """

    candidate: Candidate
    score: float
    sentence: tuple[int, int]
    features: Mapping[str, float]
    span: tuple[int, int] | None = None
    sure: float = 0.0
    seen: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Weights:
    """What the ranking was fitted to.

    ``near`` and ``far`` weigh ``FEATURES`` for a question whose words the collection holds, and for one that shares
    none with it (most often in another language); between the two they are mixed, and so are ``answer_near`` and
    ``answer_far``, the weights of the reader's score; ``joint`` is that of :mod:`qa.joint`'s. ``sentence`` weighs
    ``SENTENCE_FEATURES`` in the choice of the best sentence. ``shortlist`` is the worth of the dense leg's score where
    the lexical leg's counts 1. ``spread`` is the margin by which a second passage of a document must be better than the
    first of another.
    """

    near: Mapping[str, float]
    far: Mapping[str, float]
    sentence: Mapping[str, float]
    answer_near: float
    answer_far: float
    joint: float
    shortlist: float
    spread: float


@cache
def learned_weights() -> Weights:
    """Return the weights as fitted by ``python -m training.rank``."""
    data = json.loads(_WEIGHTS_FILE.read_text("utf-8"))
    del data["provenance"]
    return Weights(**data)


@_QUIET
def rank(
    question: str,
    weighed: Weighed,
    candidates: Sequence[Candidate],
    encode_tokens: EncodeTokens,
    weights: Weights | None = None,
    depth: int = 60,
) -> list[Ranked]:
    """Return the depth best candidates, best first; ties keep row order.

    The candidates that the two legs' own scores put below the depth are not looked at any closer.

    :param encode_tokens: token vectors for late interaction (:meth:`qa.embed.TokenEncoder.encode_tokens`).
    :param weights: the learned ones by default.
    """
    if not candidates:
        return []
    weights = weights or learned_weights()
    if len(candidates) > depth:
        candidates = shortlist(weighed, candidates, depth, weights.shortlist)
    matrix, spans = features(question, weighed, candidates, encode_tokens, weights.sentence)
    near, far = (np.array([side[name] for name in FEATURES], np.float32) for side in (weights.near, weights.far))
    reach = float(matrix[:, FEATURES.index("cover")].max())
    scores = matrix @ (reach * near + (1 - reach) * far) - ELSEWHERE * named_elsewhere(weighed, candidates)
    lacking = lacked(question, weighed, candidates)
    ranked = [
        Ranked(
            candidate,
            score,
            span,
            {
                **dict(zip(FEATURES, row, strict=True)),
                "reach": reach,
                "found": weighed.found,
                **lacking[candidate.document_id],
            },
        )
        for candidate, score, span, row in zip(candidates, scores.tolist(), spans, matrix.tolist(), strict=True)
    ]
    return sorted(ranked, key=lambda item: (-item.score, item.candidate.row))


def named_elsewhere(weighed: Weighed, candidates: Sequence[Candidate]) -> Floats:
    """Return, for each candidate, what another document's heading holds and its own document nowhere does, shape (n,).

    That is, the most weight of what translates the question or sounds like it: most often the name of whom it is about.
    """
    if not len(weighed.met_share):
        return np.zeros(len(candidates), np.float32)
    documents = {id_: n for n, id_ in enumerate(dict.fromkeys(candidate.document_id for candidate in candidates))}
    own = [documents[candidate.document_id] for candidate in candidates]
    above = np.zeros((len(documents), len(weighed.met_share)), np.float32)
    np.maximum.at(above, own, meet(weighed, [candidate.title for candidate in candidates]) > 0)
    here = above.copy()
    np.maximum.at(here, own, meet(weighed, [candidate.text for candidate in candidates]) > 0)
    missing = above[None] * (1 - here[:, None])  # (document, other document, word)
    most: Floats = np.max(missing @ weighed.met_share, axis=1)
    return most[own]


def lacked(question: str, weighed: Weighed, candidates: Sequence[Candidate]) -> dict[str, dict[str, float]]:
    """Return, for each document, what its candidates lack of what the question names.

    That is, which share of its years, of its other numbers and of its organisations.
    """
    numbers, organisations = Numbers.of(question), Organisations.of(question)
    texts: dict[str, list[str]] = defaultdict(list)
    for candidate in candidates:
        texts[candidate.document_id] += [candidate.heading, candidate.text]
    return {id_: _lacking(numbers, organisations, weighed, texts[id_]) for id_ in texts}


def _lacking(
    numbers: Numbers, organisations: Organisations, weighed: Weighed, texts: Sequence[str]
) -> dict[str, float]:
    year, number = numbers.missed(map(folded, texts))
    words = met_words(weighed, texts) if organisations.in_latin else frozenset()
    return {"year": year, "number": number, "organisation": organisations.missed(map(folded, texts), words)}


def signals(item: Ranked) -> dict[str, float]:
    """Return what the confidence rests on: the features, the score, and how far the question is from the collection."""
    features = {name: value for name, value in item.features.items() if name != "reach"}
    far = 1 - item.features.get("reach", 1.0)
    return {**features, "score": item.score, "far": far, "far_alike": far * features.get("alike", 0.0)}


def shortlist(weighed: Weighed, candidates: Sequence[Candidate], depth: int, dense: float) -> list[Candidate]:
    """Return the depth candidates with the best weighted sum of the two legs' scores and of what translates."""
    most, texts = most_lexical(weighed), [f"{candidate.heading}\n{candidate.text}" for candidate in candidates]
    translated = saturate(meet(weighed, texts), texts) @ weighed.met_share
    scores = [
        dense * candidate.dense + candidate.lexical / most + float(met)
        for candidate, met in zip(candidates, translated, strict=True)
    ]
    best = sorted(range(len(candidates)), key=lambda n: (-scores[n], candidates[n].row))[:depth]
    return [candidates[n] for n in best]


def most_lexical(weighed: Weighed) -> float:
    """Return the most that BM25 could give the question."""
    return max(_BM25_MOST * float(weighed.idf.sum()), 1e-6)


@_QUIET
def features(
    question: str,
    weighed: Weighed,
    candidates: Sequence[Candidate],
    encode_tokens: EncodeTokens,
    sentence: Mapping[str, float],
) -> tuple[Floats, list[tuple[int, int]]]:
    """Return what the ranking rests on.

    :param sentence: the weights by which each candidate's best sentence is chosen.
    :return: float32, shape (n candidates, n ``FEATURES``), and the span of each best sentence in its text.
    """
    pieces = Pieces.cut(candidates)
    alone = judge(weighed, pieces.texts, question, encode_tokens)
    judged = alone.under_headings(pieces)
    by_sentence = sentence_features(judged, pieces, kinds_asked(question))
    sentence_scores = by_sentence @ np.array([sentence[name] for name in SENTENCE_FEATURES], np.float32)
    best = [
        start + int(np.argmax(sentence_scores[start:end]))
        for start, end in pairwise([*pieces.starts, len(by_sentence)])
    ]
    covered = np.maximum.reduceat(judged.covered, pieces.starts, axis=0)  # (candidates, terms)
    documents: dict[str, Floats] = defaultdict(lambda: np.zeros(covered.shape[1], np.float32))
    for candidate, held in zip(candidates, covered, strict=True):
        documents[candidate.document_id] = np.maximum(documents[candidate.document_id], held)
    texts = [candidate.text for candidate in candidates]
    met = np.add.reduceat(alone.met[pieces.sentences], pieces.starts, axis=0)
    met += alone.met[[pieces.headings[start] for start in pieces.starts]]
    lengths = np.array([len(text) for text in texts], np.float32)
    matrix = np.column_stack(
        [
            [candidate.dense for candidate in candidates],
            [candidate.lexical / most_lexical(weighed) for candidate in candidates],
            covered @ judged.term_share,
            np.stack([documents[candidate.document_id] for candidate in candidates]) @ judged.term_share,
            covered @ _share(judged.term_share**2),
            np.maximum.reduceat(judged.late, pieces.starts, axis=0) @ judged.token_share,
            saturate(met, texts) @ judged.met_share,
            1 - np.minimum(np.log1p(lengths) / np.log(1000), 1),
            by_sentence[best],
        ]
    ).astype(np.float32)
    return matrix, [pieces.spans[pieces.sentences[row]] for row in best]


def sentence_features(judged: Judged, pieces: Pieces, kinds: frozenset[str]) -> Floats:
    """Return the ``SENTENCE_FEATURES`` of each sentence, shape (n sentences, n features).

    :param judged: the sentences under their headings (:meth:`Judged.under_headings`).
    """
    held = np.array([_holds_kind(folded(pieces.texts[piece]), kinds) for piece in pieces.sentences], np.float32)
    covered, late = judged.covered @ judged.term_share, judged.late @ judged.token_share
    translated = saturate(judged.met, [pieces.texts[piece] for piece in pieces.sentences]) @ judged.met_share
    return np.column_stack([covered, late, judged.alone, judged.close, held, translated])


def spread(ranked: Sequence[Ranked], margin: float) -> list[Ranked]:
    """Show a passage of each document that answers before a second of any, unless the second is better by the margin.

    Each passage costs the rest of its document ``margin``, and ``ANSWERED`` times that if the reader is sure of its
    answer; ties keep the given order.
    """
    costs: dict[str, float] = defaultdict(float)
    order = []
    for item in ranked:
        document = item.candidate.document_id
        order.append((item.score - costs[document], item))
        costs[document] += ANSWERED * margin if item.sure >= SURE else margin
    order.sort(key=lambda pair: -pair[0])
    return [item for _, item in order]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The headings and sentences of all candidates.

    ``sentences`` lists the pieces that are sentences, candidate by candidate; those of candidate i begin at
    ``starts[i]`` there. ``headings`` lists, for each sentence, the piece that is its heading.
    """

    texts: list[str]
    spans: list[tuple[int, int]]
    sentences: list[int]
    headings: list[int]
    starts: list[int]

    @classmethod
    def cut(cls, candidates: Sequence[Candidate]) -> Pieces:
        """Cut the candidates at sentence ends; a heading that several share is one piece."""
        pieces = cls([], [], [], [], [])
        known: dict[str, int] = {}
        for candidate in candidates:
            if candidate.heading not in known:
                known[candidate.heading] = len(pieces.texts)
                pieces.texts.append(candidate.heading)
                pieces.spans.append((0, 0))
            own = _sentences(candidate.text) or ((0, len(candidate.text)),)
            pieces.starts.append(len(pieces.sentences))
            pieces.sentences.extend(range(len(pieces.texts), len(pieces.texts) + len(own)))
            pieces.headings.extend([known[candidate.heading]] * len(own))
            pieces.texts.extend(candidate.text[start:end] for start, end in own)
            pieces.spans.extend(own)
        return pieces


@dataclass(frozen=True, slots=True)
class Judged:
    """How n texts meet a question.

    ``covered``: where a text holds a term (:func:`qa.weigh.cover`), shape (n, terms), and ``term_share``,
    the terms' weight, summing to 1.
    ``late``: each question token's best cosine in each text, shape (n, question tokens), and ``token_share``.
    ``close``: the weighted mean of a text's tokens' cosines with the whole question, shape (n,). ``alone``: the share
    of the terms' weight that a text holds by itself, shape (n,). ``met``: how often something stands there that
    sounds like a word of the question or translates it, shape (n, those words), and ``met_share``.
    """

    covered: Floats
    term_share: Floats
    late: Floats
    token_share: Floats
    close: Floats
    alone: Floats
    met: Floats
    met_share: Floats

    def under_headings(self, pieces: Pieces) -> Judged:
        """Return the sentences alone, each read under its heading: what that says need not be said again."""
        own, above = pieces.sentences, pieces.headings
        return replace(
            self,
            covered=np.maximum(self.covered[own], self.covered[above]),
            late=np.maximum(self.late[own], self.late[above]),
            close=self.close[own],
            alone=self.alone[own],
            met=self.met[own] + self.met[above],
        )


@_QUIET
def judge(weighed: Weighed, texts: Sequence[str], question: str, encode_tokens: EncodeTokens) -> Judged:
    """Compare a question with texts, word by word and token by token.

    Late interaction (Khattab and Zaharia 2020, ColBERT) over static vectors.
    """
    asked, told = encode_tokens([question]), encode_tokens(texts)
    mean = asked.text_units()
    late = np.zeros((len(texts), len(asked.weights)), np.float32)
    close = np.zeros(len(texts), np.float32)
    filled = np.flatnonzero(np.diff(told.offsets))
    if len(filled):
        starts = told.offsets[:-1][filled]
        cosines = told.cosines(np.concatenate([asked.units(), mean]))  # (distinct tokens, question tokens and 1)
        similar = np.maximum(cosines[:, :-1], 0)
        late[filled] = np.maximum.reduceat(similar[told.ids], starts, axis=0)
        nearness = np.stack([cosines[:, -1] * told.weights, told.weights], axis=1)
        total, weight = np.add.reduceat(nearness[told.ids], starts, axis=0).T
        close[filled] = total / np.maximum(weight, 1e-6)
    covered, share = cover(weighed, texts), _share(weighed.idf)
    met = meet(weighed, texts)
    return Judged(covered, share, late, _share(asked.weights), close, covered @ share, met, weighed.met_share)


def _share(weights: Floats) -> Floats:
    return weights / max(float(weights.sum()), 1e-6)


# The same passages come again with every question: what is cut and looked through once is kept.
_sentences = lru_cache(maxsize=20_000)(lambda text: tuple(sentences(text)))
_holds_kind = lru_cache(maxsize=100_000)(holds_kind)
