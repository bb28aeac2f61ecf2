"""The training loop: static token vectors under a symmetric in-batch softmax, on the CPU."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F  # noqa: N812

from training.ragged import PairSet, Ragged


@dataclass(frozen=True)
class Settings:
    """What a run is made of; written beside its log."""

    steps: int
    weights: dict[str, float]
    batch: int = 1024
    dims: int = 256
    scale: float = 20.0
    rate: float = 0.01
    final_rate: float = 0.0002
    warmup: int = 50
    split_share: float = 0.0
    seed: int = 1
    evaluate_every: int = 500
    minutes: float = 600.0
    threads: int = 2
    scales: dict[str, float] = field(default_factory=dict)
    drop: dict[str, float] = field(default_factory=dict)
    hard_share: float = 0.0
    too_close: float = 1.1


class Stream:
    """Rows of one kind over and over, ``batch`` at a time.

    :param vectors: where given, rows come in groups of neighbours (see :func:`neighbour_order`), so that a batch holds
        wrong passages that look right; else in random order.
    """

    def __init__(self, size: int, batch: int, rng: np.random.Generator, vectors: np.ndarray | None = None):
        """Start with a fresh order."""
        self._size, self._batch, self._rng, self._vectors = size, min(batch, size), rng, vectors
        self._order, self._at = self._fresh(), 0

    def _fresh(self) -> np.ndarray:
        if self._vectors is None:
            return self._rng.permutation(self._size)
        return neighbour_order(self._vectors, _GROUP, self._rng)

    def next(self) -> np.ndarray:
        """Return the next rows."""
        if self._at + self._batch > self._size:
            self._order, self._at = self._fresh(), 0
        self._at += self._batch
        return self._order[self._at - self._batch : self._at]


def neighbour_order(vectors: np.ndarray, group: int, rng: np.random.Generator) -> np.ndarray:
    """Return all rows in an order where groups of at most ``group`` rows lie close together, the groups shuffled.

    :param vectors: shape (n, dims).

    A random projection tree: rows are halved along the line between two of them until the halves are small
    (Dasgupta & Freund 2008).
    """
    done, todo = [], [rng.permutation(len(vectors))]
    while todo:
        rows = todo.pop()
        if len(rows) <= group:
            done.append(rows)
            continue
        line = vectors[rows[0]].astype(np.float32) - vectors[rows[1]].astype(np.float32)
        along = vectors[rows] @ line.astype(vectors.dtype)
        halves = np.argpartition(along, len(rows) // 2)
        todo += [rows[halves[: len(rows) // 2]], rows[halves[len(rows) // 2 :]]]
    return np.concatenate([done[i] for i in rng.permutation(len(done))])


# Two Python threads share the sparse products and the row updates: torch's own threads wait for each other
# at every operation, which costs more than it brings where other work runs on the same cores.
_POOL = ThreadPoolExecutor(2)
_ROWS = 256
_GROUP = 32


def _multiply(matrix: sp.csr_matrix, dense: np.ndarray) -> np.ndarray:
    middle = int(np.searchsorted(matrix.indptr, matrix.nnz // 2))
    return np.concatenate(list(_POOL.map(lambda part: part @ dense, (matrix[:middle], matrix[middle:]))))


class _Sum(torch.autograd.Function):
    """Sum token vectors into text vectors with a sparse matrix; torch's embedding bag is ten times slower backward."""

    @staticmethod
    def forward(ctx, rows: torch.Tensor, matrix: sp.csr_matrix) -> torch.Tensor:
        """Return ``matrix @ rows``; shape (texts, dims)."""
        ctx.matrix = matrix
        return torch.from_numpy(_multiply(matrix, rows.detach().numpy()))

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient of the rows."""
        return torch.from_numpy(_multiply(ctx.matrix.T.tocsr(), gradient.contiguous().numpy())), None


def batch_matrix(sides: Sequence[Ragged], size: int) -> tuple[np.ndarray, sp.csr_matrix]:
    """Return the distinct tokens of some texts and how often each stands in each text.

    :param size: size of the vocabulary.
    :return: token ids, shape (m,); counts, float32, shape (texts, m), the sides one below the other.
    """
    ids = np.concatenate([side.ids for side in sides])
    seen = np.zeros(size, dtype=bool)
    seen[ids] = True
    tokens = np.flatnonzero(seen)
    place = np.empty(size, dtype=np.int32)
    place[tokens] = np.arange(len(tokens), dtype=np.int32)
    starts = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(side.starts) for side in sides]))])
    matrix = sp.csr_matrix(
        (np.ones(len(ids), np.float32), place[ids], starts.astype(np.int32)), shape=(len(starts) - 1, len(tokens))
    )
    matrix.sum_duplicates()
    return tokens, matrix


class RowAdam:
    """Adam that touches only the rows of a batch (Kingma & Ba 2015; lazy moments)."""

    def __init__(self, table: torch.Tensor, betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8):
        """Start with zero moments."""
        self.table, self._betas, self._epsilon, self._step = table, betas, epsilon, 0
        self._first, self._second = torch.zeros_like(table), torch.zeros_like(table)

    def step(self, rows: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        """Move the rows against their gradient, shape (rows, dims)."""
        self._step += 1
        parts = zip(rows.split(_ROWS), gradient.split(_ROWS), strict=True)
        list(_POOL.map(lambda part: self._move(*part, rate), parts))

    def _move(self, rows: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        one, two = self._betas
        first = self._first[rows].mul_(one).add_(gradient, alpha=1 - one)
        second = self._second[rows].mul_(two).addcmul_(gradient, gradient, value=1 - two)
        self._first[rows], self._second[rows] = first, second
        bottom = second.div_(1 - two**self._step).sqrt_().add_(self._epsilon)
        self.table[rows] -= first.div_(bottom).mul_(rate / (1 - one**self._step))


def split_tokens(texts: Ragged, parts: Ragged, share: float, rng: np.random.Generator) -> Ragged:
    """Replace a share of the tokens by their characters.

    :param parts: for each token id, the ids it falls into; itself where it can't be split.
    """
    chosen = rng.random(len(texts.ids)) < share
    sizes = np.where(chosen, parts.starts[texts.ids + 1] - parts.starts[texts.ids], 1)
    begins = np.concatenate([[0], np.cumsum(sizes)])
    pieces = parts.take(texts.ids[chosen])
    ids = np.empty(begins[-1], dtype=texts.ids.dtype)
    ids[begins[:-1][~chosen]] = texts.ids[~chosen]
    spread = np.zeros(begins[-1], dtype=bool)
    spread[begins[:-1][~chosen]] = True
    ids[~spread] = pieces.ids
    return Ragged(ids, begins[texts.starts])


def drop_tokens(texts: Ragged, share: float, rng: np.random.Generator) -> Ragged:
    """Leave out a share of the tokens, so that every token has to carry its own meaning; texts may end up empty."""
    stays = rng.random(len(texts.ids)) >= share
    return Ragged(texts.ids[stays], np.concatenate([[0], np.cumsum(stays)])[texts.starts])


def contrast(questions: torch.Tensor, passages: torch.Tensor, same: torch.Tensor, scale: float) -> torch.Tensor:
    """Return the symmetric softmax loss of a batch.

    :param questions: unit vectors, shape (n, dims); row i belongs to passage i.
    :param same: bool, shape (n, n); true off the diagonal where a pair must not count as wrong.
    """
    logits = (scale * questions @ passages.T).masked_fill(same, float("-inf"))
    right = logits.diagonal()
    return ((logits.logsumexp(1) + logits.logsumexp(0)) / 2 - right).mean()


def same_pairs(pairs: PairSet, rows: np.ndarray) -> torch.Tensor:
    """Return which questions and passages of a batch share a text with another pair; shape (n, n), diagonal false."""
    question, passage = pairs.question_group[rows], pairs.passage_group[rows]
    same = (question[:, None] == question) | (passage[:, None] == passage)
    np.fill_diagonal(same, False)
    return torch.from_numpy(same)


def alike(passages: torch.Tensor, limit: float) -> torch.Tensor:
    """Return which passages are too close to each other to count as wrong answers; shape (n, n), diagonal false."""
    close = passages @ passages.T > limit
    return close.fill_diagonal_(False)


def rate_at(step: int, progress: float, settings: Settings) -> float:
    """Return the learning rate: linear warm-up over steps, then linear decay to the final rate.

    :param progress: share of the run that is over, 0 to 1, by steps or by the clock, whichever is further.
    """
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    return settings.final_rate + (settings.rate - settings.final_rate) * max(0.0, 1 - progress)


def kinds_in_turn(weights: dict[str, float], rng: np.random.Generator) -> Iterator[str]:
    """Yield kinds at random by weight, for ever."""
    names = list(weights)
    chances = np.array([weights[name] for name in names], dtype=float)
    while True:
        yield from rng.choice(names, size=256, p=chances / chances.sum())


Extra = Callable[[str, np.ndarray, torch.Tensor, torch.Tensor], torch.Tensor | None]


def train(
    start: np.ndarray,
    kinds: dict[str, PairSet],
    settings: Settings,
    folder: Path,
    *,
    parts: Ragged | None = None,
    extra: Extra | None = None,
    vectors: dict[str, np.ndarray] | None = None,
    evaluate: Callable[[np.ndarray], dict[str, object]] | None = None,
) -> np.ndarray:
    """Train a table of token vectors and return it.

    :param start: float32, shape (vocabulary, dims).
    :param folder: gets ``settings.json``, ``log.jsonl`` and ``table.npy`` (the newest checkpoint).
    :param extra: a further loss from kind, rows and both sides' vectors; None where it has nothing to say.
    :param vectors: passage vectors of the kinds that ``hard_share`` of the time are drawn as neighbours.
    :return: float32, shape (vocabulary, dims).
    """
    torch.set_flush_denormal(True)
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1), "utf-8")
    table = torch.from_numpy(start.astype(np.float32).copy())
    optimizer = RowAdam(table)
    weights = {name: weight for name, weight in settings.weights.items() if weight > 0}
    streams = {name: Stream(len(kinds[name]), settings.batch, rng) for name in weights}
    neighbours = {
        name: Stream(len(kinds[name]), settings.batch, rng, one)
        for name, one in (vectors or {}).items()
        if name in weights
    }
    turns, began, step, losses = kinds_in_turn(weights, rng), time.monotonic(), 0, []
    progress = 0.0
    while progress < 1:
        kind = next(turns)
        hard = kind in neighbours and rng.random() < settings.hard_share
        rows = (neighbours if hard else streams)[kind].next()
        questions, passages = kinds[kind].questions.take(rows), kinds[kind].passages.take(rows)
        if parts is not None and settings.split_share:
            questions = split_tokens(questions, parts, settings.split_share, rng)
        if kind in settings.drop:
            questions, passages = (drop_tokens(side, settings.drop[kind], rng) for side in (questions, passages))
        tokens, matrix = batch_matrix((questions, passages), len(table))
        token_rows = torch.from_numpy(tokens)
        active = table[token_rows].requires_grad_()
        q, p = F.normalize(_Sum.apply(active, matrix), dim=1).split(len(rows))
        same = same_pairs(kinds[kind], rows)
        if hard:
            same |= alike(p.detach(), settings.too_close)
        loss = contrast(q, p, same, settings.scales.get(kind, settings.scale))
        more = extra(kind, rows, q, p) if extra else None
        total = loss if more is None else loss + more
        total.backward()
        optimizer.step(token_rows, active.grad, rate_at(step, progress, settings))
        losses.append((kind, float(loss.detach())))
        step += 1
        progress = max(step / settings.steps, (time.monotonic() - began) / (60 * settings.minutes))
        if step % settings.evaluate_every == 0 or progress >= 1:
            _report(folder, step, time.monotonic() - began, losses, table, evaluate)
            losses = []
    result = table.numpy()
    np.save(folder / "table.npy", result)
    return result


def _report(folder, step, seconds, losses, table, evaluate) -> None:
    by_kind: dict[str, list[float]] = {}
    for kind, loss in losses:
        by_kind.setdefault(kind, []).append(loss)
    line = {"step": step, "seconds": round(seconds, 1)}
    line["loss"] = {kind: round(float(np.mean(values)), 4) for kind, values in sorted(by_kind.items())}
    current = table.numpy()
    if evaluate:
        line |= evaluate(current)
    np.save(folder / "table.npy", current)
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)
