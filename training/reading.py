"""The network of :mod:`qa.reader` in torch, for training; the names of its weights are the file's.

Activations are bfloat16 while training: on processors with AMX that halves the time of a step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from qa.compare import FEATURES, TYPES
from qa.reader import DILATIONS, FILMED, LONGEST

BLIND = 0.07  # share of training questions of which only the kind is shown, as of a foreign one
PAIR = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded questions (batch, m) and passages (batch, n); masks are 1 where there is a character."""

    question: Tensor
    question_mask: Tensor
    kind: Tensor
    passage: Tensor
    passage_mask: Tensor
    compared: Tensor


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """Apply a layer in the type of its input."""
    return F.linear(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype))


def convolve(layer: nn.Linear, x: Tensor, distance: int) -> Tensor:
    """Apply a layer to each character with the two that stand so far before and after it, (batch, n, dim).

    The same as joining the three and :func:`linear`, but several times faster in channels-last form.
    """
    width = layer.weight.shape[1] // 3
    weight = layer.weight.view(-1, 3, width).permute(0, 2, 1).unsqueeze(2).to(x.dtype)
    weight = weight.contiguous(memory_format=torch.channels_last)
    image = x.permute(0, 2, 1).unsqueeze(2)
    out = F.conv2d(image, weight, layer.bias.to(x.dtype), padding=(0, distance), dilation=(1, distance))
    return out.squeeze(2).permute(0, 2, 1)


