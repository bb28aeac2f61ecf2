"""Make the reader of answer words: ``python -m training.span --data DIR``.

Fitted on the training sets of reading comprehension, and first also on cloze questions made from news; a twelfth of
the Chinese questions is held out for the probability. Figures are for the development sets, with the right passage
given. Writes ``qa/reader.npz`` and ``qa/span.json``.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from qa.compare import COVER, FEATURES, Alphabet, ask, compare, tell
from qa.joint import Reading
from qa.lexical import LexicalIndex
from qa.measures import holds_answer, mean_intervals, span_scores
from qa.reader import LONGEST, Reader
from qa.span import SIGNALS, Chosen, allowed, choose
from qa.text import fold, sentence_at
from training.characters import alphabet, embedding
from training.cloze import cloze
from training.reading import Batch, Network, arrays, loss, shared_loss

QA = Path(__file__).parents[1] / "qa"
CHINESE = ("qa_cmrc2018_zh", "qa_security_news_zh")
JAPANESE = {"qa_jsquad_ja": 5_000, "qa_jaquad_ja": 14_000}
NEWS = {"docs_xwlb_news_zh": 16_000, "docs_crud_news_zh": 8_000}
DEVELOPMENT = ("cmrc_trial", "drcd_dev", "news_mrc_dev")
BATCH, CROP, RATE = 32, 224, 2e-3
CROPS = (60, 90, 120, 160, 224, 224)  # passages of all lengths, where scores are to be comparable
ROUND_REAL, ROUND_CLOZE = 9_600, 6_400
CLOZE_UNTIL, ROUND_CLOZE_LATE = 0.5, 1_600  # from half the steps on hardly more than questions that people asked
RIGHT = 0.5  # F1 from which a span counts as right


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question, the passage that answers it, and the answers."""

    question: str
    passage: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled question as arrays; ``right`` are the (first, last) characters of each place of the answer."""

    question: np.ndarray
    kind: np.ndarray
    passage: np.ndarray
    compared: np.ndarray
    right: list[tuple[int, int]]


def lines(path: Path) -> Iterator[dict[str, str]]:
    """Yield the objects of a compressed JSON Lines file."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def labelled(path: Path) -> list[Labelled]:
    """Return a training set in a fixed random order."""
    found = [Labelled(row["question"], row["passage"], (row["answer"],)) for row in lines(path)]
    random.Random(0).shuffle(found)  # noqa: S311
    return found


def squad(path: Path) -> list[Labelled]:
    """Return a set in SQuAD's form, without questions that have no answer."""
    paragraphs = (p for article in json.loads(path.read_text("utf-8"))["data"] for p in article["paragraphs"])
    return [
        Labelled(entry["question"], paragraph["context"], tuple(answer["text"] for answer in entry["answers"]))
        for paragraph in paragraphs
        for entry in paragraph["qas"]
        if entry["answers"]
    ]


def made(data: Path) -> list[Labelled]:
    """Return cloze questions from the news."""
    rng = random.Random(7)  # noqa: S311
    found: list[Labelled] = []
    for name, most in NEWS.items():
        articles = (row["text"] for row in lines(data / f"{name}.jsonl.xz") if rng.random() < 0.3)
        triples = (triple for text in articles for triple in cloze(text, rng))
        found += [Labelled(question, passage, (answer,)) for question, passage, answer in islice(triples, most)]
    return found


def example(item: Labelled, known: Alphabet) -> Example:
    """Turn a labelled question into arrays."""
    asked, told = ask(item.question, known), tell(item.passage, known)
    right = []
    for answer in item.answers:
        wanted = fold(answer).strip().strip("。,，")
        at = told.folded.find(wanted) if wanted else -1
        while at >= 0:
            right.append((at, at + len(wanted) - 1))
            at = told.folded.find(wanted, at + 1)
    compared = compare(asked, told).astype(np.float16)
    return Example(asked.ids, asked.kind, told.ids, compared, [span for span in right if span[1] - span[0] < LONGEST])


def stack(
    examples: Sequence[Example], rng: random.Random, crop: int = CROP
) -> tuple[Batch, list[list[tuple[int, int]]]]:
    """Pad examples; a longer passage is cut at random around one of its answers, or where it meets the question."""
    n = min(crop, max(len(item.passage) for item in examples))
    m = max(len(item.question) for item in examples)
    question, passage = np.zeros((2, len(examples), m), np.int64), np.zeros((2, len(examples), n), np.int64)
    compared = np.zeros((len(examples), n, FEATURES), np.float32)
    right = []
    for row, item in enumerate(examples):
        peak = int(np.argmax(item.compared[:, COVER]))
        first, last = rng.choice(item.right or [(peak, peak)])
        spare = max(0, len(item.passage) - crop)
        cut = rng.randint(min(max(0, last + 1 - crop), spare), min(first, spare))
        size = min(crop, len(item.passage))
        question[:, row, : len(item.question)] = item.question, np.ones(len(item.question))
        passage[:, row, :size] = item.passage[cut : cut + size], np.ones(size)
        compared[row, :size] = item.compared[cut : cut + size]
        right.append([(a - cut, b - cut) for a, b in item.right if cut <= a and b < cut + size])
    parts = (question[0], question[1].astype(np.float32), np.stack([item.kind for item in examples]))
    batch = (*parts, passage[0], passage[1].astype(np.float32), compared)
    return Batch(*map(torch.tensor, batch)), right


