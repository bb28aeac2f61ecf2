"""The joint reader's files: how they begin, as multilingual-e5-small, and how what was trained goes into them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qa.bert import PARTS, Array, matrix
from qa.joint import NETWORK, PIECES, WORDS
from qa.pieces import piece_model
from training.multilingual import Packed

PARTED = 6  # layers that read question and passage apart
PLACES = 288  # room for qa.packer.WHOLE tokens and what stands above them
NORMS = "aln", "oln"
Arrays = dict[str, Array]


def pieces_of(model: Packed) -> bytes:
    """Return the network's own pieces, for :class:`qa.pieces.PieceCutter`."""
    return piece_model(model.pieces, model.unknown)


def begun(model: Packed) -> Arrays:
    """Return the files' arrays before any training: the network as it was, and heads that know nothing."""
    rng = np.random.default_rng(0)
    width = model.width
    word, place = (model.matrix(f"emb.{name}").numpy() for name in ("word", "pos"))

    def pair(name: str) -> Array:
        return np.stack([model.tensors[f"{name}.w"], model.tensors[f"{name}.b"]])

    def weights(n: int, part: str) -> Array:
        if part == "qkv":
            return np.concatenate([weights(n, one) for one in part])
        return model.tensors[f"l{n}.{part}.w"].reshape(-1, 4 * width if part == "fo" else width)

    def biases(n: int, part: str) -> Array:
        return np.concatenate([model.tensors[f"l{n}.{one}.b"] for one in (part if part == "qkv" else [part])])

    arrays: Arrays = {
        "word": packed(word),
        "place": (place[:PLACES] + model.matrix("emb.type")[0].numpy()).astype(np.float16),
        "norm": pair("emb.ln"),
        "role": np.zeros((6, width), np.float32),
        "lower": np.zeros(PARTED),
        "upper": np.zeros(model.layers - PARTED),
    }
    for name, before, behind in (("mix", 2 * width, width), ("score", width, 1), ("ends", width, 2)):
        arrays[f"{name}.w"] = rng.normal(0, before**-0.5, (before, behind)).astype(np.float32)
        arrays[f"{name}.b"] = np.zeros(behind, np.float32)
    for n in range(model.layers):
        name = f"lower{n}" if n < PARTED else f"upper{n - PARTED}"
        for part in PARTS:
            arrays |= {f"{name}.{part}.w": packed(weights(n, part)), f"{name}.{part}.b": biases(n, part)}
        arrays |= {f"{name}.{part}": pair(f"l{n}.{part}") for part in NORMS}
    return arrays


def whole(arrays: Arrays, name: str) -> Array:
    """Return a layer's weights, stored or not."""
    weights = arrays[f"{name}.w"]
    return weights if weights.dtype == np.float32 else matrix(arrays, name)


def halfway(one: Arrays, other: Arrays) -> Arrays:
    """Return a reader whose upper layers lie half way between two readers', in full; the rest is the second's."""
    found = dict(other)
    for n in range(len(other["upper"])):
        for part in PARTS:
            name = f"upper{n}.{part}"
            found[f"{name}.w"] = (whole(one, name) + whole(other, name)) / 2
            found[f"{name}.b"] = (one[f"{name}.b"] + other[f"{name}.b"]) / 2
        for part in NORMS:
            found[f"upper{n}.{part}"] = (one[f"upper{n}.{part}"] + other[f"upper{n}.{part}"]) / 2
    return found


def trained(arrays: Arrays, upper: Mapping[str, Array], apart: Mapping[str, Array]) -> Arrays:
    """Return the file's arrays with what was trained of them: layers in eight bits, and the heads.

    :param upper: the parameters of :class:`training.joint.Upper` by name; ``apart`` those of
        :class:`training.joint.Apart`.
    """
    kept = {name: values for name, values in arrays.items() if name != "word" and not name.startswith("upper")}
    kept["role"] = upper["role.weight"]
    for head in ("mix", "score", "ends"):
        kept |= {f"{head}.w": upper[f"{head}.weight"].T, f"{head}.b": upper[f"{head}.bias"]}
    kept["mix.w"] = kept["mix.w"].astype(np.float16)
    return {**kept, **_layers("upper", upper), **_layers("apart", apart)}


def write(folder: Path, model: Packed, arrays: Arrays, network: Arrays) -> None:
    """Write what :meth:`qa.joint.JointReader.load` reads: ``arrays`` as begun, ``network`` as :func:`trained`."""
    np.savez_compressed(folder / NETWORK, **network)
    np.save(folder / WORDS, arrays["word"])
    (folder / PIECES).write_bytes(pieces_of(model))


def _layers(kind: str, found: Mapping[str, Array]) -> Arrays:
    count = len({name.split(".")[1] for name in found if name.startswith("layers.")})
    kept: Arrays = {kind: np.zeros(count)}
    for n in range(count):
        for part in PARTS:
            name = f"{kind}{n}.{part}"
            kept |= stored(found[f"layers.{n}.{part}.weight"], name)
            kept[f"{name}.b"] = found[f"layers.{n}.{part}.bias"]
        for part in NORMS:
            kept[f"{kind}{n}.{part}"] = np.stack([found[f"layers.{n}.{part}.{one}"] for one in ("weight", "bias")])
    return kept


def packed(numbers: Array) -> Array:
    """Store numbers in blocks of four bits as :func:`qa.bert.unpacked` reads them, shape (n, width) → (n, bytes).

    What was stored so before comes out the same: of each block the number farthest from 0 becomes -8.
    """
    blocks = numbers.reshape(len(numbers), -1, 32).astype(np.float32)
    farthest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=-1)[..., None], -1)
    scales = (farthest / -8).astype(np.float16)
    divisor = np.where(scales == 0, 1, scales).astype(np.float32)
    whole = np.clip(np.rint(blocks / divisor) + 8, 0, 15).astype(np.uint8)
    halves = whole[..., :16] | whole[..., 16:] << 4
    return np.concatenate([scales.view(np.uint8), halves], axis=-1).reshape(len(numbers), -1)


def stored(numbers: Array, name: str) -> Arrays:
    """Store numbers in eight bits, 32 by one scale: in four, what was trained would be rounded away."""
    blocks = numbers.reshape(len(numbers), -1, 32)
    scales = np.maximum(np.abs(blocks).max(axis=-1) / 127, 1e-7).astype(np.float16)
    whole = np.clip(np.rint(blocks / scales[..., None].astype(np.float32)), -127, 127).astype(np.int8)
    return {f"{name}.w": whole.reshape(numbers.shape), f"{name}.s": scales}
