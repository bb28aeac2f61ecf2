"""Give a trained table more dimensions: learned ones beside random ones that carry the same translations."""

import numpy as np
from tokenizers import Tokenizer

from training.ragged import Ragged, ragged
from training.vocabulary import HAN_RUN

_ROWS = 2000


def is_han(tokenizer: Tokenizer) -> np.ndarray:
    """Return which tokens are made of Han characters and kana; bool, shape (vocabulary,)."""
    pieces = (tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size()))
    return np.array([bool(HAN_RUN.fullmatch(piece)) for piece in pieces])


def token_parts(tokenizer: Tokenizer) -> Ragged:
    """Return, for each token of several Han characters, the ids of its characters; for every other its own id."""
    parts = []
    for i, han in enumerate(is_han(tokenizer)):
        characters = [tokenizer.token_to_id(c) for c in tokenizer.id_to_token(i)] if han else []
        parts.append(characters if len(characters) > 1 and all(characters) else [i])
    return ragged(parts)


def neighbours(table: np.ndarray, rows: np.ndarray, among: np.ndarray, best: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``best`` tokens of ``among`` nearest to each of ``rows``, and their cosines; both (rows, best)."""
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    found, cosines = [], []
    for start in range(0, len(rows), _ROWS):
        cosine = unit[rows[start : start + _ROWS]] @ unit[among].T
        top = np.argpartition(-cosine, best, axis=1)[:, :best]
        found.append(among[top])
        cosines.append(np.take_along_axis(cosine, top, 1))
    return np.concatenate(found), np.concatenate(cosines)


def widen(table: np.ndarray, extra: int, han: np.ndarray, seed: int = 11) -> np.ndarray:
    """Return the table with ``extra`` random dimensions, new and old ones of the same mean size in each row.

    :param han: which tokens are Han; the others point, in the new dimensions, half along the new vectors of the six
        Han tokens nearest to them in the old ones, so that what was learned across languages holds there too.
    :return: float32, shape (vocabulary, dims + extra).
    """
    fresh = np.random.default_rng(seed).standard_normal((len(table), extra)).astype(np.float32)
    fresh /= np.linalg.norm(fresh, axis=1, keepdims=True)
    others, chinese = np.flatnonzero(~han), np.flatnonzero(han)
    nearest, cosines = neighbours(table, others, chinese, 6)
    shares = np.exp(20 * cosines)
    shares /= shares.sum(axis=1, keepdims=True)
    result = fresh.copy()
    for start in range(0, len(others), _ROWS):
        part = slice(start, start + _ROWS)
        along = (shares[part, :, None] * fresh[nearest[part]]).sum(axis=1)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        result[others[part]] = 0.75 * along + 0.66 * fresh[others[part]]
    lengths = np.linalg.norm(table, axis=1, keepdims=True) * np.sqrt(extra / table.shape[1])
    result *= lengths / np.linalg.norm(result, axis=1, keepdims=True)
    return np.concatenate([table, result], axis=1)
