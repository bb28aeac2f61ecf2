import os
import shutil
import tempfile
import time
from contextlib import suppress
from math import log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa import lexical
from qa.lexical import LexicalIndex, joined_terms, terms

TEXTS = [
    ("", "大会由柴建军主持"),
    ("", "张萍表示祝贺"),
    ("", "The meeting was chaired by Chai Jianjun in 2023"),
    ("", "會議由陳旭堅主持"),
]


@pytest.fixture
def index(tmp_path: Path) -> LexicalIndex:
    return LexicalIndex.build(tmp_path, TEXTS)


def test_chinese_becomes_characters_and_pairs_and_the_rest_words() -> None:
    assert terms("大会由Chai主持,2023年") == [
        "大",
        "会",
        "由",
        "大会",
        "会由",
        "chai",
        "主",
        "持",
        "主持",
        "2023",
        "年",
    ]


def test_terms_are_folded() -> None:
    assert terms("會議") == terms("会议")
    assert terms("ＡＢＣ") == ["abc"]


@pytest.mark.parametrize("text", ["", " \n", "!?。,_"])
def test_text_without_words_has_no_terms(text: str) -> None:
    assert terms(text) == []


ANY_TEXT = st.text("谁主持了大會2024年ABcd é,_-。 \n…①の한국ไทย\U00020000\ud800", max_size=60) | st.text(max_size=60)


@given(st.lists(ANY_TEXT, max_size=4))
def test_terms_for_the_index_are_the_same_in_another_order(texts: list[str]) -> None:
    assert [sorted(joined.split()) for joined in joined_terms(texts)] == [sorted(terms(text)) for text in texts]


def test_a_very_long_word_is_cut() -> None:
    assert terms("x" * 100_000) == ["x" * 40]


def test_search_finds_chinese_by_its_words(index: LexicalIndex) -> None:
    assert [row for row, _ in index.search("谁主持大会", 10)] == [0, 3]


def test_simplified_finds_traditional_and_the_reverse(index: LexicalIndex) -> None:
    assert index.search("会议", 10)[0][0] == 3
    assert index.search("張萍", 10)[0][0] == 1


def test_scores_are_bm25(index: LexicalIndex) -> None:
    mean = sum(len(terms(text)) for _, text in TEXTS) / 4
    idf = log(1 + (4 - 1 + 0.5) / (1 + 0.5))
    length = len(terms(TEXTS[1][1]))
    expected = idf * 2.2 / (1 + 1.2 * (1 - 0.75 + 0.75 * length / mean))
    assert index.search("祝", 10) == [(1, pytest.approx(expected, rel=1e-5))]


def test_search_without_a_shared_term_is_empty(index: LexicalIndex) -> None:
    assert index.search("火星", 10) == []
    assert index.search("!?", 10) == []


def test_k_cuts_and_ties_keep_row_order(tmp_path: Path) -> None:
    index = LexicalIndex.build(tmp_path, [("", "相同的话")] * 5)
    assert [row for row, _ in index.search("相同", 3)] == [0, 1, 2]
    assert [row for row, _ in index.search("相同", 99)] == [0, 1, 2, 3, 4]


def test_only_restricts_and_changes_no_score(index: LexicalIndex) -> None:
    everywhere = dict(index.search("主持", 10))
    assert index.search("主持", 10, only=[3, 1]) == [(3, pytest.approx(everywhere[3]))]


def test_score_agrees_with_search_and_gives_zero_elsewhere(index: LexicalIndex) -> None:
    everywhere = dict(index.search("谁主持大会", 10))
    assert index.score("谁主持大会", [3, 2, 0]) == [pytest.approx(everywhere[3]), 0.0, pytest.approx(everywhere[0])]
    assert index.score("", [1, 2]) == [0.0, 0.0]
    assert index.score("主持", []) == []


def test_the_title_counts_half(tmp_path: Path) -> None:
    index = LexicalIndex.build(tmp_path, [("火星", "甲乙"), ("甲乙", "火星")])
    found = index.search("火星", 2)
    assert [row for row, _ in found] == [1, 0]
    assert found[1][1] == pytest.approx(found[0][1] / 2)


def test_frequencies_count_bodies(index: LexicalIndex) -> None:
    assert index.frequencies(["主持", "张", "火"]) == [2, 1, 0]


def test_what_was_built_can_be_opened(tmp_path: Path) -> None:
    built = LexicalIndex.build(tmp_path, TEXTS)
    assert LexicalIndex.open(tmp_path).search("谁主持大会", 10) == built.search("谁主持大会", 10)


def copied_while_busy(where: Path, to: Path) -> Path:
    """Copy an index whose builder's threads may still lock it, and take away what they no longer need."""
    for _ in range(50):
        with suppress(shutil.Error):
            return shutil.copytree(where, to, ignore=shutil.ignore_patterns("*.lock"), dirs_exist_ok=True)
        time.sleep(0.1)
    raise AssertionError("files keep vanishing")


def test_an_index_can_be_read_where_no_lock_can_be_made(tmp_path: Path) -> None:
    where = tmp_path / "built"
    where.mkdir()
    built = LexicalIndex.build(where, TEXTS)
    copied = copied_while_busy(where, tmp_path / "copied")
    (copied / ".tantivy-meta.lock").mkdir()
    assert LexicalIndex.open(copied).search("谁主持大会", 10) == built.search("谁主持大会", 10)
    (copied / "meta.json").write_text("{}")
    with pytest.raises(ValueError, match="not a complete full-text index"):
        LexicalIndex.open(copied)


def test_tantivy_may_make_its_lock_while_the_links_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where, aside = tmp_path / "built", tmp_path / "aside"
    where.mkdir()
    aside.mkdir()
    built = LexicalIndex.build(where, TEXTS)
    copied = copied_while_busy(where, tmp_path / "copied")
    (copied / ".tantivy-meta.lock").mkdir()
    remove = os.rmdir

    def late(path: str, **where: int) -> None:
        for folder in aside.iterdir():
            (folder / ".tantivy-meta.lock").touch()
        remove(path, **where)

    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    monkeypatch.setattr(os, "rmdir", late)
    assert LexicalIndex.open(copied).search("谁主持大会", 10) == built.search("谁主持大会", 10)
    assert [path.name for path in aside.rglob("*.lock")] == [".tantivy-meta.lock"]


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    assert LexicalIndex.build(tmp_path, []).search("主持", 5) == []


def test_a_folder_that_is_no_index_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a complete full-text index"):
        LexicalIndex.open(tmp_path / "nothing")


def test_a_term_that_is_left_out_is_not_looked_for(index: LexicalIndex) -> None:
    everything = dict(index.search("主持祝", 10))
    assert set(everything) == {0, 1, 3}
    assert index.search("主持祝", 10, without={"祝"}) == index.search("主持", 10)
    assert index.search("祝", 10, without={"祝"}) == []


@pytest.mark.parametrize(("name", "most"), [("_AT_ONCE", 3), ("_LONGEST_AT_ONCE", 15)])
def test_texts_are_indexed_in_blocks_as_if_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(lexical, name, most)
    blocks = LexicalIndex.build(tmp_path, TEXTS)
    assert len(blocks) == len(TEXTS)
    assert [row for row, _ in blocks.search("谁主持大会", 10)] == [0, 3]