def batches(pool: list[Example], rng: random.Random) -> Iterator[list[Example]]:
    """Yield shuffled batches of examples of about the same length."""
    rng.shuffle(pool)
    for start in range(0, len(pool), BATCH * 20):
        chunk = sorted(pool[start : start + BATCH * 20], key=lambda item: len(item.passage))
        cut = [chunk[n : n + BATCH] for n in range(0, len(chunk), BATCH)]
        rng.shuffle(cut)
        yield from cut


def rivals(items: Sequence[Labelled], known: Alphabet) -> list[tuple[Example, list[Example]]]:
    """Return each question with its passage and with at most two that share words with it but not the answer."""
    passages = list(dict.fromkeys(item.passage for item in items))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        index = LexicalIndex.build(Path(folder), (("", passage) for passage in passages))
        for item in items:
            right = example(item, known)
            like = [passages[row] for row, _ in index.search(item.question, 5)]
            wrong = [text for text in like if text != item.passage and not holds_answer(text, item.answers)][:2]
            if right.right and wrong:
                found.append((right, [example(Labelled(item.question, text, ()), known) for text in wrong]))
    return found


def question_losses(
    network: Network, real: list[Example], clozes: list[Example], steps: int, rng: random.Random
) -> Iterator[torch.Tensor]:
    """Yield a loss for each step of the first leg."""
    step = 0
    while step < steps:
        n_cloze = ROUND_CLOZE if step < CLOZE_UNTIL * steps else ROUND_CLOZE_LATE
        pool = rng.sample(real, min(ROUND_REAL, len(real))) + rng.sample(clozes, min(n_cloze, len(clozes)))
        for chosen in islice(batches(pool, rng), steps - step):
            batch, right = stack(chosen, rng)
            yield loss(network(batch), right)
            step += 1


def rival_losses(
    network: Network, pairs: list[tuple[Example, list[Example]]], steps: int, rng: random.Random
) -> Iterator[torch.Tensor]:
    """Yield a loss for each step of the second leg, which makes scores comparable between passages."""
    for _ in range(steps):
        chosen = rng.sample(pairs, min(BATCH // 2, len(pairs)))
        batch, right = stack([item for item, _ in chosen], rng, rng.choice(CROPS))
        other, _ = stack([rng.choice(wrong) for _, wrong in chosen], rng, rng.choice(CROPS))
        yield shared_loss(network(batch), right, network(other))


def descend(network: Network, losses: Iterator[torch.Tensor], steps: int, rate: float) -> None:
    """Train; the weights end as a moving average over the last fifth of the steps."""
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.98))
    average: dict[str, torch.Tensor] = {}
    start = time.perf_counter()
    network.train()
    for step, value in enumerate(losses, 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, step / 200, max(0.01, (1 - step / steps) / 0.7))
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        if step > 0.8 * steps:
            for name, weight in network.state_dict().items():
                average[name] = average[name].lerp(weight, 0.01) if name in average else weight.clone()
        if step % 200 == 0:
            print(f"step {step}: loss {value.item():.3f}, {time.perf_counter() - start:.0f} s", flush=True)
    network.load_state_dict(average)
    network.eval()


def chosen_span(
    reader: Reader, question: str, passage: str, *, foreign: bool = False, readings: Sequence[Reading] = ()
) -> tuple[Chosen | None, str, tuple[int, int]]:
    """Return the reader's choice, its words, and their offsets in the passage.

    :param foreign: read the question as if it were in a script that the reader does not know.
    :param readings: what the joint reader found in the passage, if it has a say.
    """
    asked, told = ask(question, reader.alphabet), tell(passage, reader.alphabet)
    asked = replace(asked, foreign=foreign or asked.foreign)
    compared = compare(asked, told)
    (chosen,) = choose(asked, told, allowed(told), compared, reader.read(asked, told, compared), readings)
    if chosen is None:
        return None, "", (0, 0)
    start, end = int(told.offsets[chosen.start]), int(told.offsets[chosen.end - 1]) + 1
    return chosen, passage[start:end], (start, end)


def calibrate(reader: Reader, held: Sequence[Labelled]) -> dict[str, float]:
    """Fit the probability that a span is right; every fourth question is read as a foreign one."""
    signals, right = [], []
    for n, (item, passage) in enumerate(met(held)):
        chosen, words, _ = chosen_span(reader, item.question, passage, foreign=n % 4 > 2)
        if chosen is not None:
            signals.append(chosen.signals)
            right.append(is_right(item, passage, words))
    return fitted_chance(SIGNALS, np.array(signals), np.array(right))


