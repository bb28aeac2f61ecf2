"""Other ways to ask, which the joint reader is trained on."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("rjieba", reason="training needs the extra train: pip install '.[train]'")

from training.asking import brief, chatty, collect, misspelt, named, shortened, swapped

QUESTION = "南昌市第一医院的院长是谁?"
TOLD = "会议由南昌市第一医院院长主持。"
SEEDS = range(30)


def test_a_name_is_the_longest_run_of_words_that_the_passage_holds() -> None:
    before, words, behind = named(QUESTION, TOLD) or ("", [], "")
    assert "".join(words) == "南昌市第一医院"
    assert (before, behind) == ("", "的院长是谁?")
    assert named(QUESTION, "天气晴朗。") is None
    assert named("2023年谁主持了大会?", "2023年") is None


def test_a_shortened_name_keeps_some_of_its_characters_in_order() -> None:
    for seed in SEEDS:
        short = shortened(["南昌市", "第一", "医院"], random.Random(seed))
        left = iter("南昌市第一医院")
        assert 2 <= len(short) < 7
        assert all(character in left for character in short)
    assert shortened(["协和医院"], random.Random(0)) == "协和"


def test_a_misspelt_word_sounds_the_same() -> None:
    _, sounds = collect([("会议回忆会意", ""), ("主持住持", "")])
    spelt = {misspelt("主持会议", sounds, random.Random(seed)) for seed in SEEDS}
    assert "住持会议" in spelt
    assert all(len(one) == 4 and one != "主持会议" for one in spelt)
    assert misspelt("abc", sounds, random.Random(0)) == "abc"


def test_talk_goes_around_a_question() -> None:
    said = {chatty("谁主持了大会?", random.Random(seed)) for seed in SEEDS}
    assert len(said) > 5
    assert all("谁主持了大会" in one for one in said)
    assert not any("??" in one for one in said)


def test_a_swapped_name_is_of_the_same_kind_and_not_in_the_passage() -> None:
    names, _ = collect([(QUESTION, TOLD), ("北京同仁医院在哪里?", "北京同仁医院在北京。")])
    found = named(QUESTION, TOLD)
    assert found is not None
    assert {swapped(found[1], TOLD, names, random.Random(seed)) for seed in SEEDS} - {None} == {"北京同仁医院"}
    assert swapped(["没有", "的事"], TOLD, names, random.Random(0)) is None


def test_a_brief_question_keeps_its_question_word_or_the_noun_for_it() -> None:
    made = {brief("南昌市第一医院的大会在哪里召开?", random.Random(seed)) for seed in SEEDS}
    told = {one for one in made if one is not None}
    assert len(told) > 4
    assert any("哪里" in one for one in told)
    assert any(noun in one for one in told for noun in ("地点", "地址", "地方"))
    assert all(len(one) < 13 for one in told)
    assert brief("会议讨论了预算。", random.Random(0)) is None
