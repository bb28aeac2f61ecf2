"""The reader's characters: which it knows, how rare they are, and the vectors that training starts from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from sklearn.utils.extmath import randomized_svd

from qa.compare import Alphabet
from qa.text import fold

LEAST = 12  # texts that must hold a character
WIDTH = 40
_UNKNOWN_IDF, _MOST_IDF, _IDF_SCALE = 2.0, 2.0, 4.0


def alphabet(texts: Sequence[str]) -> Alphabet:
    """Return the characters that at least ``LEAST`` of the texts hold, most frequent first."""
    holding = Counter(character for text in texts for character in set(fold(text)))
    known = [character for character, n in holding.most_common() if n >= LEAST and not character.isspace()]
    rarity = np.log(len(texts) / np.array([holding[character] for character in known])) / _IDF_SCALE
    idf = np.concatenate([[_UNKNOWN_IDF], np.minimum(rarity, _MOST_IDF)]).astype(np.float32)
    return Alphabet({character: n for n, character in enumerate(known, 1)}, idf)


def embedding(texts: Sequence[str], known: Alphabet) -> np.ndarray:
    """Return vectors of the characters, shape (1 + known, ``WIDTH``), from the company they keep.

    Positive pointwise mutual information with the characters one and two places before and after, factorised
    (Levy and Goldberg 2014); each place counts apart, so that numerals, surnames and units fall together.
    """
    size = len(known.ids) + 1
    gap = [0, 0]
    ids = np.concatenate([[known.ids.get(character, 0) for character in fold(text)] + gap for text in texts])
    counts = []
    for distance in (1, 2):
        pairs = np.bincount(ids[:-distance] * size + ids[distance:], minlength=size * size)
        table = pairs.reshape(size, size).astype(np.float32)
        counts += [table, table.T]
    joint = np.concatenate(counts, axis=1)
    joint[0] = 0
    rows = joint.sum(axis=1, keepdims=True) + 1
    columns = joint.sum(axis=0, keepdims=True) ** 0.75 + 1
    information = np.maximum(np.log((joint + 1e-9) / rows / (columns / columns.sum())), 0)
    information[joint < 2] = 0
    left, strength, _ = randomized_svd(information, WIDTH, n_iter=3, random_state=0)
    vectors = left * np.sqrt(strength)
    return (vectors / vectors[1:].std() / 2).astype(np.float32)
