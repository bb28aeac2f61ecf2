"""A layer of BERT (Devlin et al. 2019) by NumPy, and how its weights are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from qa.linear import Floats, Linear

Array = npt.NDArray[Any]
BLOCK = 18  # bytes: a scale in two, and 32 numbers of four bits
PARTS = "qkv", "ao", "fi", "fo"
HEADS = 12
EPSILON = 1e-12
# x times the first and its cube times the other are the odds of a logistic function near the normal distribution's.
ONCE, CUBED = 1.5957691, 0.0713548
_SAFE = 75.0  # up to this, either way, float32 holds the sum of a thousand exponentials


class Layer:
    """Its four products, and the scale and shift of its two norms; for many threads at once."""

    def __init__(self, arrays: dict[str, Array], name: str) -> None:
        """Take the arrays, and how theirs are called that belong to this layer."""
        self.linears = [
            Linear(matrix(arrays, f"{name}.{part}").T, arrays[f"{name}.{part}.b"].astype(np.float32)) for part in PARTS
        ]
        self.norms = [arrays[f"{name}.{part}"].astype(np.float32) for part in ("aln", "oln")]

    def __call__(self, x: Floats, cuts: Sequence[int] = ()) -> Floats:
        """Return what the tokens become; those of several texts are cut there."""
        qkv, ao, fi, fo = self.linears
        met = [attend(one) for one in np.split(qkv(x), cuts)]
        x = normed(x + ao(np.concatenate(met)), *self.norms[0])
        return normed(x + fo(gelu(fi(x))), *self.norms[1])


def attend(qkv: Floats) -> Floats:
    """Return what a text's tokens see in each other, from their queries, keys and values."""
    n = len(qkv)
    query, key, value = qkv.reshape(n, 3, HEADS, -1).transpose(1, 2, 0, 3)
    query = query * np.float32(query.shape[-1] ** -0.5)
    chances: Floats = query @ key.transpose(0, 2, 1)
    longest = [np.einsum("hnd,hnd->hn", x, x).max() for x in (query, key)]
    if np.sqrt(longest[0] * longest[1]) > _SAFE:
        chances -= chances.max(axis=-1, keepdims=True)
    np.exp(chances, out=chances)
    # One column more of ones sums what each row is to be divided by.
    met: Floats = chances @ np.concatenate([value, np.ones((HEADS, n, 1), np.float32)], axis=2)
    met = met[..., :-1] / met[..., -1:]
    return met.transpose(1, 0, 2).reshape(n, -1)


@np.errstate(over="ignore")  # in its tail
def gelu(x: Floats) -> Floats:
    """Return x times the normal distribution there, as its usual approximation by a logistic function."""
    odds = x * x
    odds *= np.float32(-CUBED)
    odds -= np.float32(ONCE)
    odds *= x
    np.exp(odds, out=odds)
    odds += 1
    out: Floats = np.divide(x, odds, out=odds)
    return out


def normed(x: Floats, weight: Floats, bias: Floats) -> Floats:
    """Give each row a mean of 0 and a variance of 1, then scale and shift it."""
    out: Floats = x - x.mean(axis=1, keepdims=True)
    out *= (1 / np.sqrt(np.einsum("ij,ij->i", out, out) / out.shape[1] + np.float32(EPSILON)))[:, None]
    out *= weight
    out += bias
    return out


def matrix(arrays: dict[str, Array], name: str) -> Floats:
    """Return a layer's weights: of four bits where they are as they were, of eight where they were trained."""
    stored = arrays[f"{name}.w"]
    if f"{name}.s" not in arrays:
        return unpacked(stored)
    scales = arrays[f"{name}.s"].astype(np.float32)
    numbers: Floats = (stored.reshape(*scales.shape, -1) * scales[..., None]).reshape(stored.shape)
    return numbers


def unpacked(rows: Array) -> Floats:
    """Return numbers stored in blocks of four bits, shape (n, bytes), as float32, shape (n, width)."""
    blocks = rows.reshape(len(rows), -1, BLOCK)
    scales = blocks[..., :2].copy().view(np.float16).astype(np.float32)
    halves = np.concatenate([blocks[..., 2:] & 15, blocks[..., 2:] >> 4], axis=-1)
    numbers: Floats = ((halves.astype(np.float32) - 8) * scales).reshape(len(rows), -1)
    return numbers