class Network(nn.Module):
    """See :class:`qa.reader.Reader`; ``embedding`` is where the characters' vectors start."""

    def __init__(self, embedding: np.ndarray, dim: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        size, width = embedding.shape
        self.emb = nn.Embedding(size, width)
        self.emb.weight.data = torch.tensor(embedding)
        self.c1, self.c2 = nn.Linear(3 * width, dim), nn.Linear(3 * dim, dim)
        self.qa, self.proj = nn.Linear(dim, 1), nn.Linear(dim, dim)
        self.diag = nn.Parameter(torch.ones(dim) / math.sqrt(dim) * 2)
        self.v = nn.Linear(dim + len(TYPES), dim)
        self.inp = nn.Linear(3 * dim + FEATURES, dim)
        self.film = nn.ModuleList(nn.Linear(dim, 2 * dim) for _ in FILMED)
        self.ln = nn.ModuleList(nn.LayerNorm(dim) for _ in DILATIONS)
        self.cv = nn.ModuleList(nn.Linear(3 * dim, dim) for _ in DILATIONS)
        self.out_ln, self.out, self.bil = nn.LayerNorm(dim), nn.Linear(dim, 2), nn.Linear(dim, 2 * dim)
        self.pa, self.pc, self.len = nn.Linear(dim, PAIR), nn.Linear(dim, PAIR), nn.Linear(dim, LONGEST)
        self.dropout = dropout

    def _drop(self, x: Tensor) -> Tensor:
        """Drop whole channels of a text: cheaper than single values, and characters stay comparable."""
        if not self.training:
            return x
        kept = torch.rand(x.shape[0], 1, x.shape[2]) >= self.dropout
        return x * (kept.float() / (1 - self.dropout)).to(x.dtype)

    def _norm(self, layer: nn.LayerNorm, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[2:], layer.weight.to(x.dtype), layer.bias.to(x.dtype))

    def _encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self._drop(self.emb(ids).to(mask.dtype))
        h = self._drop(F.relu(convolve(self.c1, x, 1)) * mask)
        return (h + F.relu(convolve(self.c2, h, 1))) * mask

    def _meet(self, batch: Batch, kind: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        question = self._encode(batch.question, batch.question_mask[..., None].to(kind))
        passage = self._encode(batch.passage, batch.passage_mask[..., None].to(kind))
        hidden = -1e4 * (1 - batch.question_mask)
        weights = torch.softmax(linear(self.qa, question).squeeze(2).float() + hidden, 1).to(kind)
        summary = (weights[..., None] * question).sum(1)
        keys = F.relu(linear(self.proj, question)).transpose(1, 2)
        likeness = torch.bmm(F.relu(linear(self.proj, passage)) * self.diag.to(kind), keys).float()
        aligned = torch.bmm(torch.softmax(likeness + hidden[:, None], 2).to(kind), question)
        if self.training:
            seen = (torch.rand(len(summary), 1) >= BLIND).to(kind)
            summary, aligned = summary * seen, aligned * seen[:, None]
        return passage, summary, aligned

    def forward(self, batch: Batch) -> Tensor:
        """Return the score of every span, shape (batch, n, ``LONGEST``), as :meth:`qa.reader.Reader.read`."""
        kind = torch.bfloat16 if self.training else torch.float32
        mask = batch.passage_mask[..., None].to(kind)
        passage, summary, aligned = self._meet(batch, kind)
        wanted = F.relu(linear(self.v, torch.cat([summary, batch.kind.to(kind)], 1)))
        mixed = torch.cat([passage, aligned, passage * aligned, batch.compared.to(kind)], 2)
        x = F.relu(linear(self.inp, self._drop(mixed))) * mask
        for n, (norm, layer, distance) in enumerate(zip(self.ln, self.cv, DILATIONS, strict=True)):
            h = self._norm(norm, x)
            if n in FILMED:
                scale, shift = linear(self.film[FILMED.index(n)], wanted).chunk(2, 1)
                h = h * (1 + scale[:, None]) + shift[:, None]
            x = x + self._drop(F.relu(convolve(layer, h * mask, distance)))
        x = self._norm(self.out_ln, x)
        ends = linear(self.out, x) + torch.bmm(x, linear(self.bil, wanted).view(-1, 2, x.shape[2]).transpose(1, 2)) / 8
        ends = ends.float() - 1e4 * (1 - batch.passage_mask)[..., None]
        pairs = torch.bmm(linear(self.pa, x), linear(self.pc, x).transpose(1, 2)).float() / 4
        return _band(pairs) + ends[:, :, 0, None] + _ahead(ends[:, :, 1]) + linear(self.len, wanted).float()[:, None]


def _band(pairs: Tensor) -> Tensor:
    """Turn (batch, n, n) into (batch, n, ``LONGEST``): column k of row i is the pair (i, i + k)."""
    batch, n, _ = pairs.shape
    width = n + LONGEST
    return F.pad(pairs, (0, LONGEST)).contiguous().as_strided((batch, n, LONGEST), (n * width, width + 1, 1))


def _ahead(ends: Tensor) -> Tensor:
    return F.pad(ends, (0, LONGEST), value=-1e4).unfold(1, LONGEST, 1)[:, : ends.shape[1]]


def loss(scores: Tensor, right: Sequence[Sequence[tuple[int, int]]]) -> Tensor:
    """Return the mean negative log probability that a span drawn from the scores is one of the right ones.

    :param right: for each passage at least one (first, last) character, at most ``LONGEST`` apart.
    """
    return (torch.logsumexp(scores.reshape(len(scores), -1), 1) - _mass(scores, right)).mean()


def shared_loss(scores: Tensor, right: Sequence[Sequence[tuple[int, int]]], wrong: Tensor) -> Tensor:
    """Return :func:`loss` over the spans of each question's passage, of a wrong one, and of no answer, scored 0.

    Shared normalisation with a no-answer option (Clark and Gardner 2018); wrong passages are also pushed below 0.
    """
    total = torch.logsumexp(scores.reshape(len(scores), -1), 1)
    other = torch.logsumexp(wrong.reshape(len(wrong), -1), 1)
    shared = torch.logsumexp(torch.stack([total, other, torch.zeros_like(total)]), 0)
    return (shared - _mass(scores, right)).mean() + 0.5 * F.softplus(other).mean()


def _mass(scores: Tensor, right: Sequence[Sequence[tuple[int, int]]]) -> Tensor:
    most = max(map(len, right))
    index = torch.tensor(
        [[(first, last - first) for first, last in spans] + [(0, -1)] * (most - len(spans)) for spans in right]
    )
    rows = torch.arange(len(scores))[:, None]
    chosen = scores[rows, index[..., 0], index[..., 1].clamp(min=0)]
    return torch.logsumexp(chosen.masked_fill(index[..., 1] < 0, -1e9), 1)


def arrays(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return the weights in half precision, ready to be saved; the fixed factors of the scores are worked in."""
    factors = {"bil": 8, "pa": 4}
    return {
        name: (value / factors.get(name.split(".")[0], 1)).numpy().astype(np.float16) for name, value in state.items()
    }
