"""Questions in other languages, which the joint reader is trained on."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("rjieba", reason="training needs the extra train: pip install '.[train]'")

from qa.translate import Lexicon
from training.foreign import Words, asked_of, backwards, language_of, latin, senses, turned

LEXICON = Lexicon.of({"congress": {"大会": 0.9}, "Kongress": {"大会": 0.8}, "congresses": {"大会": 0.1}})
TEXTS = [("en", "The congress met."), ("en", "A congress, congresses"), ("en", "congress"), ("zh", "大会")] * 3
SEEDS = range(40)


def test_the_lexicon_is_turned_round_for_each_language_with_words_that_were_seen() -> None:
    found = backwards(LEXICON, TEXTS)
    assert set(found) == {"en"}
    assert found["en"]["大会"] == (["congress"], [pytest.approx(0.9 * 9, rel=0.01)])


def test_a_dictionary_gives_short_senses() -> None:
    entries = [{"zh": "主持", "en": "to chair; to manage"}, {"zh": "主持", "en": "abbot"}]
    assert senses([*entries, {"zh": "啊", "en": "an interjection of surprise or doubt"}]) == {"主持": "to chair"}


def test_a_question_is_turned_word_by_word() -> None:
    words = Words({"en": {"大会": (["congress"], [1.0])}, "ru": {"大会": (["съезд"], [1.0])}}, {"主持": "to chair"})
    asked = {turned("谁主持大会?", words, random.Random(seed)) for seed in SEEDS}
    assert any(one.startswith("who ") and "congress" in one and "to chair" in one for one in asked)
    assert any("кто" in one and "съезд" in one for one in asked)
    assert not any("谁" in one for one in asked)


@pytest.mark.parametrize(
    ("name", "written"), [("柴建军", "Chai Jianjun"), ("北仑", "Beilun"), ("100", "100"), ("谁", "谁")]
)
def test_a_name_is_written_as_it_sounds(name: str, written: str) -> None:
    assert latin(name) == written


def test_a_name_that_no_dictionary_holds_is_turned_into_latin_letters() -> None:
    asked = {turned("柴建军主持?", Words({"en": {}}, {"主持": "to chair"}), random.Random(seed)) for seed in SEEDS}
    assert any("Jianjun" in one for one in asked)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Der Arzt und die Schwester", "de"),
        ("Los médicos de la ciudad", "es"),
        ("The doctors of the town", "en"),
        ("Врачи города", "ru"),
        ("大会の司会", "ja"),
        ("大会主持", "zh"),
    ],
)
def test_a_text_tells_its_language(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_sentence_becomes_a_question_in_its_own_language() -> None:
    made = [asked_of("The doctors of the town met in the old hall.", random.Random(seed)) for seed in SEEDS]
    assert all(one is not None and one.endswith("?") and "." not in one for one in made)
    assert {str(one).split()[0] for one in made} >= {"who", "where", "when"}
    assert asked_of("Too short.", random.Random(0)) is None
    assert any("谁" in str(asked_of("医院在学术会议厅召开了年度工作总结大会。", random.Random(seed))) for seed in SEEDS)
