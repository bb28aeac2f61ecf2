"""A question's terms, weighed by rarity, and where they stand in texts: as written, as heard or translated (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qa.embed import Floats
from qa.lexical import is_unspaced, terms
from qa.sounds import sound, spelt
from qa.text import fold
from qa.translate import Translated

HEARD = 0.7  # what a term counts that stands nowhere but sounds like what stands here
K1 = 1.2
_B, _USUAL = 0.75, 200  # BM25's other constant, and the characters of a usual passage
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Weighed:
    """A question's distinct terms with their inverse document frequencies, shape (n terms,).

    ``sounds``: how a term sounds if no passage holds it, for it may be misspelt or written in other letters; else None.
    ``translated``: what may stand in the collection for words that do not. ``met_share``: of what is neither held nor
    translated but sounds like something, and of what is translated, the part of the weight of all that can be found,
    shape (n heard + n translated,); ``found``: what part that is of the whole question's weight.
    """

    terms: tuple[str, ...]
    idf: Floats
    sounds: tuple[str | None, ...]
    translated: tuple[Translated, ...]
    met_share: Floats
    found: float


def weigh(
    distinct: Sequence[str],
    frequencies: Sequence[int],
    n: int,
    translated: Sequence[Translated] = (),
    expected: Sequence[float] = (),
) -> Weighed:
    """Weigh a question's terms as BM25 does.

    :param frequencies: for each term, the number of the n passages that hold it.
    :param expected: the same for each word that is translated, on average over what may stand for it
        (Darwish and Oard 2003, probabilistic structured queries).
    """
    known = {term for word in translated for term in terms(word.word)}
    held = np.asarray(frequencies, np.float32) > 0
    sounds = tuple(
        None if here or term in known else spelt(term) for term, here in zip(distinct, held.tolist(), strict=True)
    )
    heard = np.array([sound is not None for sound in sounds], bool)
    lost = ~(held | heard | np.array([term in known for term in distinct], bool))
    idf = _idf(frequencies, n)
    met: Floats = np.concatenate([idf[heard], _idf(expected, n)])
    total = float(idf[held].sum() + met.sum())
    found = total / max(total + float(idf[lost].sum()), 1e-6)
    return Weighed(tuple(distinct), idf, sounds, tuple(translated), met / max(total, 1e-6), found)


def _idf(frequencies: Sequence[float], n: int) -> Floats:
    df = np.asarray(frequencies, np.float32)
    return np.log1p((n - df + 0.5) / (df + 0.5)).astype(np.float32)


def cover(weighed: Weighed, texts: Sequence[str]) -> Floats:
    """Return where a text holds a term, ``HEARD`` where it only sounds so, shape (texts, terms)."""
    distinct = weighed.terms
    held = np.zeros((len(texts), len(distinct)), np.float32)
    plain = [folded(text) for text in texts]
    anywhere = "\n".join(plain)
    for column, term in enumerate(distinct):
        if term in anywhere:
            within = plain if is_unspaced(term) else [_words(text) for text in texts]
            held[:, column] = [term in one for one in within]
    for column, heard in enumerate(weighed.sounds):
        if heard is not None:
            held[:, column] = [HEARD * (heard in sound(one)) for one in plain]
    return held


def meet(weighed: Weighed, texts: Sequence[str]) -> Floats:
    """Return the expected number of times that what a word sounds like, or translates to, stands in each text."""
    heard = [sounds for sounds in weighed.sounds if sounds is not None]
    met = np.zeros((len(texts), len(heard) + len(weighed.translated)), np.float32)
    if heard:
        sounded = [sound(folded(text)) for text in texts]
        met[:, : len(heard)] = [[one.count(sounds) for sounds in heard] for one in sounded]
    parted = [_parted(text) for text in texts] if weighed.translated else []
    anywhere = "\n".join(parted)
    for column, word in enumerate(weighed.translated, len(heard)):
        for target, share in word.targets:
            written = target if is_unspaced(target) else f" {target}"
            if written in anywhere:
                met[:, column] += [share * one.count(written) for one in parted]
    return met


def met_words(weighed: Weighed, texts: Sequence[str]) -> frozenset[str]:
    """Return the words that are heard or translated, of which what they sound like or translate to stands in a text."""
    heard = [term for term, sounds in zip(weighed.terms, weighed.sounds, strict=True) if sounds is not None]
    words = [*heard, *(word.word for word in weighed.translated)]
    anywhere: list[bool] = np.any(meet(weighed, texts) > 0, axis=0).tolist()
    return frozenset(word for word, met in zip(words, anywhere, strict=True) if met)


def saturate(met: Floats, texts: Sequence[str]) -> Floats:
    """Return what BM25 makes of counts in texts, as a share of the most it could be."""
    room = np.array([K1 * (1 - _B + _B * len(text) / _USUAL) for text in texts], np.float32)
    share: Floats = met / (met + room[:, None])
    return share


# The same passages come again with every question: what is folded once is kept.
folded = lru_cache(maxsize=100_000)(fold)
_parted = lru_cache(maxsize=20_000)(lambda text: " " + _NO_WORD.sub(" ", folded(text)))
_words = lru_cache(maxsize=100_000)(lambda text: frozenset(terms(text)))
