"""Layers of :mod:`qa.bert` by torch, all of them in one go and without Python's lock.

TorchScript is what runs several steps of torch without that lock, for which threads that answer at once would wait a
hundred times an answer. Newer torch calls it deprecated: where it is gone, the steps are taken one by one, which is as
right and slower.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (its usual name)
from torch import Tensor

from qa.bert import CUBED, EPSILON, HEADS, ONCE
from qa.linear import LEAST, MOST, Floats, Linear

# TorchScript knows no names of a module but its functions, so constants are defaults.
Run = Callable[[Tensor, list[int], list[list[Tensor]]], Tensor]


def run() -> Run:
    """Return what runs layers, each given by its :func:`tensors`, over texts of such sizes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            scripted: Run = torch.jit.script(_run)
        except (AttributeError, OSError, RuntimeError):
            return _run
    return scripted


def tensors(linears: Sequence[Linear], norms: Sequence[Floats]) -> list[Tensor]:
    """Return a layer's arrays, in one row and without a copy."""
    arrays = [array for one in linears for array in (one.whole, one.scales, one.moved)]
    return [torch.from_numpy(array) for array in (*arrays, *(row for norm in norms for row in norm))]


def product(rows: Tensor, whole: Tensor) -> Tensor:
    """Multiply rows of whole numbers with a matrix of them."""
    return torch._int_mm(rows.to(torch.int8), whole).to(torch.float32)


def linear(
    rows: Tensor, whole: Tensor, scales: Tensor, moved: Tensor, most: float = MOST, least: float = LEAST
) -> Tensor:
    """Do what :class:`qa.linear.Linear` does."""
    low, high = torch.amin(rows, 1, keepdim=True), torch.amax(rows, 1, keepdim=True)
    middle, steps = (low + high) / 2, ((high - low) / (2 * most)).clamp_(min=least)
    out = product(torch.sub(rows, middle).div_(steps).round_(), whole)
    return out.mul_(steps).mul_(scales).addcmul_(middle, moved[0]).add_(moved[1])


def _run(x: Tensor, sizes: list[int], layers: list[list[Tensor]]) -> Tensor:
    for w in layers:
        met = [_attend(one) for one in torch.split(linear(x, w[0], w[1], w[2]), sizes)]
        x = _normed(linear(torch.cat(met), w[3], w[4], w[5]).add_(x), w[12], w[13])
        x = _normed(linear(_gelu(linear(x, w[6], w[7], w[8])), w[9], w[10], w[11]).add_(x), w[14], w[15])
    return x


def _attend(qkv: Tensor, heads: int = HEADS) -> Tensor:
    n = qkv.size(0)
    query, key, value = qkv.view(n, 3, heads, -1).permute(1, 2, 0, 3).unsqueeze(1).unbind(0)
    return F.scaled_dot_product_attention(query, key, value).squeeze(0).transpose(0, 1).reshape(n, -1)


def _gelu(x: Tensor, once: float = ONCE, cubed: float = CUBED) -> Tensor:
    return (x * x).mul_(cubed).add_(once).mul_(x).sigmoid_().mul_(x)


def _normed(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float = EPSILON) -> Tensor:
    return F.layer_norm(x, [x.size(1)], weight, bias, epsilon)
