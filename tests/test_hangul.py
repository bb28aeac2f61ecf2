"""How the table of Korean readings is made, and what it holds."""

import json

import pytest

from training.hangul import TABLE, initially, is_common


@pytest.mark.parametrize(
    ("syllable", "written"), [("리", "이"), ("로", "노"), ("녀", "여"), ("류", "유"), ("나", "나"), ("병", "병")]
)
def test_l_and_n_change_at_the_beginning_of_a_word(syllable: str, written: str) -> None:
    assert initially(syllable) == written


def test_rare_characters_are_left_out() -> None:
    assert [one for one in "医醫龘a仑" if is_common(one)] == ["医", "仑"]


def test_the_table_reads_common_words() -> None:
    table = json.loads(TABLE.read_text("utf-8"))
    words = {"중서의": "中西医", "대회": "大会", "원장": "院长", "이": "李", "리": "李", "노동": "劳动"}
    for read, written in words.items():
        assert all(character in table[syllable] for syllable, character in zip(read, written, strict=True))
