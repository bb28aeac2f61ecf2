"""Fit where exactly the words of an answer begin and end: ``python -m training.edges --data DIR``.

What both readers say of a question's passage is looked up once; of the spans that :func:`qa.edges.spans_of` finds in
the sentence that they take, the answer's own shall stand first. The readers were trained on most of the training sets,
so a network is fitted on the half of the development sets' questions whose text hashes to an even number, and on
Japanese questions that the character reader never saw. Another is fitted on the odd half, and the figures are of each
half by the network that was not fitted on it. That of the even half is written into ``qa/edges.npz``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import qa.span
from qa.compare import Asked
from qa.edges import PLACES, Edges, Sentence, Spans, characters, features, kinds, spans_of
from qa.joint import JointReader, shipped_joint_reader
from qa.measures import span_scores
from qa.reader import Reader, shipped_reader
from training.span import DEVELOPMENT, JAPANESE, Labelled, figures, labelled, squad
from training.together import Found, found_together, is_fitted_on

QA = Path(__file__).parents[1] / "qa"
WORTH = {"cmrc_trial": 3.0, "news_mrc_dev": 2.0}
UNSEEN = 1_200  # Japanese questions
KNOWN = 40  # characters that the network knows in each place
NETWORKS, HIDDEN = 2, 48  # side by side, each from weights of its own
STEPS, BATCH, RATE, DECAY, DROPOUT = 500, 512, 1e-2, 1.0, 0.3


@dataclass(frozen=True, slots=True)
class Case:
    """A question's spans as the network sees them, how right each is (exact, F1), and what the question is worth."""

    features: np.ndarray
    kinds: np.ndarray
    characters: list[tuple[str, ...]]
    right: np.ndarray
    worth: float


class Watched:
    """Takes the place of the network that ships, and keeps what it is asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[Asked, Sentence, tuple[int, int]]] = []

    def best(self, asked: Asked, sentence: Sentence, chosen: tuple[int, int]) -> tuple[int, int]:
        """Leave the choice as it is."""
        self.seen.append((asked, sentence, chosen))
        return chosen


def cases(items: Sequence[Labelled], reader: Reader, joint: JointReader, worth: float) -> Iterator[Case]:
    """Yield what is to be learnt from questions whose passage is known."""
    for item in items:
        watched = Watched()
        with patch.object(qa.span, "shipped_edges", lambda watched=watched: watched):
            found_together(reader, joint, item.question, item.passage)
        for asked, sentence, chosen in watched.seen[-1:]:
            spans = spans_of(sentence, chosen)
            told = characters(sentence.text, spans.places)
            right = np.array([span_scores(words, item.answers)[:2] for words in _words(sentence, spans)])
            yield Case(features(sentence, spans, chosen), kinds(asked), told, right, worth)


def _words(sentence: Sentence, spans: Spans) -> list[str]:
    return [sentence.text[first : last + 1] for first, last in spans.places.tolist()]


def common(found: Sequence[Case]) -> list[list[str]]:
    """Return the characters that stand most often in each place."""
    counts = [Counter[str]() for _ in PLACES]
    for case in found:
        for count, parts in zip(counts, zip(*case.characters, strict=True), strict=True):
            count.update(set(parts))
    return [[part for part, _ in count.most_common(KNOWN)] for count in counts]


class Network(nn.Module):
    """See :class:`qa.edges.Edges`."""

    def __init__(self, known: int, mean: Tensor, spread: Tensor, kinds_known: int) -> None:
        super().__init__()
        self.mean, self.spread = mean, spread
        self.features, self.kinds = nn.Linear(len(mean), HIDDEN), nn.Linear(kinds_known, HIDDEN, bias=False)
        self.characters, self.out = nn.EmbeddingBag(known + 1, HIDDEN, mode="sum"), nn.Linear(HIDDEN, 1, bias=False)
        nn.init.normal_(self.characters.weight, std=0.1)
        nn.init.zeros_(self.out.weight)

    def forward(self, told: Tensor, asked: Tensor, rows: Tensor) -> Tensor:
        """Return each span's score, shape (questions, spans)."""
        parts = self.characters(rows.flatten(0, 1)).unflatten(0, rows.shape[:2])
        hidden = self.features((told - self.mean) / self.spread) + self.kinds(asked)[:, None] + parts
        return self.out(F.dropout(F.relu(hidden), DROPOUT, self.training)).squeeze(2)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights, with what is taken from the features worked in."""
        scaled = self.features.weight / self.spread
        parts = {
            "features": scaled.T, "bias": self.features.bias - scaled @ self.mean, "kinds": self.kinds.weight.T,
            "characters": self.characters.weight, "out": self.out.weight[0],
        }  # fmt: skip
        return {name: value.detach().numpy() for name, value in parts.items()}


def fit(found: Sequence[Case], known: Sequence[Sequence[str]], seed: int) -> dict[str, np.ndarray]:
    """Train one network: the exact answer shall be likely, and what is chosen share many of its words."""
    torch.manual_seed(seed)
    told, asked, rows, right, worth = padded(found, known)
    there = right[..., 0] >= 0
    inside = told[there]
    network = Network(sum(map(len, known)), inside.mean(0), inside.std(0) + 1e-6, asked.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        some = torch.randint(len(found), (BATCH,))
        logs = F.log_softmax(network(told[some], asked[some], rows[some]).masked_fill(~there[some], -1e9), 1)
        exact, f1 = right[some].clamp(min=0).unbind(2)
        missed = -torch.logsumexp(logs.masked_fill(exact == 0, -1e9), 1).where(exact.any(1), torch.zeros(()))
        loss = ((missed - (logs.exp() * f1).sum(1)) * worth[some]).sum() / worth[some].sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"network {seed}: loss {loss.item():.3f}", flush=True)
    return network.arrays()


def padded(found: Sequence[Case], known: Sequence[Sequence[str]]) -> list[Tensor]:
    """Return cases one behind the other; what is right of spans that are not there is -1."""
    places = [{part: n for n, part in enumerate(parts)} for parts in known]
    begin = np.cumsum([1, *map(len, known[:-1])])
    most = max(len(case.right) for case in found)
    told = np.zeros((len(found), most, found[0].features.shape[1]), np.float32)
    rows, right = np.zeros((len(found), most, len(PLACES)), np.int64), np.full((len(found), most, 2), -1, np.float32)
    for n, case in enumerate(found):
        k = len(case.right)
        told[n, :k], right[n, :k] = case.features, case.right
        rows[n, :k] = [
            [
                first + place[part] if part in place else 0
                for first, place, part in zip(begin, places, parts, strict=True)
            ]
            for parts in case.characters
        ]
    asked = np.stack([case.kinds for case in found])
    worth = np.array([case.worth for case in found], np.float32)
    return [torch.from_numpy(array) for array in (told, asked, rows, right, worth)]


def side_by_side(networks: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return networks as a single one, whose score is the sum of theirs."""
    return {name: np.concatenate([one[name] for one in networks], axis=-1).astype("f2") for name in networks[0]}


