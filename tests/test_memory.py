from __future__ import annotations

from typing import Any

import pytest

from qa.memory import KEPT_TURNS, LONGEST_QUESTION, Memory, Turn, read_memory, turn


def test_a_memory_reads_back() -> None:
    memory = Memory("en", (Turn("谁主持?", 3, ("a.txt",)), Turn("why")))
    assert read_memory(memory.to_json()) == memory


def test_the_oldest_turns_are_forgotten() -> None:
    memory = Memory()
    for n in range(KEPT_TURNS + 2):
        memory = memory.adding(Turn(str(n)))
    assert [one.question for one in memory.turns] == [str(n) for n in range(2, KEPT_TURNS + 2)]
    assert len(read_memory({"turns": [{"question": "x"}] * 99}).turns) == KEPT_TURNS


@pytest.mark.parametrize(
    "kept",
    [
        None,
        3,
        "x",
        [],
        {},
        {"turns": 3},
        {"turns": [None, 3, {}, {"question": 3}, {"question": "  "}]},
        {"language": 3},
    ],
)
def test_whatever_else_a_browser_sends_is_an_empty_memory(kept: Any) -> None:
    assert read_memory(kept) == Memory()


@pytest.mark.parametrize(
    ("k", "kept"), [(7, 7), (20, 20), (7.0, 7), (0, 5), (21, 5), ("9", 5), (None, 5), (float("nan"), 5)]
)
def test_settings_are_brought_into_their_limits(k: Any, kept: int) -> None:
    assert turn(" 问 ", k, ["a", 3, None, "b"]) == Turn("问", kept, ("a", "b"))


def test_a_question_is_cut_where_it_shows_that_it_is_too_long() -> None:
    assert len(turn("长" * 9999).question) == LONGEST_QUESTION + 1
    assert turn("q", 5, "abc").documents == ()


def test_what_was_searched_for_instead_reads_back() -> None:
    memory = Memory("", (Turn("那他呢", 5, (), "谁是院长"),))
    assert read_memory(memory.to_json()) == memory
    assert (memory.turns[0].whole, Turn("谁").whole) == ("谁是院长", "谁")
    assert turn("q", searched=3).searched == ""
    assert len(turn("q", searched="长" * 9999).searched) == LONGEST_QUESTION


def test_the_latest_turn_can_be_asked_anew() -> None:
    memory = Memory("en", (Turn("a"), Turn("b")))
    assert memory.last == Turn("b")
    assert memory.without("b") == Memory("en", (Turn("a"),))
    assert memory.without("a") == memory
    assert (Memory().last, Memory().without("a")) == (None, Memory())
