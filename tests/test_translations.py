"""The lexicon's training, on a handful of sentences."""

import pytest

pytest.importorskip("click")
from training.translations import align, combined, cores, joined, likeliest, mean, mutual, telling

ENGLISH = [["hospital", "new"], ["hospital", "old"], ["new", "city"], ["old", "city"]] * 3
CHINESE = [["医院", "新"], ["医院", "老"], ["新", "城市"], ["老", "城市"]] * 3


def test_words_that_come_together_translate_each_other() -> None:
    found = align(ENGLISH, CHINESE, least=0.02, seen=0.3)
    assert {word: max(told, key=lambda target: told[target]) for word, told in found.items()} == {
        "hospital": "医院",
        "new": "新",
        "old": "老",
        "city": "城市",
    }
    assert sum(found["hospital"].values()) <= 1


def test_what_is_seen_too_seldom_is_no_translation() -> None:
    assert align([["rare"]], [["词"]], least=0.02, seen=1.5) == {}


def test_chances_multiply_along_a_way_and_sum_over_ways() -> None:
    there = {"krankenhaus": {"hospital": 0.5, "clinic": 0.5}}
    onwards = {"hospital": {"医院": 1.0}, "clinic": {"医院": 0.5, "诊所": 0.5}}
    assert joined(there, onwards) == {"krankenhaus": {"医院": 0.75, "诊所": 0.25}}


def test_two_lexicons_meet_in_the_middle() -> None:
    assert mean({"a": {"甲": 1.0}}, {"a": {"乙": 1.0}, "b": {"乙": 1.0}}) == {
        "a": {"甲": 0.5, "乙": 0.5},
        "b": {"乙": 1.0},
    }


def test_a_translation_that_holds_another_counts_as_that_one() -> None:
    assert cores({"在医院": 0.25, "医院": 0.5, "院": 0.25}) == {"院": 0.25, "医院": 0.75}
    assert likeliest({"hospital": {"在医院": 0.2, "医院": 0.6}}) == {"hospital": {"医院": pytest.approx(1.0)}}


def test_only_english_words_that_tell_something_translate_chinese() -> None:
    assert telling({"hospital": 0.5, "the": 0.3, "医院": 0.2}) == {"hospital": 0.5}
    assert mutual({"医院": {"hospital": 0.5}}, {"hospital": {"医院": 0.5}}) == {"医院": {"hospital": 0.5}}
    assert mutual({"医院": {"jackman": 0.5}}, {}) == {"医院": {"jackman": 0.0}}


def test_a_word_shared_with_chinese_keeps_its_meaning_and_a_foreign_one_is_reached_by_english() -> None:
    to_chinese, to_english = {"meeting": {"大会": 0.9}, "hospital": {"医院": 0.9}}, {"大会": {"meeting": 0.9}}
    by_english = {"大会": {"tournament": 0.9}, "病院": {"hospital": 0.9}}
    found = combined(to_chinese, to_english, by_english, {"大会": {"比赛": 0.9}})
    assert "比赛" not in found["大会"]
    assert set(found["病院"]) == {"医院", "hospital"}
