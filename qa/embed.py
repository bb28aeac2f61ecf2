"""Text to vectors: the ``Encoder`` protocol and two implementations behind it.

``StaticEncoder`` reads a sentence-transformers folder whose model is a ``StaticEmbedding`` and needs
neither torch nor a warm-up, which keeps a first answer under a second; ``SentenceTransformerEncoder``
runs any other model through the library itself. The tests hold the two equal on the built-in model.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from qa.errors import ModelMissing
from qa.models import (
    OPENVINO,
    check_backend,
    check_complete,
    exported_files,
    family_prompts,
    loading,
    locate,
    modules_of,
    split_backend,
)

if TYPE_CHECKING:
    from qa.tokens import BulkTokenizer

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int], None]

BUILTIN = "builtin"
_BUILTIN_FOLDER = Path(__file__).parent / "builtin"
_STATIC_MODULES = {"StaticEmbedding", "Normalize"}
_IDF_FILE = "idf.safetensors"
_BATCH = 256
_SUMMED_IN_SHORT = 2**15 // 2**7 - 1
_KNOWN_TEXTS = 50_000
_ROWS = 128
_SHORTEST = 1e-12
_NO_IDS = np.zeros(0, np.int64)
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_ADVICE = f"Give the path of a sentence-transformers folder, or: --model {BUILTIN}"


class Encoder(Protocol):
    """Turns questions and documents into vectors of unit length.

    ``fingerprint`` changes whenever the vectors would: it covers the weights, the prompts and the dimension.
    """

    name: str
    dimension: int
    fingerprint: str

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        """Return float32 vectors of the questions, shape (n, dim), rows of unit length."""

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """Return float32 vectors of the texts, shape (n, dim), rows of unit length."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of n texts.

    Text i holds the tokens ``ids[offsets[i]:offsets[i + 1]]``, each the row of a distinct token in ``vectors``, of any
    type, shape (distinct, dim), in ``lengths``, those of the vectors, and in ``weights``, both of shape (distinct,).
    """

    ids: Ints
    offsets: Ints
    vectors: npt.NDArray[Any]
    lengths: Floats
    weights: Floats

    def units(self) -> Floats:
        """Return the distinct tokens' vectors scaled to length 1, shape (distinct, dim)."""
        out: Floats = np.divide(self.vectors, np.maximum(self.lengths, _SHORTEST)[:, None], dtype=np.float32)
        return out

    def cosines(self, directions: Floats) -> Floats:
        """Return how alike each distinct token and each direction are, shape (distinct, k).

        :param directions: rows of unit length, shape (k, dim).
        """
        out = np.empty((len(self.vectors), len(directions)), np.float32)
        for rows in _blocks(len(out)):
            out[rows] = self.vectors[rows].astype(np.float32) @ directions.T
        out /= np.maximum(self.lengths, _SHORTEST)[:, None]
        return out

    def text_units(self) -> Floats:
        """Return the sum of each text's weighted unit vectors, scaled to length 1, shape (n, dim)."""
        return unit_rows(self._sums(slice(None)))

    def text_cosines(self, directions: Floats) -> Floats:
        """Return how alike each text, by :meth:`text_units`, and each direction are, shape (n, k)."""
        out = np.empty((len(self.offsets) - 1, len(directions)), np.float32)
        for rows in _blocks(len(out)):
            sums = self._sums(rows)
            lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums))
            out[rows] = sums @ directions.T / np.maximum(lengths, _SHORTEST)[:, None]
        return out

    def _sums(self, texts: slice) -> Floats:
        first = self.offsets[:-1][texts]
        counts = self.offsets[1:][texts] - first
        scale = self.weights / np.maximum(self.lengths, _SHORTEST)
        out = np.zeros((len(first), self.vectors.shape[1]), np.float32)
        for n in range(int(counts.max(initial=0))):
            rows = np.flatnonzero(counts > n)
            tokens = self.ids[first[rows] + n]
            out[rows] += self.vectors[tokens].astype(np.float32) * scale[tokens, None]
        return out


def _blocks(n: int) -> Iterator[slice]:
    """Yield runs of rows so few that their vectors stay in the processor's own memory."""
    return (slice(start, start + _ROWS) for start in range(0, n, _ROWS))


@runtime_checkable
class TokenEncoder(Protocol):
    """An encoder that can also compare texts token by token (late interaction)."""

    def encode_tokens(self, texts: Sequence[str]) -> Tokens:
        """Return the tokens of the texts, in order."""


@runtime_checkable
class BulkEncoder(Protocol):
    """An encoder that wants many documents at a time, since each call costs it something of its own."""

    at_once: int


