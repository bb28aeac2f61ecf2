from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer
from small_models import small_static, small_transformer

from qa.embed import (
    BUILTIN,
    Encoder,
    SentenceTransformerEncoder,
    StaticEncoder,
    TokenEncoder,
    batched,
    load_encoder,
    unit_rows,
)
from qa.errors import ModelMissing

BUILTIN_FOLDER = Path(__file__).parents[1] / "qa" / "builtin"
TEXTS = [
    "谁主持了大会",
    "協和醫院的大會由誰主持?",
    "Who gave the closing speech?",
    "ＡＢＣ　混合 text ２０２３",
    "谁" * 3000,
    "",
]


def test_the_builtin_model_equals_the_librarys_own_encoding(encoder: Encoder) -> None:
    library = SentenceTransformer(str(BUILTIN_FOLDER), device="cpu", local_files_only=True).float()
    expected = library.encode(TEXTS[:-1], convert_to_numpy=True)
    assert np.abs(encoder.encode_documents(TEXTS[:-1]) - expected).max() < 1e-5


def test_builtin_vectors_have_unit_length(encoder: Encoder) -> None:
    vectors = encoder.encode_queries(TEXTS[:-1])
    assert (vectors.dtype, vectors.shape) == (np.float32, (5, encoder.dimension))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_traditional_and_full_width_are_folded_by_the_model_itself(encoder: Encoder) -> None:
    pairs = encoder.encode_queries(["協和醫院", "协和医院", "ＡＢＣ", "abc"])
    assert np.array_equal(pairs[0], pairs[1])
    assert np.array_equal(pairs[2], pairs[3])


def test_the_builtin_model_crosses_languages(encoder: Encoder) -> None:
    question, right, wrong = encoder.encode_documents(["the president of the hospital", "医院院长", "天气预报"])
    assert question @ right > question @ wrong + 0.1


def test_empty_text_is_the_zero_vector(encoder: Encoder) -> None:
    assert not encoder.encode_documents([""]).any()
    assert encoder.encode_documents([]).shape == (0, encoder.dimension)


def test_static_vectors_are_means_of_token_vectors(tmp_path: Path) -> None:
    static = load_encoder(str(small_static(tmp_path)))
    assert isinstance(static, StaticEncoder)
    assert static.encode_documents(["大会"])[0] == pytest.approx([0.6, 0.8, 0])
    assert static.encode_queries(["大会"])[0] == pytest.approx([0.6, 0.8, 0])


@pytest.mark.parametrize("scales", [[0.5, 0.5, 0.5, 0.5], [1.0, 2.0, 3.0, 4.0]])
def test_quantised_tables_equal_the_librarys_own_encoding(tmp_path: Path, scales: list[float]) -> None:
    folder = small_static(tmp_path)
    rows = np.array([[0, 0, 0], [3, 1, 0], [0, 4, -7], [1, 0, 5]], np.int8)
    save_file({"embeddings": rows, "weights": np.array(scales, np.float32)}, folder / "model.safetensors")
    expected = SentenceTransformer(str(folder), device="cpu").encode(["大会a", "会"])
    assert load_encoder(str(folder)).encode_documents(["大会a", "会"]) == pytest.approx(expected, abs=1e-6)


def test_tokens_are_unit_vectors_with_their_weights(tmp_path: Path) -> None:
    static = load_encoder(str(small_static(tmp_path)))
    assert isinstance(static, TokenEncoder)
    tokens = static.encode_tokens(["会大会", "", "a"])
    assert tokens.offsets.tolist() == [0, 3, 3, 4]
    assert tokens.units()[tokens.ids].tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert tokens.weights[tokens.ids].tolist() == [4, 3, 4, 5]


