"""The looked-up half of tokenising gives the very ids that the tokenizer gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import Unigram, WordLevel
from tokenizers.pre_tokenizers import Whitespace

from qa.tokens import BulkTokenizer, load_tokenizer

BUILTIN = Path(__file__).parents[1] / "qa/builtin/0_StaticEmbedding/tokenizer.json"
WHOLE = load_tokenizer(BUILTIN)
BULK = BulkTokenizer(WHOLE)
ODD = (
    "",
    " ",
    "e\u0301té",
    "①㎡½",
    "A\r\nB",
    "……",
    "ｶﾞﾞ",
    "각각",
    "👩‍⚕️医生",
    "a\u200bb",
    "\x00",
    "の\u3099",
    "Ａ１中",
    "\ufb01n",
)


def expected(texts: list[str]) -> list[list[int]]:
    return [WHOLE.encode(text, add_special_tokens=False).ids for text in texts]


def test_the_built_in_tokenizer_is_of_the_form_that_is_looked_up() -> None:
    assert BULK._bare is not None


def test_texts_are_cut_where_kinds_meet() -> None:
    assert BULK._cut(["2024年大会,OK", "二楼3号\n"])[0] == ["2024 年大会 ok ", "二楼 3 号  "]


def test_odd_texts_go_the_usual_way() -> None:
    assert BULK._cut(["大会", "e\u0301", "开幕", "A\r\nB"])[1] == [1, 3]
    assert BULK.ids(ODD) == expected(list(ODD))


def test_no_texts_give_no_ids() -> None:
    assert BULK.ids([]) == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=30), max_size=5))
def test_any_texts_get_the_ids_of_the_tokenizer(texts: list[str]) -> None:
    assert BULK.ids(texts) == expected(texts)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("谁主持了大會2024年ABcd é,。 \n…①の", max_size=40), max_size=5))
def test_ordinary_texts_get_the_ids_of_the_tokenizer(texts: list[str]) -> None:
    assert BULK.ids(texts) == expected(texts)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("谁主持了大會开幕ABcd é,。 \n…①の🩺ญ", max_size=40), max_size=5))
def test_many_texts_get_the_ids_of_the_tokenizer(texts: list[str]) -> None:
    assert BULK.ids(texts, many=True) == expected(texts)


def test_of_pieces_that_are_as_likely_the_order_may_be_another() -> None:
    text = "从2020年的7588人,8888元,6666次"
    [ids] = BULK.ids([text], many=True)
    assert sorted(ids) == sorted(expected([text])[0])


def test_a_tokenizer_whose_pieces_hold_blanks_cuts_many_texts_as_few() -> None:
    other = Tokenizer.from_str(WHOLE.to_str())
    other.model = Unigram([("?", -9.0), ("a b", -1.0), ("a", -2.0), ("b", -2.0)], unk_id=0)
    assert BulkTokenizer(other).ids(["a b"], many=True) == BulkTokenizer(other).ids(["a b"]) == [[2, 3]]


@pytest.mark.parametrize("text", ["b a c", "a"])
def test_a_tokenizer_of_another_form_is_left_alone(text: str) -> None:
    other = Tokenizer(WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    other.pre_tokenizer = Whitespace()
    assert BulkTokenizer(other).ids([text]) == [other.encode(text).ids]
