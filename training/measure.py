"""Figures of the dense leg on evaluation sets: one vector a passage, ties counted against the model."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from tokenizers import Tokenizer

from training.ragged import Ragged, tokenize


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Texts of one set and, for each question, the rows of its right passages."""

    name: str
    passages: list[str]
    questions: list[str]
    relevant: list[list[int]]


def read_squad(path: Path) -> EvaluationSet:
    """Read a SQuAD file: every context is one passage; equal contexts count once; titles are not used."""
    rows: dict[str, int] = {}
    questions, relevant = [], []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            row = rows.setdefault(paragraph["context"], len(rows))
            for question in paragraph["qas"]:
                if not question.get("is_impossible"):
                    questions.append(question["question"])
                    relevant.append([row])
    return EvaluationSet(path.name.split(".")[0], list(rows), questions, relevant)


def read_beir(folder: Path) -> EvaluationSet:
    """Read a BEIR folder; a title, where there is one, stands on the line before its text."""
    records = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    rows = {record["_id"]: row for row, record in enumerate(records)}
    passages = [f"{r['title']}\n{r['text']}" if r.get("title") else r["text"] for r in records]
    right = defaultdict(list)
    for line in (folder / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            right[query].append(rows[document])
    queries = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
    queries = [query for query in queries if query["_id"] in right]
    return EvaluationSet(folder.name, passages, [q["text"] for q in queries], [right[q["_id"]] for q in queries])


def read_sets(dev: Path) -> list[EvaluationSet]:
    """Read every SQuAD file and BEIR folder of a folder, by name."""
    squads = [read_squad(path) for path in dev.glob("*.squad.json")]
    beirs = [read_beir(path.parent) for path in dev.glob("*/corpus.jsonl")]
    return sorted(squads + beirs, key=lambda one: one.name)


def ranks(scores: np.ndarray, relevant: list[list[int]]) -> np.ndarray:
    """Return the rank, from 1, of each question's best-placed right passage.

    :param scores: shape (questions, passages).
    :param relevant: rows of the right passages of each question.

    A wrong passage with an equal score ranks before the right one.
    """
    result = np.empty(len(relevant), dtype=np.int64)
    for row, right in enumerate(relevant):
        line = scores[row]
        best = line[right].max()
        result[row] = 1 + (line >= best).sum() - (line[right] >= best).sum()
    return result


def embed(table: np.ndarray, texts: Ragged) -> np.ndarray:
    """Return unit vectors: the normalised sum of each text's token vectors; zero for no tokens."""
    ones = np.ones(len(texts.ids), dtype=np.float32)
    sums = sp.csr_matrix((ones, texts.ids, texts.starts), shape=(len(texts), len(table))) @ table
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)


def late_scores(table: np.ndarray, idf: np.ndarray, passages: Ragged, questions: Ragged) -> np.ndarray:
    """Return late-interaction scores, shape (questions, passages).

    For each token of the question the highest cosine with a token of the passage, weighted by idf times the length of
    the token's vector (Khattab & Zaharia 2020, ColBERT, over static vectors). For small sets: memory is a question's
    tokens times all tokens of the passages.
    """
    lengths = np.linalg.norm(table, axis=1)
    unit = table / np.maximum(lengths[:, None], 1e-9)
    distinct, place = np.unique(passages.ids, return_inverse=True)
    full = np.flatnonzero(np.diff(passages.starts))
    scores = np.zeros((len(questions), len(passages)), dtype=np.float32)
    for row in range(len(questions)):
        ids = questions.ids[questions.starts[row] : questions.starts[row + 1]]
        cosines = (unit[ids] @ unit[distinct].T)[:, place]
        best = np.maximum.reduceat(cosines, passages.starts[full], axis=1)
        scores[row, full] = (idf[ids] * lengths[ids]) @ best
    return scores


class Measure:
    """The evaluation sets, tokenized once.

    :param dev: folder of the sets.
    """

    def __init__(self, dev: Path, tokenizer: Tokenizer):
        """Read and tokenize the sets."""
        self.sets = read_sets(dev)
        self._tokens = [
            (tokenize(tokenizer, one.passages, 10_000), tokenize(tokenizer, one.questions, 10_000)) for one in self.sets
        ]

    def ranks(self, table: np.ndarray) -> dict[str, np.ndarray]:
        """Return the ranks of every set under a table of token vectors, shape (vocabulary, dimensions)."""
        found = {}
        for one, (passages, questions) in zip(self.sets, self._tokens, strict=True):
            found[one.name] = ranks(embed(table, questions) @ embed(table, passages).T, one.relevant)
        return found

    def late_ranks(self, table: np.ndarray, idf: np.ndarray, most: int = 300) -> dict[str, np.ndarray]:
        """Return the ranks by late interaction alone, of the sets with at most ``most`` passages."""
        return {
            one.name: ranks(late_scores(table, idf, passages, questions), one.relevant)
            for one, (passages, questions) in zip(self.sets, self._tokens, strict=True)
            if len(one.passages) <= most
        }


def success(found: np.ndarray, k: int) -> float:
    """Return the share of ranks within the first k."""
    return float((found <= k).mean())


def figures(found: dict[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Return success@1 and success@10 of each set, rounded to four places."""
    return {name: (round(success(one, 1), 4), round(success(one, 10), 4)) for name, one in found.items()}


def headline(table: dict[str, tuple[float, float]]) -> float:
    """Return the one number models are chosen by: half Chinese sets, half across languages.

    Chinese: success@1 of DRCD, CMRC, XQuAD zh→zh, news questions, news titles and STARD. Across: the mean of
    success@1 and success@10 for en→zh and zh→en, success@10 for de, es and ru.
    """
    one = ("drcd_dev", "cmrc_trial", "xquad_zh_zh", "news_mrc_dev", "news_titles_2026", "stard")
    chinese = np.mean([table[name][0] for name in one])
    both = [np.mean(table[name]) for name in ("xquad_en_zh", "xquad_zh_en")]
    across = np.mean([*both, *(table[f"xquad_{lang}_zh"][1] for lang in ("de", "es", "ru"))])
    return float((chinese + across) / 2)


def interval(found: np.ndarray, k: int, seed: int = 1, draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of success@k over questions."""
    hits = (found <= k).astype(np.float64)
    picks = np.random.default_rng(seed).integers(0, len(hits), (draws, len(hits)))
    low, high = np.quantile(hits[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
