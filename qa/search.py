"""``Retriever``: both legs, fusion, filters → ``Hit``s, and the ``Answer`` on top of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from pathlib import Path

import numpy as np

from qa.answer import SHOWN_SPAN, answer
from qa.calibration_file import calibrated_weights
from qa.closely import FAR, read_closely
from qa.cross import RERANK_DEPTH, Reranker, load_reranker, rerank
from qa.embed import BUILTIN, Encoder, TokenEncoder, Tokens, load_encoder
from qa.errors import InvalidQuestion, ModelMismatch
from qa.generation import Generation, Passages
from qa.gist import gist
from qa.infull import in_full
from qa.joint import shipped_joint_reader
from qa.lexical import question_terms, terms, told
from qa.rank import Candidate, Ranked, learned_weights, most_lexical, rank, signals, spread
from qa.records import Answer, Document, Evidence, Hit, Manifest, Span
from qa.reread import READ_DEPTH, reread
from qa.respell import respelt
from qa.sounds import names
from qa.stores import is_address, open_at
from qa.text import simplify
from qa.translate import Translated, among, shipped_lexicon, translations
from qa.vectors import SCAN_FROM
from qa.weigh import Weighed, weigh

LEG_DEPTH = 100
RANK_DEPTH = 60
FUSE_DEPTH = 30
_OTHERS = 0.5
_COMMON = 0.25
_LONGEST_QUESTION = 5_000


@dataclass(frozen=True, slots=True)
class _Looked:
    """The candidates for a question, how many are wanted, among which documents, read how; and their ranking.

    ``asked`` is the question with organisations named in full.
    """

    key: tuple[str, int, tuple[str, ...] | None, bool]
    asked: str
    found: list[Candidate]
    ranked: list[Ranked]


class Retriever:
    """An opened index that can be searched from many threads at once."""

    def __init__(
        self,
        generation: Generation,
        encoder: Encoder,
        weights: Mapping[str, float] | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        if generation.manifest.fingerprint != encoder.fingerprint:
            raise ModelMismatch(
                encoder.name,
                f"the index was built with {generation.manifest.model} "
                f"({generation.manifest.fingerprint[:12]}, this one is {encoder.fingerprint[:12]}). "
                f"Run: qa index --rebuild --model {encoder.name}",
            )
        self._generation = generation
        self._encoder = encoder
        self._weights = weights
        self._reranker = reranker
        self._latest: _Looked | None = None
        self._token_encoder = encoder if isinstance(encoder, TokenEncoder) else _builtin_tokens()

    @classmethod
    def open(
        cls,
        index: str | Path = "index",
        *,
        encoder: Encoder | None = None,
        reranker: str | Path | Reranker | None = None,
        allow_stale: bool = False,
        calibrated: bool = True,
    ) -> Retriever:
        """Open a built index.

        :param index: a folder, or a store's address as :func:`qa.stores.open_at` takes it.
        :param encoder: a loaded model; by default the one that the index names.
        :param reranker: a cross-encoder's name or path, or a loaded one, to judge the first passages of each ranking.
        :param allow_stale: search even if the indexed folder changed since.
        :param calibrated: use the confidence that was fitted to the index, if there is one and it holds.
        :raises IndexMissing, IndexDamaged, CalibrationDamaged, IndexForeign, IndexStale, ModelMissing, ModelMismatch:
            each with the command that mends it.
        """
        generation = open_at(index, allow_stale=allow_stale)
        if isinstance(reranker, str | Path):
            reranker = load_reranker(reranker)
        may_be = calibrated and not is_address(index)
        weights = calibrated_weights(Path(index), generation.manifest.fingerprint) if may_be else None
        return cls(generation, encoder or load_encoder(generation.manifest.model), weights, reranker)

    @property
    def manifest(self) -> Manifest:
        """What the index holds and was built from."""
        return self._generation.manifest

    @property
    def passages(self) -> Passages:
        """All passages, in index order."""
        return self._generation.passages

    @property
    def documents(self) -> Mapping[str, Document]:
        """All documents by id, without their text (see :meth:`document`)."""
        return self._generation.passages.headings()

    def document(self, document_id: str) -> Document:
        """Return one document with its text.

        :raises KeyError: if the index has no such document.
        """
        return self._generation.passages.document(document_id)

    def search(self, question: str, k: int = 5, documents: Sequence[str] | None = None) -> list[Hit]:
        """Return the k passages that answer best.

        :param documents: ids of the documents to choose from; all by default.
        :return: best first; one passage of each document before a second of any, where they are about as good.
        :raises InvalidQuestion: if the question is blank or overlong, or k is below 1.
        """
        _, ordered = self._ordered(_checked(question, k), k, documents)
        [hits] = self._hits(ordered[:k])
        return hits

    def fuse(self, question: str, k: int = 5, documents: Sequence[str] | None = None) -> list[Hit]:
        """Return the k passages that both legs together put first, compared no closer; as :meth:`search`.

        For programs that need many passages in little time and judge them themselves. A hit has no evidence.
        """
        asked = self._asked(_checked(question, k))
        only = None if documents is None else self.passages.rows_of(documents)
        depth = max(k, FUSE_DEPTH)
        index, distinct = self._generation.lexical, question_terms(asked)
        frequencies = index.frequencies(distinct)
        dense, lexical = self._found_by_legs(asked, depth, only, without=_common(distinct, frequencies, len(index)))
        # To score these, the full text would have to be searched again; they all have less than the last that it found.
        others = _OTHERS * min(lexical.values(), default=0.0) if len(lexical) == depth else 0.0
        lexical = dict.fromkeys(dense, others) | lexical
        most = most_lexical(weigh(distinct, frequencies, len(index)))
        worth = learned_weights().shortlist
        scores = {row: worth * dense[row] + lexical[row] / most for row in dense}
        rows = sorted(scores, key=lambda row: (-scores[row], row))[:k]
        found = self._candidates(rows, dense, lexical)
        [hits] = self._hits([Ranked(one, scores[one.row], (0, 0), {}) for one in found])
        return hits

    def ask(self, question: str, k: int = 5, documents: Sequence[str] | None = None) -> Answer:
        """Return the answer with its sources, or a plain no with the near misses; as :meth:`search`."""
        question = _checked(question, k)
        about = gist(question)
        if not about:
            return answer(question, [], [])
        asked, ordered = self._ordered(question, k, documents)
        [hits] = self._hits(ordered[:k])
        answered = answer(question, hits, [signals(item) for item in ordered[:k]], self._weights)
        return answered if simplify(asked) == simplify(about) else replace(answered, read_as=asked)

    def legs(self, question: str, k: int = 10) -> dict[str, list[Hit]]:
        """Return the k best hits of the ``dense`` leg, the ``lexical`` leg and of both ``fused``.

        The fused ones are those before any reranker and before spreading.
        """
        looked = self._look(self._asked(_checked(question, k)), k, None)
        dense = [Ranked(one, one.dense, (0, 0), {}) for one in looked.found]
        lexical = [Ranked(one, one.lexical, (0, 0), {}) for one in looked.found if one.lexical > 0]
        legs = [sorted(leg, key=lambda item: (-item.score, item.candidate.row)) for leg in (dense, lexical)]
        hits = self._hits(*(leg[:k] for leg in legs), looked.ranked[:k])
        return dict(zip(("dense", "lexical", "fused"), hits, strict=True))

    def ranked(self, question: str, k: int = 5, *, closely: bool = True) -> list[Ranked]:
        """Return the ranking of all candidates, with what it rests on, before spreading.

        :param closely: read those that stand close together with the question (:mod:`qa.closely`).
        """
        return self._look(self._asked(_checked(question, k)), k, None, closely).ranked

    def _asked(self, question: str) -> str:
        """Return what a question is about, in the characters of the index."""
        return respelt(gist(question) or question, self._generation.lexical, shipped_lexicon())

    def _ordered(self, question: str, k: int, documents: Sequence[str] | None) -> tuple[str, list[Ranked]]:
        """Return what is looked for, and the passages in the order in which they are shown."""
        asked = self._asked(question)
        if self._reranker is None:
            looked = self._look(asked, k, documents)
            asked, ranked = looked.asked, looked.ranked
        else:
            asked, weighed, found = self._gathered(asked, k, documents)
            ranked = rerank(asked, self._rank(asked, weighed, found, k, RERANK_DEPTH), self._reranker)
            ranked = self._closely(asked, ranked, 0.0)
        return asked, spread(ranked, learned_weights().spread)

    def _look(self, asked: str, k: int, documents: Sequence[str] | None, closely: bool = True) -> _Looked:
        """Find and rank; the last is kept, for whoever asks for an answer and then for the legs."""
        key = asked, k, None if documents is None else tuple(documents), closely
        latest = self._latest
        if latest is None or latest.key != key:
            asked, weighed, found = self._gathered(asked, k, documents)
            ranked = self._rank(asked, weighed, found, k)
            if closely:
                ranked = self._closely(asked, ranked, learned_weights().joint)
            self._latest = latest = _Looked(key, asked, found, ranked)
        return latest

    def _gathered(self, asked: str, k: int, documents: Sequence[str] | None) -> tuple[str, Weighed, list[Candidate]]:
        """Return the question, with organisations named in full as what it finds names them, and what it finds."""
        weighed = self.weighed(asked)
        found = self._found(asked, weighed, k, documents)
        whole = in_full(asked, [one.title for one in found], [one.text for one in found])
        if whole != asked:
            weighed = self.weighed(whole)
            found = self._found(whole, weighed, k, documents)
        return whole, weighed, found

    def candidates(self, question: str, k: int = 5, documents: Sequence[str] | None = None) -> list[Candidate]:
        """Return what either leg finds before ranking, in index order, each with both legs' scores."""
        return self._found(question, self.weighed(question), k, documents)

    def _found(self, question: str, weighed: Weighed, k: int, documents: Sequence[str] | None) -> list[Candidate]:
        depth = max(k, LEG_DEPTH)
        only = None if documents is None else self.passages.rows_of(documents)
        dense, lexical = self._found_by_legs(question, depth, only, self._translated(weighed, depth, only))
        rows = sorted(dense)
        missing = [row for row in rows if row not in lexical]
        lexical.update(zip(missing, self._generation.lexical.score(question, missing), strict=True))
        return self._candidates(rows, dense, lexical)

    @np.errstate(invalid="ignore")  # see qa.rank
    def _found_by_legs(
        self,
        question: str,
        depth: int,
        only: Sequence[int] | None,
        others: Set[int] = frozenset(),
        without: Set[str] = frozenset(),
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Return the dense leg's scores of all that is found and of some other rows; the lexical leg's of its own."""
        search = partial(self._generation.lexical.search, question, depth, only, without)
        # What is small is searched sooner than a thread wakes up.
        found = _beside().submit(search) if len(self._generation.lexical) >= SCAN_FROM else None
        vector = self._encoder.encode_queries([question])
        dense = dict(self._generation.vectors.search(vector, depth, only)[0])
        lexical = dict(search() if found is None else found.result())
        missing = sorted((lexical.keys() | others) - dense.keys())
        dense.update(zip(missing, (self._generation.vectors.rows(missing) @ vector[0]).tolist(), strict=True))
        return dense, lexical

    def _candidates(
        self, rows: Sequence[int], dense: Mapping[int, float], lexical: Mapping[int, float]
    ) -> list[Candidate]:
        return [
            Candidate(row, passage, heading, dense[row], lexical[row])
            for row, (passage, heading) in zip(rows, self.passages.headed_at(rows), strict=True)
        ]

    def _rank(
        self, question: str, weighed: Weighed, found: Sequence[Candidate], k: int, read: int = READ_DEPTH
    ) -> list[Ranked]:
        ranked = rank(question, weighed, found, self.encode_tokens, depth=max(k, _depth(weighed, found)))
        return reread(question, ranked, self.encode_tokens, learned_weights(), read)

    def _closely(self, question: str, ranked: Sequence[Ranked], weight: float) -> list[Ranked]:
        return read_closely(question, ranked, shipped_joint_reader(), self.encode_tokens, weight)

    def weighed(self, question: str) -> Weighed:
        """Return the question's terms, weighed by how rare they are in this index, and what translates the rest."""
        lexical, distinct = self._generation.lexical, question_terms(question)
        frequencies = lexical.frequencies(distinct)
        unheld = {term for term, frequency in zip(distinct, frequencies, strict=True) if not frequency}
        words = [word for word in translations(told(question)) if unheld & set(terms(word.word))] if unheld else []
        held, expected = among(words, self._held_by(words))
        called = [name for name in names(question) if unheld.issuperset(name.split())]
        return weigh([*distinct, *called], [*frequencies, *(0 for _ in called)], len(lexical), held, expected)

    def _held_by(self, words: Sequence[Translated]) -> dict[str, int]:
        """Return the number of passages that hold the rarest term of each translation."""
        parts = {target: terms(target) for word in words for target, _ in word.targets}
        distinct = list(dict.fromkeys(chain.from_iterable(parts.values())))
        counts = dict(zip(distinct, self._generation.lexical.frequencies(distinct), strict=True))
        return {target: min((counts[part] for part in found), default=0) for target, found in parts.items()}

    def _translated(self, weighed: Weighed, depth: int, only: Sequence[int] | None) -> set[int]:
        """Return the rows that hold most of what translates a question."""
        targets = " ".join(target for word in weighed.translated for target, _ in word.targets)
        return {row for row, _ in self._generation.lexical.search(targets, depth, only)} if targets else set()

    def encode_tokens(self, texts: Sequence[str]) -> Tokens:
        """Return the token vectors that late interaction compares; the built-in model's where the index's has none."""
        return self._token_encoder.encode_tokens(texts)

    def _hits(self, *rankings: Sequence[Ranked]) -> list[list[Hit]]:
        """Return rankings as hits; the store is asked but once, for the documents of all."""
        documents = self.passages.headings([item.candidate.document_id for item in chain.from_iterable(rankings)])
        return [
            [_hit(n, item, documents[item.candidate.document_id]) for n, item in enumerate(ranked, 1)]
            for ranked in rankings
        ]


@cache
def _beside() -> ThreadPoolExecutor:
    """Return the threads in which one leg searches while the other does; both do most of their work outside Python."""
    return ThreadPoolExecutor(thread_name_prefix="leg")


def _hit(n: int, item: Ranked, document: Document) -> Hit:
    candidate, (start, end) = item.candidate, item.sentence
    passage = candidate.passage
    quote = passage.text[start:end]
    evidence = Evidence(passage.document_id, passage.start + start, passage.start + end, quote) if quote else None
    return Hit(n, item.score, passage, document, candidate.dense, candidate.lexical, evidence, _span(item))


def _span(item: Ranked) -> Span | None:
    if item.span is None or item.sure < SHOWN_SPAN:
        return None
    passage, (start, end) = item.candidate.passage, item.span
    return Span(passage.start + start, passage.start + end, passage.text[start:end])


def _builtin_tokens() -> TokenEncoder:
    encoder = load_encoder(BUILTIN)
    if not isinstance(encoder, TokenEncoder):
        raise ModelMismatch(BUILTIN, "the built-in model is not static")
    return encoder


def _depth(weighed: Weighed, found: Sequence[Candidate]) -> int:
    """Return how many candidates are ranked: all that a leg finds where the passages hold next to none of the words."""
    met = max((candidate.lexical for candidate in found), default=0.0) / most_lexical(weighed)
    return RANK_DEPTH if met >= FAR else LEG_DEPTH


def _common(distinct: Sequence[str], frequencies: Sequence[int], n: int) -> Set[str]:
    """Return the terms that so many of n passages hold that they tell little, and take most of the time of a search.

    On five public sets leaving them out of ``fuse`` changed success@1 by less than 0.004, success@10 by 0.001.
    """
    if n < SCAN_FROM:
        return frozenset()
    common = {term for term, held in zip(distinct, frequencies, strict=True) if held > n * _COMMON}
    return common if len(common) < len(distinct) else frozenset()


def _checked(question: str, k: int) -> str:
    """Return the question with lone surrogates replaced, which no UTF-8 library takes."""
    if not question.strip():
        raise InvalidQuestion("the question is empty")
    if len(question) > _LONGEST_QUESTION:
        raise InvalidQuestion(f"the question has {len(question)} characters, at most {_LONGEST_QUESTION} are taken")
    if k < 1:
        raise InvalidQuestion(f"k is {k}, it must be at least 1")
    return question.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
