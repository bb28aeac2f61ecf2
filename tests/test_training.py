import random
import struct

import numpy as np
import pytest

pytest.importorskip("scipy")
sentencepiece = pytest.importorskip("sentencepiece")

from qa.text import fold  # noqa: E402
from training.export import export, inverse_document_frequency, quantise  # noqa: E402
from training.loop import Settings, drop_tokens, neighbour_order, split_tokens, train  # noqa: E402
from training.measure import embed, late_scores, ranks  # noqa: E402
from training.multilingual import read_packed, shared_dimensions  # noqa: E402
from training.overlap import RunIndex, run_hashes  # noqa: E402
from training.pairs import cut, gloss_pairs, pivot_pairs, rest_pair, split_sentences  # noqa: E402
from training.questions import find_facts, make_question  # noqa: E402
from training.ragged import full_rows, pair_set, ragged, take_pairs, tokenize  # noqa: E402
from training.vocabulary import build_tokenizer, precompiled_charsmap, seed_pieces, train_pieces  # noqa: E402
from training.widen import token_parts, widen  # noqa: E402

SENTENCE = "2023年3月20日，院长张抒扬在北京协和医院主持会议，投入3000万元。"


@pytest.fixture(scope="module")
def tokenizer():
    pieces = [
        ("<unk>", 0.0),
        ("大会", -2.0),
        ("主持", -2.0),
        ("who", -3.0),
        *((c, -6.0) for c in "大会主持谁由的abhow1里裡"),
    ]
    return build_tokenizer(pieces, precompiled_charsmap())


@pytest.mark.parametrize("text", ["誰主持了大會？", "ＷＨＯ 主持大会", "Who 主持 大會!", "ﾊﾝｶｸ ①", "裡 1"])
def test_the_saved_tokenizer_folds_as_the_package_does(tokenizer, text):
    assert tokenizer.normalizer.normalize_str(text) == fold(text)


def test_tokens_are_the_same_for_traditional_full_width_and_capitals(tokenizer):
    assert tokenizer.encode("WHO由誰主持大會？").tokens == ["who", "由", "谁", "主持", "大会"]
    assert tokenizer.encode("ｗｈｏ 由谁主持、大会").tokens == ["who", "由", "谁", "主持", "大会"]


def test_frequent_runs_become_seeds_and_rare_ones_do_not():
    assert seed_pieces(["协和医院", "协和"], np.array([3, 2]), 2, 5) == {
        "协": 5,
        "和": 5,
        "医": 3,
        "院": 3,
        "协和": 5,
    }


def test_piece_training_keeps_words_that_stand_together():
    pieces = dict(train_pieces(["协和医院"] * 50 + ["医院"] * 50 + ["协和"] * 50, 6, 4, 20))
    assert {"协和", "医院"} <= set(pieces)
    assert {"协", "和", "医", "院"} <= set(pieces)


def test_rules_find_dates_persons_places_and_amounts():
    found = {(SENTENCE[fact.start : fact.end], fact.asks[0]) for fact in find_facts(SENTENCE)}
    assert found == {("2023年3月20日", "什么时候"), ("张抒扬", "谁"), ("北京协和医院", "哪里"), ("3000万元", "多少元")}


def test_a_made_question_loses_the_answer_and_asks_for_it():
    made = {make_question("院长张抒扬主持会议。", random.Random(seed)) for seed in range(30)}
    assert {question.rstrip("？?") for question in made} == {
        "院长谁主持会议",
        "院长哪位主持会议",
        "院长何人主持会议",
        "院长什么人主持会议",
    }
    assert make_question("今天天气很好。", random.Random(1)) is None


def test_the_rest_of_a_passage_does_not_hold_its_sentence():
    sentences = split_sentences(
        "甲方提交了全部材料。" + "乙方负责审核并出具意见。" + "丙方按时付款并且通知各方。" + "合同自签字起生效。"
    )
    question, passage = rest_pair(sentences, "标题", random.Random(3))
    assert question in sentences
    assert question not in passage


