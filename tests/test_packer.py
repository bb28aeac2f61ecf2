"""Texts become the network's own pieces, and each piece knows where in the text it stands."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.joint import shipped_joint_reader
from qa.packer import LEAD, PASSAGE, QUESTION, Packer, Shown

CHAIRED = "谁主持了大会?"
ANSWERS = "大会由党委副书记、纪委书记柴建军主持。"


def packer() -> Packer:
    return shipped_joint_reader()._pack


def whole_of(text: str) -> Shown:
    return Shown("", text, (0, len(text)))


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in packer().passage(whole_of(text)).offsets]


UNKNOWN = 3


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("主持大会", ["", "主持", "大会"]),
        ("Кто  вёл\u3000собрание?", ["Кто", "в", "ёл", "собрание", "?"]),
        ("会……散①㎡", ["", "会", "……", "散", "①", "㎡", "㎡"]),
        ("étude ﬁn", ["", "étude", "ﬁn"]),
        (unicodedata.normalize("NFD", "한국어"), [unicodedata.normalize("NFD", "한국어")]),
        (" ", []),
    ],
)
def test_pieces_stand_where_they_say(text: str, wanted: list[str]) -> None:
    assert pieces(text) == wanted


@given(st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from("会①㎡ \u3000éａｂ한ไﷺ\u0301\u11a8"))))
def test_pieces_follow_each_other_and_leave_out_nothing_but_blanks(text: str) -> None:
    offsets = packer().passage(whole_of(text)).offsets
    assert offsets == sorted(offsets)
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    held = {n for start, end in offsets for n in range(start, end)}
    left = "".join(character for n, character in enumerate(text) if n not in held)
    assert len(offsets) == PASSAGE or not unicodedata.normalize("NFKC", left).strip()


def test_what_announces_a_text_stands_between_its_heading_and_itself() -> None:
    text = "二是抓落实。"
    alone, announced = (packer().passage(Shown(above, text, (0, 2))) for above in ("大会", "大会\n王明提出三点要求。"))
    assert announced.offsets == alone.offsets
    assert announced.ids[: alone.start] == alone.ids[: alone.start]
    assert announced.ids[announced.start :] == alone.ids[alone.start :]
    assert announced.start > alone.start
    long = packer().passage(Shown("大会\n" + "前" * 500 + "王明提出三点要求。", text, (0, 2)))
    assert long.start - alone.start == LEAD
    assert long.ids[long.start - 2 : long.start] == announced.ids[announced.start - 2 : announced.start]


@pytest.mark.parametrize(
    "question",
    [
        "张抒扬院长作了什么报告？",
        "Who presided over the congress?",
        "من ترأس المؤتمر؟",
        "Ποιος προήδρευσε στο συνέδριο;",
        "מי ניהל את הכנס?",
        "सम्मेलन की अध्यक्षता किसने की?",
        "ใครเป็นประธานการประชุม",
        "Кто вёл собрание?",
        "대회를 누가 주재했습니까?",
        "மாநாட்டிற்கு யார் தலைமை தாங்கினார்?",
        "Ai đã chủ trì đại hội?",
    ],
)
def test_no_script_that_people_write_in_is_unknown(question: str) -> None:
    ids = packer().question(question)
    assert UNKNOWN not in ids
    assert len(ids) < 20


def test_the_window_lies_around_the_sentence() -> None:
    text = "前" * 400 + ANSWERS + "后" * 400
    row = packer().passage(Shown("", text, (400, 400 + len(ANSWERS))))
    assert len(row.offsets) == PASSAGE
    assert row.offsets[0][0] < 400 < 400 + len(ANSWERS) < row.offsets[-1][1]
    whole = packer().passage(whole_of(ANSWERS))
    assert (whole.offsets[0][0], whole.offsets[-1][1]) == (0, len(ANSWERS))


def test_a_sentence_longer_than_the_window_is_read_from_its_start() -> None:
    row = packer().passage(Shown("", "甲" * 2000, (500, 2000)))
    assert (len(row.offsets), row.offsets[0][0]) == (PASSAGE, 500)


def test_of_a_long_question_the_end_is_read() -> None:
    assert packer().question("甲" * 500 + CHAIRED)[-4:] == packer().question(CHAIRED)[-4:]
    assert len(packer().question("甲" * 500)) <= QUESTION + 6
