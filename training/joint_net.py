"""The networks of ``training/joint.py``: what reads question and passage apart, together, and makes vectors of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from qa.bert import PARTS, unpacked
from training.joint_file import Arrays, whole

ASKED = 40  # tokens of a question, filled up
DROPPED = 0.1  # of what a layer adds
_AWAY = -1e4


class Layer(nn.Module):
    """A layer of BERT (Devlin et al. 2019), with the weights of a reader's layer."""

    def __init__(self, arrays: Arrays, name: str, dropped: float = 0.0) -> None:
        super().__init__()
        width = arrays["place"].shape[1]
        self.dropped = dropped
        self.qkv, self.ao = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fi, self.fo = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.aln, self.oln = nn.LayerNorm(width, 1e-12), nn.LayerNorm(width, 1e-12)
        for part in PARTS:
            _fill(getattr(self, part), whole(arrays, f"{name}.{part}"), arrays[f"{name}.{part}.b"])
        for part in ("aln", "oln"):
            _fill(getattr(self, part), *arrays[f"{name}.{part}"])

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Read texts, shape (n, m, width)."""
        n, length, width = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, mask.shape[1], -1).permute(2, 0, 3, 1, 4)
        met = (
            F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
            .transpose(1, 2)
            .reshape(n, length, width)
        )
        x = self.aln(x + F.dropout(self.ao(met), self.dropped, self.training))
        return self.oln(x + F.dropout(self.fo(F.gelu(self.fi(x))), self.dropped, self.training))


def _fill(layer: nn.Linear | nn.LayerNorm, weight: np.ndarray, bias: np.ndarray) -> None:
    layer.weight.data, layer.bias.data = (torch.tensor(np.asarray(one, np.float32)) for one in (weight, bias))


def _mask(filled: Tensor, like: Tensor, heads: int = 12) -> Tensor:
    mask = torch.zeros_like(filled, dtype=like.dtype).masked_fill(~filled, _AWAY)
    return mask[:, None, None, :].expand(-1, heads, filled.shape[1], -1)


class Lower(nn.Module):
    """The layers that read question and passage apart; they stay as they were."""

    def __init__(self, arrays: Arrays) -> None:
        super().__init__()
        self.word = nn.Embedding.from_pretrained(torch.from_numpy(unpacked(arrays["word"])))
        self.place = nn.Parameter(torch.tensor(arrays["place"].astype(np.float32)))
        self.norm = nn.LayerNorm(self.place.shape[1], 1e-12)
        _fill(self.norm, *arrays["norm"])
        self.layers = nn.ModuleList(Layer(arrays, f"lower{n}") for n in range(len(arrays["lower"])))
        self.requires_grad_(requires_grad=False)

    def forward(self, ids: Tensor, filled: Tensor) -> Tensor:
        """Read texts, shape (n, m) → (n, m, width)."""
        x: Tensor = self.norm(self.word(ids) + self.place[: ids.shape[1]])
        mask = _mask(filled, x)
        for layer in self.layers:
            x = layer(x, mask)
        return x


class Upper(nn.Module):
    """The layers that read both, and what they say."""

    def __init__(self, arrays: Arrays, layers: Iterable[int]) -> None:
        super().__init__()
        width = arrays["place"].shape[1]
        self.role = nn.Embedding.from_pretrained(torch.tensor(arrays["role"].astype(np.float32)), freeze=False)
        self.layers = nn.ModuleList(Layer(arrays, f"upper{n}", DROPPED) for n in layers)
        self.mix, self.score, self.ends = nn.Linear(2 * width, width), nn.Linear(width, 1), nn.Linear(width, 2)
        for name in ("mix", "score", "ends"):
            _fill(getattr(self, name), arrays[f"{name}.w"].T, arrays[f"{name}.b"])

    def forward(self, states: Tensor, roles: Tensor) -> tuple[Tensor, Tensor]:
        """Return each pair's score, shape (n,), and the passage's tokens as first and last of the answer, (n, m, 2).

        :param states: a question's and then a passage's, from :class:`Lower`; roles -1 where nothing stands.
        """
        filled = roles >= 0
        x = states + self.role(roles.clamp(min=0)).to(states.dtype)
        mask = _mask(filled, x)
        for layer in self.layers:
            x = layer(x, mask)
        share = (filled.float() / filled.sum(dim=1, keepdim=True)).to(x.dtype)
        both = torch.cat([x[:, 0], torch.einsum("nm,nmd->nd", share, x)], dim=1)
        return self.score(F.gelu(self.mix(both)))[:, 0].float(), self.ends(x[:, ASKED:]).float()


class Apart(nn.Module):
    """The layers that make a vector of a text alone."""

    def __init__(self, arrays: Arrays, layers: Iterable[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(arrays, f"upper{n}", DROPPED) for n in layers)

    def forward(self, states: Tensor, filled: Tensor) -> Tensor:
        """Return a text's vector of length 1, shape (n, width), from :class:`Lower`'s states."""
        x, mask = states, _mask(filled, states)
        for layer in self.layers:
            x = layer(x, mask)
        share = filled.float() / filled.sum(dim=1, keepdim=True)
        return F.normalize(torch.einsum("nm,nmd->nd", share, x.float()), dim=1)


def roles(asked: Tensor, is_asked: Tensor, told: Tensor, is_told: Tensor, own: Tensor) -> Tensor:
    """Return the tokens' roles as :func:`qa.joint.roles` does, for many pairs at once; -1 where nothing stands."""
    at = torch.arange(max(asked.shape[1], told.shape[1]), device=asked.device)
    same = asked[:, :, None] == told[:, None, :]
    last = is_asked.sum(dim=1, keepdim=True) - 1
    wanted = (at[: asked.shape[1]] >= 3) & (at[: asked.shape[1]] < last)
    held = is_told & (at[: told.shape[1]] >= 2)
    asked_too = (same & held[:, None]).any(2) & (at[: asked.shape[1]] >= 2)
    told_too = (same & wanted[:, :, None]).any(1)
    left = torch.where(is_asked, 3 * asked_too, -1)
    return torch.cat([left, torch.where(is_told, 1 + own.long() + 3 * told_too, -1)], 1)


def halved(device: str) -> AbstractContextManager[None]:
    """Compute in bfloat16 on a GPU."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device != "cpu")