def met(held: Sequence[Labelled]) -> Iterator[tuple[Labelled, str]]:
    """Yield each question with its passage, and every other question also with the likest wrong one."""
    pairs = {item.passage: set(pairwise(item.passage)) for item in held}
    for n, item in enumerate(held):
        yield item, item.passage
        if n % 2:
            asked = set(pairwise(item.question))
            others = [passage for passage in pairs if passage != item.passage and item.answers[0] not in passage]
            yield item, max(others, key=lambda passage: len(asked & pairs[passage]))


def is_right(item: Labelled, passage: str, words: str) -> bool:
    """Return whether at least half of the words that were found in a passage are the answer."""
    return passage is item.passage and span_scores(words, item.answers)[1] >= RIGHT


def fitted_chance(names: Sequence[str], signals: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Return an intercept and a weight for each signal, shape (n, signals)."""
    model = LogisticRegression(C=1, max_iter=2000).fit(signals, right)
    chances = model.predict_proba(signals)[:, 1]
    print(f"probability: AUROC {roc_auc_score(right, chances):.3f} on {len(right)} held-out pairs")
    weights = {"intercept": model.intercept_[0], **dict(zip(names, model.coef_[0], strict=True))}
    return {name: round(float(value), 4) for name, value in weights.items()}


def write_chance(name: str, weights: dict[str, float], provenance: str) -> None:
    """Write what was fitted for one reader ``alone`` or for both ``together`` into ``qa/span.json``."""
    path = QA / "span.json"
    stored = json.loads(path.read_text("utf-8"))
    stored["provenance"][name], stored["weights"][name] = provenance, weights
    path.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


def measure(reader: Reader, items: Sequence[Labelled]) -> str:
    """Return the figures of the reader's choices (:func:`figures`)."""
    return figures(items, [chosen_span(reader, item.question, item.passage)[1:] for item in items])


def figures(items: Sequence[Labelled], found: Sequence[tuple[str, tuple[int, int]]]) -> str:
    """Return exact match, F1 and how often the span's sentence holds the answer, with 95 % intervals.

    :param found: for each question the words, and their offsets in the passage.
    """
    values = []
    for item, (words, (start, _)) in zip(items, found, strict=True):
        first, last = sentence_at(item.passage, start) or (0, 0)
        held = holds_answer(item.passage[first:last], item.answers)
        values.append((*span_scores(words, item.answers), float(held)))
    table = np.array(values)
    means, intervals = table.mean(axis=0), mean_intervals(table)
    cells = [f"{mean:.3f} [{low:.3f}, {high:.3f}]" for mean, (low, high) in zip(means, intervals, strict=True)]
    return f"n {len(items)} exact {cells[0]} F1 {cells[1]} sentence {cells[2]}"


def main() -> None:
    """Train, write the reader and its probability, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds train/ and dev/")
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--measure", action="store_true", help="only measure the reader that is there")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    if not options.measure:
        train(options.data / "train", options.steps)
    reader = Reader.load()
    for name in DEVELOPMENT:
        print(name, measure(reader, squad(options.data / "dev" / f"{name}.squad.json")), flush=True)


def train(data: Path, steps: int) -> None:
    """Make ``qa/reader.npz`` and ``qa/span.json``."""
    chinese = [labelled(data / f"{name}.jsonl.xz") for name in CHINESE]
    held = [item for items in chinese for item in items[-len(items) // 12 :]]
    fitted = [item for items in chinese for item in items[: -len(items) // 12]]
    japanese = [item for name, most in JAPANESE.items() for item in labelled(data / f"{name}.jsonl.xz")[:most]]
    news = [row["text"][:400] for row in islice(lines(data / "docs_xwlb_news_zh.jsonl.xz"), 15_000)]
    texts = [*dict.fromkeys(item.passage for item in (*fitted, *japanese)), *news]
    known = alphabet(texts)
    network = Network(embedding(texts, known))
    cmrc = len(chinese[0]) * 11 // 12
    real = [example(item, known) for item in (*fitted, *fitted[:cmrc], *japanese)]
    clozes = [example(item, known) for item in made(data)]
    rng = random.Random(0)  # noqa: S311
    sets = [[item for item in items if item.right] for items in (real, clozes)]
    descend(network, question_losses(network, *sets, steps, rng), steps, RATE)
    descend(network, rival_losses(network, rivals(fitted, known), steps // 2, rng), steps // 2, RATE / 2)
    codes = np.array([ord(character) for character in known.ids], np.uint32)
    weights = arrays(network.state_dict())
    np.savez_compressed(QA / "reader.npz", alphabet=codes, idf=known.idf.astype(np.float16), **weights)
    provenance = "python -m training.span: a twelfth of CMRC 2018 train and of the security news, held out"
    write_chance("alone", calibrate(Reader.load(), held), provenance)


if __name__ == "__main__":
    main()
