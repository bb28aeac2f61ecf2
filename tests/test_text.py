"""Folding keeps offsets; sentences cover the text."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.text import fold, fold_in_place, fold_offsets, is_crowded, quotations, sentences, trim

anything = st.text(alphabet=st.characters(), max_size=60)
prose = st.text(alphabet=st.sampled_from("会议由院长。！？；…!?.;“”「」《》()\"' \n\tAb1,，：说"), max_size=80)


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("誰主持了大會？", "谁主持了大会?"),
        ("ＡＢＣ①㎡", "abc1m2"),
        ("協和\u3000醫院\tX", "协和 医院 x"),
        ("a\r\nb", "a \nb"),
        ("\ufeff大\u200b会\x00\x07\u00ad\ufe0f", "大会"),
        ("ΣΑΣ", "σασ"),
        ("\ud800x", "x"),
        ("裏為爲臺乾", "里为为台干"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_fold_offsets_point_at_the_source_of_each_character() -> None:
    assert fold_offsets("㎡\u200b會…") == ("m2会...", [0, 0, 2, 3, 3, 3, 4])


def test_folding_in_place_keeps_every_offset() -> None:
    assert fold_in_place("協和①㎡\u200b醫院") == "协和1  医院"


@given(anything)
def test_folding_in_place_agrees_with_folding(text: str) -> None:
    assert fold_in_place(text) == "".join(one if len(one := fold(each)) == 1 else " " for each in text)


@given(anything)
def test_fold_offsets_agrees_with_fold(text: str) -> None:
    folded, offsets = fold_offsets(text)
    assert folded == fold(text)
    assert len(offsets) == len(folded) + 1
    assert offsets[-1] == len(text)
    assert offsets == sorted(offsets)


@given(anything, anything)
def test_fold_is_stable_and_works_character_by_character(left: str, right: str) -> None:
    assert fold(left + right) == fold(left) + fold(right)
    assert fold(fold(left)) == fold(left)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("大会开幕。院长致辞!谁主持?好;完", ["大会开幕。", "院长致辞!", "谁主持?", "好;", "完"]),
        ("第一行\n第二行", ["第一行", "第二行"]),
        ("他说:“来了。走吧。”她没动。", ["他说:“来了。走吧。”", "她没动。"]),
        ("“不负人民。”院长坚定地说,协和站在新起点。", ["“不负人民。”院长坚定地说,协和站在新起点。"]),
        ("《你好！》很好看。他问「是嗎？」的意思。", ["《你好！》很好看。", "他问「是嗎？」的意思。"]),
        ("增长3.5%,共2023.03.21日。No. 5 ran.", ["增长3.5%,共2023.03.21日。", "No. 5 ran."]),
        ("Mr. J. Smith left. Why? He knew.", ["Mr. J. Smith left.", "Why?", "He knew."]),
        ("1. First item. Then more.", ["1. First item.", "Then more."]),
        ("太好了！！！真的……他走了", ["太好了！！！", "真的……", "他走了"]),
        ("see a?b=c now", ["see a?b=c now"]),
        ("(见附件。)完", ["(见附件。)", "完"]),
        ("“没有合上。下一句。", ["“没有合上。", "下一句。"]),
        (
            "The staff council met on Monday in the main\nhall. It voted.",
            ["The staff council met on Monday in the main\nhall.", "It voted."],
        ),
        ("apples\npears", ["apples", "pears"]),
        (" \n\t", []),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert cut(text) == parts


def test_quotes_that_close_too_far_away_protect_nothing() -> None:
    far = "“" + "字" * 250 + "。好”"
    assert len(cut(far)) == 2
    assert len([far[start:end] for start, end in sentences(far, reach=400)]) == 1


@given(prose)
def test_sentences_are_trimmed_ordered_and_cover_the_text(text: str) -> None:
    spans = sentences(text)
    assert all(text[start:end] and text[start:end] == text[start:end].strip() for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


def test_quotations_are_the_outermost_pairs_on_a_line() -> None:
    assert quotations("“甲《乙》”(丙)“\n”") == [(0, 5), (6, 8)]
    assert quotations("」「a」") == [(1, 3)]
    assert quotations("（）", 1) == [(0, 1)]


def test_trim() -> None:
    assert trim("  ab \n", 0, 6) == (2, 4)
    assert trim("a   b", 1, 4) is None


def pairs_by_search(text: str, reach: int) -> list[tuple[int, int]]:
    """Return what :func:`quotations` should, by looking back from each closing mark."""
    openers = {"”": "“", "）": "（", ")": "(", '"': '"'}
    taken: set[int] = set()
    joined: list[tuple[int, int]] = []
    for end, mark in enumerate(text):
        back = range(end - 1, max(text.rfind("\n", 0, end), end - reach - 1), -1)
        start = next((n for n in back if text[n] == openers.get(mark) and n not in taken), None)
        if start is not None:
            taken |= {start, end}
            inner = [pair for pair in joined if pair[1] > start]
            joined = [pair for pair in joined if pair[1] < start]
            joined.append((min(start, *(pair[0] for pair in inner)) if inner else start, end))
    return joined


@given(st.text(alphabet=st.sampled_from('“”（）()"字\n'), max_size=40), st.integers(1, 12))
def test_quotations_are_what_looking_back_from_each_closing_mark_finds(text: str, reach: int) -> None:
    assert quotations(text, reach) == pairs_by_search(text, reach)


def test_is_crowded() -> None:
    assert is_crowded("（一）“甲”")
    assert is_crowded("“" * 9)
    assert not is_crowded("“甲乙丙丁戊己”")
    assert not is_crowded("")


@pytest.mark.parametrize("unit", ["（）", "“", '"'])
def test_brackets_without_end_are_not_all_held_at_once(unit: str) -> None:
    line = unit * (400_000 // len(unit)) + "。"
    tracemalloc.start()
    try:
        assert sentences(line) == [(0, 400_001)]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 << 20  # all of them would take 15 MB or more
