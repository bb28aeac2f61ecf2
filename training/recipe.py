"""The recipe: the stages from cleaned text to the trained table, each cached in a folder of its own."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from training.clean import read_clean
from training.export import inverse_document_frequency
from training.loop import Settings, train
from training.measure import Measure, figures, headline
from training.pairs import make_pairs, taught_pairs
from training.ragged import PairSet, full_rows, load_pairs, pair_set, save_pairs, take_pairs
from training.teacher import TeacherLoss, embed_english
from training.vocabulary import (
    build_tokenizer,
    frequent_characters,
    han_runs,
    merge_pieces,
    other_words,
    precompiled_charsmap,
    train_pieces,
)
from training.vocabulary_texts import HAN_SHARES, OTHER_SHARES, vocabulary_texts

HAN_PIECES, OTHER_PIECES = 38_000, 25_500
IDF_KINDS = (
    "qa_zh",
    "news_question",
    "news_rest",
    "en_zh",
    "multi",
    "qa_en",
    "qa_ja",
    "law_rest",
    "wiki_rest",
)


def tokenizer_stage(cache: Path) -> Tokenizer:
    """Return the tokenizer, trained once."""
    path = cache / "tokenizer.json"
    if not path.exists():
        other = train_pieces(other_words(vocabulary_texts(cache, OTHER_SHARES, 1)), OTHER_PIECES, 14, 30)
        runs = list(han_runs(vocabulary_texts(cache, HAN_SHARES, 1)))
        han = train_pieces(runs, HAN_PIECES, 4, 30)
        pieces = merge_pieces(han, other, frequent_characters(runs, 2))
        build_tokenizer(pieces, precompiled_charsmap()).save(str(path))
    return Tokenizer.from_file(str(path))


def pairs_stage(cache: Path, tokenizer: Tokenizer) -> dict[str, PairSet]:
    """Return every kind of pair as tokens, made once."""
    folder = cache / "pairs"
    if not (folder / "counts.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        counts = {}
        for name, pairs in make_pairs(cache).items():
            tokens = pair_set(tokenizer, pairs)
            save_pairs(folder / f"{name}.npz", take_pairs(tokens, full_rows(tokens)))
            counts[name] = len(pairs)
        (folder / "counts.json").write_text(json.dumps(counts, indent=1), "utf-8")
    names = json.loads((folder / "counts.json").read_text("utf-8"))
    return {name: load_pairs(folder / f"{name}.npz") for name in names}


def taught_stage(cache: Path, tokenizer: Tokenizer) -> tuple[PairSet, TeacherLoss]:
    """Return the pairs the teacher has read, and its loss."""
    pairs = taught_pairs(read_clean(cache, "parallel_en_zh"), read_clean(cache, "dictionary_cedict_en_zh"))
    vectors = embed_english([english for english, _ in pairs], cache)
    tokens = pair_set(tokenizer, pairs)
    rows = full_rows(tokens)
    return take_pairs(tokens, rows), TeacherLoss("taught", vectors[rows])


def idf_stage(kinds: dict[str, PairSet], size: int) -> np.ndarray:
    """Return the inverse document frequency of each token over the passages of the text-like kinds."""
    return inverse_document_frequency([kinds[name].passages for name in IDF_KINDS], size)


def random_table(idf: np.ndarray, dims: int, seed: int = 7) -> np.ndarray:
    """Return random vectors as long as their token's idf: before any training, cosine already is a rough tf-idf match."""
    random = np.random.default_rng(seed).standard_normal((len(idf), dims)).astype(np.float32)
    return random * 0.05 * idf[:, None]


def run_stage(
    folder: Path,
    start: Callable[[], np.ndarray],
    kinds: dict[str, PairSet],
    settings: Settings,
    measure: Measure | None,
    **options: object,
) -> np.ndarray:
    """Train one stage, or return its table where it is done."""
    if not (folder / "done").exists():

        def evaluate(table: np.ndarray) -> dict[str, object]:
            table_of = figures(measure.ranks(table))
            return {"headline": round(headline(table_of), 4), "dev": table_of}

        train(start(), kinds, settings, folder, evaluate=evaluate if measure else None, **options)
        (folder / "done").touch()
    return np.load(folder / "table.npy")