def test_tokens_and_texts_are_compared_with_directions_by_their_cosines(encoder: Encoder) -> None:
    assert isinstance(encoder, TokenEncoder)
    texts = [f"大会第{n}天由柴建军主持 meeting {n}" for n in range(300)] + ["", "会"]
    tokens = encoder.encode_tokens(texts)
    directions = encoder.encode_queries(["谁主持了大会?", "a meeting"])
    units = tokens.vectors / np.linalg.norm(tokens.vectors.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(tokens.units(), units, atol=1e-6)
    np.testing.assert_allclose(tokens.cosines(directions), units @ directions.T, atol=1e-6)
    weighted = (units * tokens.weights[:, None])[tokens.ids]
    sums = np.stack([weighted[start:end].sum(axis=0) for start, end in pairwise(tokens.offsets)])
    wanted = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    np.testing.assert_allclose(tokens.text_units(), wanted, atol=1e-6)
    np.testing.assert_allclose(tokens.text_cosines(directions), wanted @ directions.T, atol=1e-6)


def test_progress_counts_every_text(encoder: Encoder) -> None:
    steps: list[int] = []
    encoder.encode_documents(["大会"] * 300, steps.append)
    assert steps == [256, 44]


def test_the_fingerprint_depends_on_the_weights(tmp_path: Path, encoder: Encoder) -> None:
    one = load_encoder(str(small_static(tmp_path / "one"))).fingerprint
    assert one == load_encoder(str(small_static(tmp_path / "two"))).fingerprint
    assert one != encoder.fingerprint


def test_any_other_model_runs_with_its_prompts(tmp_path: Path) -> None:
    folder = small_transformer(tmp_path / "bert")
    other = load_encoder(str(folder))
    assert isinstance(other, SentenceTransformerEncoder)
    assert other.dimension == 32
    library = SentenceTransformer(str(folder), device="cpu")
    expected = library.encode(["查询:谁主持了大会"], normalize_embeddings=True, prompt="")
    assert np.abs(other.encode_queries(["谁主持了大会"]) - expected).max() < 1e-5
    expected = library.encode(["文档:大会"], normalize_embeddings=True, prompt="")
    assert np.abs(other.encode_documents(["大会"]) - expected).max() < 1e-5
    assert not np.allclose(other.encode_queries(["大会"]), other.encode_documents(["大会"]))


@pytest.mark.parametrize(
    ("name", "saved", "question", "passage"),
    [
        ("multilingual-e5-small", {}, "query: 大会", "passage: 大会"),
        ("bge-small-zh-v1.5", {}, "为这个句子生成表示以用于检索相关文章：大会", "大会"),
        ("multilingual-e5-small", {"query": "查询:", "passage": "文档:"}, "查询:大会", "文档:大会"),
        ("anything-else", {}, "大会", "大会"),
    ],
)
def test_a_family_published_without_its_prompts_gets_them_and_saved_ones_come_first(
    tmp_path: Path, name: str, saved: dict[str, str], question: str, passage: str
) -> None:
    folder = small_transformer(tmp_path / name, prompts=saved)
    known = load_encoder(str(folder))
    expected = SentenceTransformer(str(folder), device="cpu").encode(
        [question, passage], normalize_embeddings=True, prompt=""
    )
    assert known.encode_queries(["大会"])[0] == pytest.approx(expected[0], abs=1e-5)
    assert known.encode_documents(["大会"])[0] == pytest.approx(expected[1], abs=1e-5)


def test_a_models_fingerprint_covers_prompts_pooling_and_tokenizer_and_nothing_else(tmp_path: Path) -> None:
    one = load_encoder(str(small_transformer(tmp_path / "one"))).fingerprint
    assert one == load_encoder(str(small_transformer(tmp_path / "two"))).fingerprint
    others = [
        small_transformer(tmp_path / "prompts", prompts={"query": "问:", "document": "文档:"}),
        small_transformer(tmp_path / "pooling", pooling="cls"),
        small_transformer(tmp_path / "tokenizer"),
        small_transformer(tmp_path / "multilingual-e5-small", prompts={}),
        small_transformer(tmp_path / "unprompted", prompts={}),
    ]
    tokenizer = others[2] / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text("utf-8").replace("[UNK]", "[UNKNOWN]"), "utf-8")
    assert len({one, *(load_encoder(str(other)).fingerprint for other in others)}) == 6


def test_a_model_can_be_asked_from_many_threads(tmp_path: Path) -> None:
    other = load_encoder(str(small_transformer(tmp_path / "bert")))
    texts = ["大会" * (1 + n % 40) for n in range(200)]
    expected = [other.encode_queries([text])[0] for text in texts[:40]]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: other.encode_queries([text])[0], texts))
    assert all(np.allclose(row, expected[n % 40], atol=1e-6) for n, row in enumerate(found))


def test_loading_a_model_writes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = small_transformer(tmp_path / "bert")
    capfd.readouterr()
    load_encoder(str(folder))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["nobody/no-such-model", "/no/such/folder"])
def test_a_model_that_is_not_here_is_named(name: str) -> None:
    with pytest.raises(ModelMissing, match=rf"{name}: .*not downloaded to this machine.*--model {BUILTIN}"):
        load_encoder(name)


def test_a_folder_that_is_no_model_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"no modules\.json"):
        load_encoder(str(tmp_path))


def test_an_incomplete_model_names_the_missing_files(tmp_path: Path) -> None:
    (small_static(tmp_path) / "model.safetensors").unlink()
    with pytest.raises(ModelMissing, match=r"files are missing: .*model\.safetensors"):
        load_encoder(str(tmp_path))


def test_broken_weights_are_told(tmp_path: Path) -> None:
    (small_static(tmp_path) / "model.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(ModelMissing, match="does not hold static embeddings"):
        load_encoder(str(tmp_path))


def test_unit_rows_survives_zeros_and_what_is_no_number() -> None:
    rows = np.array([[3, 4], [0, 0], [np.nan, 2], [np.inf, 0]], np.float32)
    assert unit_rows(rows).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0], [0, 1], [0, 0]]


def test_batches_keep_order_and_lose_nothing() -> None:
    assert list(batched(["a", "b", "c"], 2)) == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("model.safetensors", r"files are missing: .*model\.safetensors or .*pytorch_model\.bin$"),
        ("tokenizer.json", r"files are missing: .*tokenizer\.json or .*vocab\.txt$"),
        ("config.json", r"files are missing: \S*/bert/config\.json$"),
        ("1_Pooling/config.json", r"files are missing: .*1_Pooling/config\.json$"),
    ],
)
def test_an_incomplete_transformer_names_the_missing_files(tmp_path: Path, gone: str, told: str) -> None:
    folder = small_transformer(tmp_path / "bert")
    (folder / gone).unlink()
    with pytest.raises(ModelMissing, match=told):
        load_encoder(str(folder))


@pytest.mark.parametrize("broken", ["model.safetensors", "config.json", "1_Pooling/config.json", "tokenizer.json"])
def test_a_broken_transformer_is_told(tmp_path: Path, broken: str) -> None:
    folder = small_transformer(tmp_path / "bert")
    (folder / broken).write_bytes((folder / broken).read_bytes()[:20])
    with pytest.raises(ModelMissing, match=r"bert cannot be loaded \(.*--model builtin"):
        load_encoder(str(folder))