def test_texts_join_over_equal_english():
    chinese = [{"text1": "Hello", "text2": "你好"}]
    other = [{"lang1": "en", "text1": "Hello ", "text2": "hola"}, {"lang1": "de", "text1": "Hallo", "text2": "Hi"}]
    assert pivot_pairs(chinese, other) == [("hola", "你好")]


def test_glosses_come_whole_and_sense_by_sense():
    assert gloss_pairs([{"zh": "大会", "en": "congress; assembly"}]) == [
        ("congress; assembly", "大会"),
        ("congress", "大会"),
        ("assembly", "大会"),
    ]


def test_a_long_passage_is_cut_around_its_answer():
    assert cut("a" * 500 + "答案" + "b" * 500, "答案", 10) == "aaaaa答案bbb"


def test_shared_runs_are_found_whatever_the_script_and_spacing():
    held = RunIndex(["北京协和医院召开第九届二次工代会第七届二次职代会暨医院工作会议并作报告"])
    assert "前言 北京協和醫院召開第九屆二次工代會，第七屆二次職代會暨醫院工作會議並作報告。" in held
    assert "北京协和医院召开第九届二次工代会" not in held
    assert len(run_hashes("一" * 31)) == 2


def test_splitting_and_dropping_keep_text_borders():
    texts, parts = ragged([[1, 2], [2]]), ragged([[0], [1], [3, 4]])
    split = split_tokens(texts, parts, 1.0, np.random.default_rng(1))
    assert (split.ids.tolist(), split.starts.tolist()) == ([1, 3, 4, 3, 4], [0, 3, 5])
    dropped = drop_tokens(texts, 1.0, np.random.default_rng(1))
    assert (dropped.ids.tolist(), dropped.starts.tolist()) == ([], [0, 0, 0])


def test_neighbours_stand_together():
    vectors = np.arange(32, dtype=np.float32)[:, None]
    order = neighbour_order(vectors, 8, np.random.default_rng(2))
    assert sorted(order) == list(range(32))
    assert {tuple(sorted(order[i : i + 8])) for i in range(0, 32, 8)} == {
        tuple(range(i, i + 8)) for i in range(0, 32, 8)
    }


def test_equal_scores_count_against_the_model():
    scores = np.array([[0.5, 0.5, 0.1], [0.2, 0.9, 0.9]])
    assert ranks(scores, [[0], [1, 2]]).tolist() == [2, 1]


def test_late_interaction_takes_the_best_token_weighted():
    table = np.array([[0, 0], [2, 0], [0, 3], [1, 1]], dtype=np.float32)
    scores = late_scores(table, np.array([0, 1, 2, 1]), ragged([[1], [3, 2]]), ragged([[1, 2]]))
    np.testing.assert_allclose(scores, [[2.0, 2 * np.sqrt(0.5) + 6]], rtol=1e-6)


def test_idf_counts_passages_not_tokens():
    idf = inverse_document_frequency([ragged([[1, 1], [1, 2]])], 4)
    np.testing.assert_allclose(idf, np.maximum(np.log(3 / np.array([0.5, 2.5, 1.5, 0.5])), 0), rtol=1e-6)


def test_wider_tables_keep_what_they_had(tokenizer):
    table = np.random.default_rng(1).standard_normal((tokenizer.get_vocab_size(), 8)).astype(np.float32)
    han = np.arange(len(table)) > 8
    wide = widen(table, 8, han)
    np.testing.assert_array_equal(wide[:, :8], table)
    np.testing.assert_allclose(np.linalg.norm(wide[:, 8:], axis=1), np.linalg.norm(table, axis=1), rtol=1e-5)


def test_tokens_fall_into_their_characters(tokenizer):
    parts = token_parts(tokenizer)
    word = tokenizer.token_to_id("大会")
    assert [tokenizer.id_to_token(i) for i in parts.ids[parts.starts[word] : parts.starts[word + 1]]] == ["大", "会"]


