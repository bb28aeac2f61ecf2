"""A lexicon read off the model's own token vectors, and token bags translated with it."""

import numpy as np
import scipy.sparse as sp

from training.ragged import PairSet, Ragged, full_rows, take_pairs
from training.widen import neighbours


def neighbour_lexicon(
    table: np.ndarray, sources: np.ndarray, targets: np.ndarray, best: int = 5, least: float = 0.5
) -> sp.csr_matrix:
    """Return, for each source token, its nearest target tokens with shares that sum to one.

    :param least: cosine below which a target is no translation.
    :return: shape (vocabulary, vocabulary); empty rows for tokens without a translation.
    """
    found, cosines = neighbours(table, sources, targets, best)
    kept = cosines >= least
    shares = np.where(kept, np.exp(15 * cosines), 0)
    shares = shares[kept] / np.repeat(shares.sum(axis=1), kept.sum(axis=1))
    rows = np.repeat(sources, kept.sum(axis=1))
    return sp.csr_matrix((shares, (rows, found[kept])), shape=(len(table), len(table)))


def translate_tokens(texts: Ragged, lexicon: sp.csr_matrix, rng: np.random.Generator, keep: float = 0.3) -> Ragged:
    """Draw a translation for every token; tokens without one stay with chance ``keep``, else go.

    Texts may end up empty; the caller drops them.
    """
    sizes = np.diff(lexicon.indptr)[texts.ids]
    running = np.concatenate([[0.0], np.cumsum(lexicon.data, dtype=np.float64)])
    begin = lexicon.indptr[texts.ids]
    draw = running[begin] + rng.random(len(texts.ids)) * (running[begin + sizes] - running[begin])
    at = np.clip(np.searchsorted(running, draw, side="right") - 1, begin, np.maximum(begin + sizes - 1, begin))
    known = sizes > 0
    ids = texts.ids.copy()
    ids[known] = lexicon.indices[at[known]]
    stays = known | (rng.random(len(ids)) < keep)
    starts = np.concatenate([[0], np.cumsum(stays)])[texts.starts]
    return Ragged(ids[stays], starts)


def translate_questions(pairs: PairSet, lexicon: sp.csr_matrix, rng: np.random.Generator) -> PairSet:
    """Return the pairs with their questions put into other languages, token by token."""
    questions = translate_tokens(pairs.questions, lexicon, rng)
    translated = PairSet(questions, pairs.passages, pairs.question_group, pairs.passage_group)
    return take_pairs(translated, full_rows(translated))
