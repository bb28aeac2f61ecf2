"""Write the shipped files: a sentence-transformers folder that needs nothing beside itself."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from training.ragged import Ragged


def inverse_document_frequency(passages: list[Ragged], size: int) -> np.ndarray:
    """Return log((n + 1) / (df + 0.5)) of each token over the passages, never below 0; float32, shape (size,)."""
    found, n = np.zeros(size, dtype=np.int64), 0
    for texts in passages:
        row = np.repeat(np.arange(len(texts)), np.diff(texts.starts))
        keys = np.unique(row.astype(np.int64) * size + texts.ids)
        found += np.bincount(keys % size, minlength=size)
        n += len(texts)
    return np.maximum(np.log((n + 1) / (found + 0.5)), 0).astype(np.float32)


def quantise(table: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """Return int8 values and the one scale that brings them back; the unknown token (row 0) becomes zero.

    One scale for all: the length of a token's vector is its weight, and a common factor drops out of every cosine.
    Values beyond 127 steps are cut off; the step is chosen for the 99.99th percentile.
    """
    scale = np.float32(np.quantile(np.abs(table), 0.9999) / 127)
    values = np.clip(np.round(table / scale), -127, 127).astype(np.int8)
    values[0] = 0
    return values, scale


def export(folder: Path, table: np.ndarray, idf: np.ndarray, tokenizer: Tokenizer, card: str) -> int:
    """Write the model and return its size in bytes.

    :param table: shape (vocabulary, dims); stored as int8 ``embeddings`` with float32 ``weights``, the form
        that sentence-transformers folds into one table when it loads.
    :param idf: shape (vocabulary,), stored as float16.
    :param card: the text of its README.
    """
    static = folder / "0_StaticEmbedding"
    static.mkdir(parents=True, exist_ok=True)
    values, scale = quantise(table)
    weights = np.full(len(values), scale, dtype=np.float32)
    save_file({"embeddings": values, "weights": weights}, static / "model.safetensors")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(static / "tokenizer.json"), pretty=False)
    save_file({"idf": idf.astype(np.float16)}, folder / "idf.safetensors")
    (folder / "modules.json").write_text(
        json.dumps(
            [
                {
                    "idx": 0,
                    "name": "0",
                    "path": "0_StaticEmbedding",
                    "type": "sentence_transformers.models.StaticEmbedding",
                },
                {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
            ],
            indent=2,
        ),
        "utf-8",
    )
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"}, indent=2), "utf-8"
    )
    (folder / "README.md").write_text(card, "utf-8")
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