def load_encoder(name: str = BUILTIN, *, device: str | None = None) -> Encoder:
    """Load an embedding model from this machine.

    :param name: ``builtin``, a folder, or the name of a sentence-transformers model that was downloaded before;
        ``openvino:`` before it runs the model that was exported there for OpenVINO.
    :param device: where torch runs; ignored by static models.
    :raises ModelMissing: if the model is not on this machine, or not all of it; names what was looked for.
    """
    if name == BUILTIN and not _BUILTIN_FOLDER.is_dir():
        raise ModelMissing(name, f"the built-in model is not at {_BUILTIN_FOLDER}; install the package again")
    backend, plain = split_backend(name)
    folder = _BUILTIN_FOLDER if name == BUILTIN else locate(plain, _ADVICE)
    if not (folder / "modules.json").is_file():
        raise ModelMissing(name, f"{folder} holds no modules.json, so it is not a sentence-transformers model")
    if backend != OPENVINO and modules_of(folder).keys() <= _STATIC_MODULES:
        return StaticEncoder(folder, name)
    return SentenceTransformerEncoder(folder, name, device=device)


class StaticEncoder:
    """A ``StaticEmbedding`` model read straight from its folder: mean of token vectors, then unit length.

    Token weights for late interaction are inverse document frequency × length of the token's vector;
    the frequencies come with the built-in model and count as 1 for a model that has none.
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        from safetensors import SafetensorError  # noqa: PLC0415
        from safetensors.numpy import load, load_file  # noqa: PLC0415

        from qa.tokens import BulkTokenizer, load_tokenizer  # noqa: PLC0415

        self.name = name or str(folder)
        module = folder / modules_of(folder)["StaticEmbedding"]
        weights, tokenizer = module / "model.safetensors", module / "tokenizer.json"
        missing = [str(path) for path in (weights, tokenizer) if not path.is_file()]
        if missing:
            raise ModelMissing(self.name, f"files are missing: {', '.join(missing)}")
        stored = weights.read_bytes()
        try:
            self._table = _table(load(stored))
            idf_file = folder / _IDF_FILE
            idf = load_file(idf_file)["idf"] if idf_file.is_file() else np.ones(len(self._table), np.float32)
        except (SafetensorError, KeyError) as error:
            raise ModelMissing(self.name, f"{weights} does not hold static embeddings: {error}") from error
        self._tokenizer: BulkTokenizer = BulkTokenizer(load_tokenizer(tokenizer))
        self._idf = idf.astype(np.float32)
        self._known_ids: dict[str, Ints] = {}
        self._lengths = np.zeros(len(self._table), np.float32)
        self.dimension = int(self._table.shape[1])
        digest = hashlib.sha256(stored)
        digest.update(tokenizer.read_bytes())
        self.fingerprint = digest.hexdigest()

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        """See :class:`Encoder`; a static model knows no prompts."""
        return _in_batches(self._means, texts, self.dimension, None)

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """See :class:`Encoder`; a text without any known token gets the zero vector."""
        return _in_batches(partial(self._means, many=True), texts, self.dimension, progress)

    def _means(self, batch: list[str], many: bool = False) -> Floats:
        out = np.zeros((len(batch), self.dimension), np.float32)
        for row, ids in enumerate(self._tokenizer.ids(batch, many=many)):
            if ids:
                out[row] = _sum(self._table.take(ids, axis=0)) / np.float32(len(ids))
        return out

    def encode_tokens(self, texts: Sequence[str]) -> Tokens:
        """See :class:`TokenEncoder`."""
        each = self._token_ids(texts)
        ids = np.concatenate([_NO_IDS, *each])
        met = np.zeros(len(self._table), bool)
        met[ids] = True
        distinct = np.flatnonzero(met)
        position = np.empty(len(met), np.int64)
        position[distinct] = np.arange(len(distinct))
        vectors = self._table.take(distinct, axis=0)
        new = np.flatnonzero(self._lengths[distinct] == 0)
        self._lengths[distinct[new]] = np.linalg.norm(vectors[new].astype(np.float32), axis=1)
        lengths = self._lengths[distinct]
        return Tokens(position[ids], np.cumsum([0, *map(len, each)]), vectors, lengths, self._idf[distinct] * lengths)

    def _token_ids(self, texts: Sequence[str]) -> list[Ints]:
        """Return the tokens of each text; the same sentences come again with every question, so they are kept."""
        known = self._known_ids
        new = [text for text in dict.fromkeys(texts) if text not in known]
        fresh = {text: np.array(ids, np.int64) for text, ids in zip(new, self._tokenizer.ids(new), strict=True)}
        found = [fresh[text] if text in fresh else known[text] for text in texts]
        if len(known) + len(fresh) > _KNOWN_TEXTS:
            self._known_ids = fresh
        else:
            known.update(fresh)
        return found


def _sum(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Add up rows; those of small integers, of which no sum is rounded, in the narrowest type that holds it."""
    exact = np.int16 if len(rows) <= _SUMMED_IN_SHORT else np.int32
    added: npt.NDArray[Any] = rows.sum(axis=0, dtype=exact if rows.dtype == np.int8 else np.float32)
    return added