def fitted(found: Sequence[Case]) -> dict[str, np.ndarray]:
    """Return networks fitted to the cases, as one, with the characters that they know."""
    known = common(found)
    weights = side_by_side([fit(found, known, seed) for seed in range(NETWORKS)])
    entries = [f"{place}{part}" for place, parts in enumerate(known) for part in parts]
    return {"known": np.array(entries), **weights}


def main() -> None:
    """Fit both, write the one of the even half, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds train/ and dev/")
    data = parser.parse_args().data
    reader, joint = shipped_reader(), shipped_joint_reader()
    sets = {name: squad(data / "dev" / f"{name}.squad.json") for name in DEVELOPMENT}
    unseen = {name: labelled(data / "train" / f"{name}.jsonl.xz")[most:][:UNSEEN] for name, most in JAPANESE.items()}
    shared = [case for items in unseen.values() for case in cases(items, reader, joint, 1.0)]
    found: dict[str, dict[Labelled, Found]] = {name: {} for name in sets}
    for even in (False, True):
        halves = {name: [one for one in items if is_fitted_on(one) == even] for name, items in sets.items()}
        own = chain.from_iterable(cases(half, reader, joint, WORTH.get(name, 1.0)) for name, half in halves.items())
        arrays = fitted([*own, *shared])
        network = Edges.of(arrays)
        with patch.object(qa.span, "shipped_edges", lambda network=network: network):
            for name, items in sets.items():
                others = [one for one in items if is_fitted_on(one) != even]
                found[name] |= {one: found_together(reader, joint, one.question, one.passage) for one in others}
    np.savez_compressed(QA / "edges.npz", **arrays)
    for name, items in sets.items():
        print(name, figures(items, [found[name][one][1:3] for one in items]), flush=True)


if __name__ == "__main__":
    main()
