"""A question's words → the words of Chinese or English that may stand for them in a page, each with its share.

Only for words that the collection does not hold. The lexicon is fitted to parallel text by ``python -m
training.translations``; a word that it does not know, and that is no Chinese name in Latin letters, is taken for the
one that begins most like it. Two words in a row may be one there, as in Vietnamese; an Arabic word stands there without
the article and the prepositions that are written on to it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qa.lexical import is_unspaced, spaced_words, unspaced_runs
from qa.sounds import spelt

_ARABIC = re.compile("[\u0621-\u064a]")
_ARABIC_MARKS = re.compile("[\u0640\u064b-\u0652]")
_ARABIC_PREFIX = re.compile("(?:[وفبك]?ال|لل)(?=...)|و(?=....)")
_ARABIC_ALIKE = str.maketrans("أإآى", "اااي")
_LONGEST = 8  # characters of a word without blanks
_ALIKE, _ENDING = 4, 3  # letters that two forms of a word share at least, and those in which they may differ at most
_STEPS = 255  # shares are stored as bytes
_FILE = Path(__file__).with_name("translations.npz")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words in order, each with what translates it, as they lie in their file: dictionaries would take far more room.

    The translations of ``words[i]`` are ``targets[n]`` for n in ``numbers[starts[i]:starts[i + 1]]``, their shares are
    ``shares`` there, in steps of 1/255.
    """

    words: list[str]
    targets: list[str]
    starts: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.uint32]
    shares: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, told: Mapping[str, Mapping[str, float]]) -> Lexicon:
        """Put words and their translations in order."""
        words = sorted(told)
        targets = sorted({target for word in words for target in told[word]})
        number = {target: n for n, target in enumerate(targets)}
        starts = np.cumsum([0, *(len(told[word]) for word in words)])
        numbers = np.array([number[target] for word in words for target in told[word]], np.uint32)
        shares = np.array([round(share * _STEPS) for word in words for share in told[word].values()], np.uint8)
        return cls(words, targets, starts, numbers, shares)

    @classmethod
    def load(cls, path: Path = _FILE) -> Lexicon:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            words, targets = _lines(data["words"]), _lines(data["targets"])
            return cls(words, targets, data["starts"], data["numbers"], data["shares"])

    def save(self, path: Path) -> None:
        """Write it in the form in which it ships."""
        np.savez_compressed(
            path,
            words=_bytes(self.words),
            targets=_bytes(self.targets),
            starts=self.starts,
            numbers=self.numbers,
            shares=self.shares,
        )

    def get(self, word: str) -> dict[str, float]:
        """Return what translates a word, with shares that sum to 1; nothing if it is not known."""
        at = bisect_left(self.words, word)
        if at == len(self.words) or self.words[at] != word:
            return {}
        own = slice(self.starts[at], self.starts[at + 1])
        shares = self.shares[own] / _STEPS
        return {self.targets[n]: float(share) for n, share in zip(self.numbers[own], shares, strict=True)}

    def around(self, word: str) -> list[str]:
        """Return the words between which another would stand."""
        at = bisect_left(self.words, word)
        return self.words[max(0, at - 1) : at + 1]

    def __contains__(self, word: str) -> bool:
        return word in self.around(word)


@dataclass(frozen=True, slots=True)
class Translated:
    """A word of a question and what may stand for it, with shares that sum to 1."""

    word: str
    targets: tuple[tuple[str, float], ...]


def translations(folded: str, lexicon: Lexicon | None = None) -> list[Translated]:
    """Return the words of a folded question that the lexicon knows, each once.

    :param lexicon: the shipped one by default.
    """
    known = shipped_lexicon() if lexicon is None else lexicon
    found = {word: told for word in dict.fromkeys(_words(folded, known)) if (told := _told(word, known))}
    return [Translated(word, tuple(told.items())) for word, told in found.items()]


def stem(word: str) -> str:
    """Return a folded word as the lexicon has it.

    >>> stem("والمستشفى"), stem("hospital")
    ('مستشفي', 'hospital')
    """
    if not _ARABIC.search(word):
        return word
    plain = _ARABIC_MARKS.sub("", word).translate(_ARABIC_ALIKE)
    prefix = _ARABIC_PREFIX.match(plain)
    return plain[prefix.end() :] if prefix else plain


def _told(word: str, lexicon: Lexicon) -> dict[str, float]:
    word = stem(word)
    told = lexicon.get(word)
    name = is_unspaced(word) or spelt(word) is not None  # as the Latin letters of a Chinese one sound
    return told if told or name else lexicon.get(_form(word, lexicon))


def _form(word: str, lexicon: Lexicon) -> str:
    """Return the known word that begins most like this one, if it may be another form of it, else nothing."""
    found: list[tuple[int, int, str]] = []
    for other in lexicon.around(word):
        alike = _alike(word, other)
        if alike >= max(_ALIKE, len(word) - _ENDING) and len(other) <= alike + _ENDING:
            found.append((-alike, len(other), other))
    return min(found)[-1] if found else ""


def _alike(one: str, other: str) -> int:
    """Return the number of letters with which both words begin."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def among(words: Sequence[Translated], held: Mapping[str, int]) -> tuple[list[Translated], list[float]]:
    """Return the words with those translations alone that a collection holds, and how many passages each may stand in.

    :param held: the number of passages that hold each translation.
    """
    kept, expected = [], []
    for word in words:
        total = sum(share for target, share in word.targets if held[target])
        targets = tuple((target, share / total) for target, share in word.targets if held[target])
        if targets:
            kept.append(Translated(word.word, targets))
            expected.append(sum(share * held[target] for target, share in targets))
    return kept, expected


def _words(folded: str, lexicon: Lexicon) -> Iterator[str]:
    """Yield words of spaced scripts, two where the lexicon knows these as one, and of the others the longest known."""
    words, n = spaced_words(folded), 0
    while n < len(words):
        two = " ".join(words[n : n + 2])
        known = two in lexicon
        yield two if known else words[n]
        n += 2 if known else 1
    for run in unspaced_runs(folded):
        start = 0
        while start < len(run):
            ends = range(min(len(run), start + _LONGEST), start, -1)
            end = next((end for end in ends if run[start:end] in lexicon), None)
            if end is not None:
                yield run[start:end]
            start = end or start + 1


@cache
def shipped_lexicon() -> Lexicon:
    """Return the lexicon that ships with the package."""
    return Lexicon.load()


def _bytes(lines: Sequence[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def _lines(stored: npt.NDArray[np.uint8]) -> list[str]:
    return stored.tobytes().decode().split("\n")
