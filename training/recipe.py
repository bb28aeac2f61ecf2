"""The recipe: the stages from cleaned text to the trained table, each cached in a folder of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from training.clean import read_clean
from training.export import inverse_document_frequency
from training.lexicon import neighbour_lexicon, translate_questions
from training.loop import Settings, train
from training.measure import Measure, embed, figures, headline
from training.multilingual import shared_dimensions, token_vectors
from training.pairs import make_pairs, taught_pairs
from training.ragged import PairSet, full_rows, join_pairs, load_pairs, pair_set, save_pairs, take_pairs, turn_pairs
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
from training.widen import is_han, token_parts, widen

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
    """Return random vectors as long as their token's idf: untrained, their cosine already is a rough tf-idf match."""
    random = np.random.default_rng(seed).standard_normal((len(idf), dims)).astype(np.float32)
    return random * 0.05 * idf[:, None]


_WEIGHTS = {
    "qa_zh": 4,
    "qa_answers_zh": 2,
    "qa_ja": 3,
    "qa_en": 2,
    "wiki_rest": 3,
    "wiki_question": 2,
    "ja_rest": 1,
    "news_title": 4,
    "news_rest": 4,
    "news_question": 5,
    "law_title": 2,
    "law_rest": 2,
    "law_question": 0.5,
    "abstract_rest": 0.5,
    "similar": 2,
    "entailed": 0.5,
    "en_zh": 7,
    "multi": 5,
    "pivot_zh": 6,
    "gloss": 5,
}
_LEARNED = {"taught": 6, "syn_question": 4, "syn_passage": 3}
_TRANSLATED = {"syn_question": 5, "syn_passage": 4}
_SHARED_LENGTH = 0.6  # of the shared dimensions beside the others
_HARD = ("qa_ja", "qa_zh", "news_question", "news_rest", "law_question", "law_rest", "law_title", "wiki_question")
_DROP = {
    "en_zh": 0.35,
    "multi": 0.3,
    "pivot_zh": 0.3,
    "gloss": 0.1,
    "taught": 0.15,
    "news_question": 0.1,
    "law_title": 0.1,
}
_DROP |= dict.fromkeys(("qa_zh", "qa_ja", "qa_en", "wiki_question", "wiki_rest", "news_title"), 0.2)


@dataclass(frozen=True)
class Stage:
    """One stretch of training: how many dimensions are put on before it, and how it runs.

    ``widen`` counts random dimensions, ``shared`` those in which languages agree (:mod:`training.multilingual`).
    ``hard`` kinds are drawn as neighbours half of the time; ``learned`` adds the teacher and the translated questions;
    ``averaged`` takes the middle between where the stage began and where it ended (Wortsman et al. 2022, model soups).
    """

    name: str
    widen: int
    settings: Settings
    hard: tuple[str, ...] = ()
    learned: bool = False
    shared: int = 0
    averaged: bool = False


STAGES = (
    Stage("first", 0, Settings(steps=1226, weights=_WEIGHTS, rate=0.01)),
    Stage("second", 256, Settings(steps=1000, weights=_WEIGHTS, rate=0.006, final_rate=0.0045, split_share=0.1)),
    Stage(
        "third",
        0,
        Settings(
            steps=1000,
            weights=_WEIGHTS | _LEARNED,
            rate=0.005,
            final_rate=0.003,
            split_share=0.1,
            hard_share=0.5,
            too_close=0.75,
        ),
        (*_HARD, "wiki_rest"),
        learned=True,
    ),
    Stage(
        "fourth",
        64,
        Settings(
            steps=5000,
            weights=_WEIGHTS | _LEARNED,
            rate=0.004,
            split_share=0.1,
            hard_share=0.5,
            too_close=0.75,
            drop=_DROP,
        ),
        (*_HARD, "wiki_rest", "en_zh", "pivot_zh", "multi"),
        learned=True,
    ),
    Stage(
        "fifth",
        0,
        Settings(
            steps=4800,
            weights=_WEIGHTS | _TRANSLATED,
            rate=0.004,
            split_share=0.1,
            hard_share=0.5,
            too_close=0.75,
            drop=_DROP,
        ),
        (*_HARD, "wiki_rest", "en_zh", "pivot_zh", "multi"),
        learned=True,
        shared=192,
        averaged=True,
    ),
)


def translated_kinds(table: np.ndarray, kinds: dict[str, PairSet], han: np.ndarray) -> dict[str, PairSet]:
    """Return questions put into other languages with the model's own lexicon, and passages likewise."""
    lexicon = neighbour_lexicon(table, np.flatnonzero(han), np.flatnonzero(~han))
    rng = np.random.default_rng(9)
    news = kinds["news_question"]
    some = take_pairs(news, rng.permutation(len(news))[:60_000])
    pairs = join_pairs([some, *(kinds[name] for name in ("qa_zh", "wiki_question", "law_question", "qa_ja"))])
    turned = translate_questions(turn_pairs(pairs), lexicon, rng)
    return {"syn_question": translate_questions(pairs, lexicon, rng), "syn_passage": turn_pairs(turned)}


def run_stage(
    stage: Stage,
    folder: Path,
    start: np.ndarray,
    kinds: dict[str, PairSet],
    tokenizer: Tokenizer,
    idf: np.ndarray,
    *,
    minutes: float,
    measure: Measure | None,
    teacher: TeacherLoss | None,
) -> np.ndarray:
    """Train one stage and return its table; return the stored table where the stage is done."""
    if (folder / "done").exists():
        return np.load(folder / "table.npy")
    han = is_han(tokenizer)
    table = widen(start, stage.widen, han) if stage.widen else start
    if stage.shared:
        tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
        shared = shared_dimensions(token_vectors(tokens, folder.parents[1]), tokens, idf, stage.shared)
        shared *= _SHARED_LENGTH * np.linalg.norm(table, axis=1, keepdims=True)
        table = np.concatenate([table, shared], axis=1)
    if stage.learned:
        kinds = kinds | translated_kinds(table, kinds, han)
    weights = {name: weight for name, weight in stage.settings.weights.items() if len(kinds.get(name, ()))}
    settings = replace(stage.settings, dims=table.shape[1], minutes=minutes, weights=weights, threads=1)
    trained = train(
        table,
        kinds,
        settings,
        folder,
        parts=token_parts(tokenizer),
        extra=teacher,
        vectors={
            name: embed(table, kinds[name].passages).astype(np.float16) for name in stage.hard if len(kinds[name])
        },
        evaluate=evaluation(measure) if measure else None,
    )
    if stage.averaged:
        np.save(folder / "table.npy", (table + trained) / 2)
    (folder / "done").touch()
    return np.load(folder / "table.npy")


def evaluation(measure: Measure) -> Callable[[np.ndarray], dict[str, object]]:
    """Return the function that writes the figures of the evaluation sets into a log line."""

    def evaluate(table: np.ndarray) -> dict[str, object]:
        found = figures(measure.ranks(table))
        return {"headline": round(headline(found), 4), "dev": found}

    return evaluate