def _table(tensors: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the token vectors, shape (vocabulary, dim), of any form that ``StaticEmbedding`` loads.

    Quantised rows stay as they are where one scale is common to all: it drops out of every cosine.
    """
    if "embedding.weight" in tensors:
        return tensors["embedding.weight"]
    table = tensors["embeddings"]
    if "mapping" in tensors:
        table = table[tensors["mapping"].astype(np.int64)]
    scales = tensors.get("weights")
    if scales is None or (scales == scales[0]).all():
        return table
    scaled: Floats = table.astype(np.float32) * scales[:, None].astype(np.float32)
    return scaled


class SentenceTransformerEncoder:
    """Any sentence-transformers model, with its own query and document prompts, or else those of its family."""

    def __init__(self, folder: Path, name: str | None = None, *, device: str | None = None) -> None:
        self.name = name or str(folder)
        backend, plain = split_backend(self.name)
        check_complete(folder, self.name, backend)
        check_backend(self.name, backend)
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        exported = exported_files(folder) if backend == OPENVINO else []
        settings = {"export": False} if exported else {}
        with loading(self.name, folder, _ADVICE):
            self._model = SentenceTransformer(
                str(folder), device=device, local_files_only=True, backend=backend, model_kwargs=settings
            )
        self._model.eval()
        prompts = self._model.prompts
        if not any(prompts.values()):
            prompts.update(family_prompts(plain))
        # The library itself takes "document" first, which it sets to "" for a model that saved "passage" alone.
        prompts["document"] = next((prompts[name] for name in _DOCUMENT_PROMPTS if prompts.get(name)), "")
        self._one_at_a_time = threading.Lock()  # transformers issue 47085: some versions raise "Already borrowed"
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.fingerprint = self._fingerprint([*_configuration(folder), *exported])

    def _fingerprint(self, files: Sequence[Path]) -> str:
        """Cover the weights, the prompts, the dimension and all else in the model's files that the vectors rest on."""
        digest = hashlib.sha256(json.dumps(self._model.prompts, sort_keys=True).encode())
        digest.update(str((self.dimension, self._model.max_seq_length)).encode())
        for path in files:
            digest.update(path.read_bytes())
        for key, tensor in self._model.state_dict().items():
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().float().numpy().tobytes())
        return digest.hexdigest()

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        """See :class:`Encoder`; the model's query prompt is used."""
        with self._one_at_a_time:
            vectors = self._model.encode_query(list(texts), convert_to_numpy=True, show_progress_bar=False)
        return unit_rows(np.asarray(vectors, np.float32).reshape(len(texts), self.dimension))

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """See :class:`Encoder`; the model's document prompt is used."""
        return _in_batches(self._encode_batch, texts, self.dimension, progress)

    def _encode_batch(self, batch: list[str]) -> Floats:
        with self._one_at_a_time:
            vectors = self._model.encode_document(batch, convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)


def _configuration(folder: Path) -> list[Path]:
    """Return the files that say how a model cuts its input and pools its output, in a fixed order."""
    parts = {folder / part for part in modules_of(folder).values()}
    found = [path for part in parts for kind in ("*.json", "*.txt", "*.model") for path in part.glob(kind)]
    return sorted(path for path in found if path.name != "config_sentence_transformers.json")


def _in_batches(
    encode: Callable[[list[str]], Floats], texts: Sequence[str], dimension: int, progress: Progress | None
) -> Floats:
    """Encode texts a batch at a time, shape (n, dimension), rows of unit length."""
    out = np.zeros((len(texts), dimension), np.float32)
    row = 0
    for batch in batched(texts, _BATCH):
        out[row : row + len(batch)] = encode(batch)
        row += len(batch)
        if progress is not None:
            progress(len(batch))
    return unit_rows(out)


def unit_rows(vectors: Floats) -> Floats:
    """Scale each row to length 1; rows of zeros, and of anything that is not a number, become zeros."""
    finite = np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(finite, axis=1, keepdims=True)
    out: Floats = np.divide(finite, lengths, out=np.zeros_like(finite), where=lengths > 0)
    return out


def batched(texts: Sequence[str], n: int) -> Iterator[list[str]]:
    """Yield runs of at most n texts, in order."""
    rest = iter(texts)
    while batch := list(islice(rest, n)):
        yield batch