def test_twenty_steps_lower_the_loss_and_the_files_load(tokenizer, tmp_path):
    pairs = [("谁主持大会", "大会由主持"), ("who", "谁"), ("how", "的"), ("ab", "里1"), ("大", "会会"), ("由", "持主")]
    tokens = pair_set(tokenizer, pairs)
    kinds = {"qa": take_pairs(tokens, full_rows(tokens))}
    start = np.random.default_rng(1).standard_normal((tokenizer.get_vocab_size(), 16)).astype(np.float32)
    settings = Settings(
        steps=20, weights={"qa": 1}, batch=6, dims=16, warmup=1, rate=0.05, evaluate_every=20, threads=1
    )
    before = _loss(start, kinds["qa"])
    table = train(start, kinds, settings, tmp_path / "run")
    assert _loss(table, kinds["qa"]) < before / 2
    export(tmp_path / "model", table, np.ones(len(table)), tokenizer, "card")
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tmp_path / "model"), device="cpu", local_files_only=True)
    values, scale = quantise(table)
    expected = embed(values * scale, tokenize(tokenizer, ["誰主持大會", ""]))
    np.testing.assert_allclose(model.encode(["谁主持大会", "？"]), expected, atol=1e-5)


def _loss(table, pairs):
    scores = 20 * embed(table, pairs.questions) @ embed(table, pairs.passages).T
    return float(np.mean(np.log(np.exp(scores).sum(axis=1)) - np.diag(scores)))


def test_shared_dimensions_forget_the_script_and_the_loudest_directions():
    rng = np.random.default_rng(3)
    meaning = rng.standard_normal((100, 16))
    script = np.repeat([[5.0], [-5.0]], 100, axis=0) * rng.standard_normal(16)
    vectors = (np.concatenate([meaning, meaning]) + script).astype(np.float32)
    tokens = [chr(0x4E00 + n) for n in range(100)] + [f"a{n}" for n in range(100)]
    found = shared_dimensions(vectors, tokens, np.ones(200, np.float32), dims=12, passed=2)
    assert found.shape == (200, 12)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)
    assert (found[:100] * found[100:]).sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_the_packed_weights_are_read_block_by_block(tmp_path):
    numbers = np.arange(32, dtype=np.uint8) % 16
    block = np.float16(0.5).tobytes() + (numbers[:16] | (numbers[16:] << 4)).tobytes()
    header = b"E5S1" + struct.pack("<i", 1) + struct.pack("<7i", 4, 1, 2, 8, 2, 8, 1) + struct.pack("<fi", 1e-12, 32)
    pieces = struct.pack("<5i", 2, 0, 2, 1, 1) + struct.pack("<Q", 4)
    pieces += struct.pack("<3I", 0, 1, 4) + struct.pack("<2f", -1.0, -2.0) + "a谁".encode()
    head = header + pieces + struct.pack("<iI", 0, 0) + struct.pack("<i", 2)
    size = len(head) + 2 * (2 + 1 + 21)
    entries = b"".join(
        struct.pack("<H", 1) + name + struct.pack("<BIQQ", 0, count, offset, length)
        for name, count, offset, length in ((b"w", 32, size, 18), (b"b", 2, size + 18, 8))
    )
    path = tmp_path / "packed.bin"
    path.write_bytes(head + entries + block + struct.pack("<2f", 3.0, 4.0))
    packed = read_packed(path)
    assert packed.pieces == [("a", -1.0), ("谁", -2.0)]
    assert packed.tensors["w"].tolist() == [(n % 16 - 8) * 0.5 for n in range(32)]
    assert packed.tensors["b"].tolist() == [3.0, 4.0]


def test_another_file_is_not_taken_for_packed_weights(tmp_path):
    (tmp_path / "other").write_bytes(b"GGUF0000")
    with pytest.raises(ValueError, match="does not begin with E5S1"):
        read_packed(tmp_path / "other")
