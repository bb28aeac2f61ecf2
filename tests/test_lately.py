from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from qa.lately import Lately
from qa.records import Answer
from qa.search import Retriever


class Counted:
    """Answers with what it was asked, and counts."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, Sequence[str] | None]] = []

    def ask(self, question: str, k: int, documents: Sequence[str] | None) -> Answer:
        self.asked.append((question, k, documents))
        return Answer(f"{question} {k} {documents}", False, 0.0, (), None, None)


def test_the_same_question_is_answered_once_and_another_setting_is_another_question() -> None:
    lately, counted = Lately(), Counted()
    retriever = cast(Retriever, counted)
    first = lately.ask(retriever, "谁", 5, None)
    assert lately.ask(retriever, "谁", 5, ()) is first
    assert lately.ask(retriever, "谁", 3, None).question == "谁 3 None"
    assert lately.ask(retriever, "谁", 5, ["a.txt"]).question == "谁 5 ['a.txt']"
    assert counted.asked == [("谁", 5, None), ("谁", 3, None), ("谁", 5, ["a.txt"])]


def test_another_generation_is_asked_anew() -> None:
    lately, old, new = Lately(), Counted(), Counted()
    lately.ask(cast(Retriever, old), "谁", 5, None)
    lately.ask(cast(Retriever, new), "谁", 5, None)
    assert (len(old.asked), len(new.asked)) == (1, 1)


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    lately, counted = Lately(2), Counted()
    retriever = cast(Retriever, counted)
    for question in ("a", "b", "a", "c", "a", "b"):
        lately.ask(retriever, question, 5, None)
    assert [question for question, _, _ in counted.asked] == ["a", "b", "c", "b"]
    for _ in range(2):
        lately.ask(retriever, "many", 100, None)
        lately.ask(retriever, "narrow", 5, [f"{n}.txt" for n in range(21)])
    assert len(counted.asked) == 8
