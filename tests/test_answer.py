from dataclasses import replace
from math import exp

import pytest

from qa.answer import answer, confidence, findings, shipped_weights
from qa.rank import FEATURES
from qa.records import Document, Evidence, Finding, Hit, Passage, Span

DOCUMENT = Document("d", "t", "甲主持。")
EVIDENCE = Evidence("d", 0, 4, "甲主持。")
HIT = Hit(1, 1.0, Passage("d#0-4", "d", 0, 4, "甲主持。"), DOCUMENT, 0.5, 2.0, EVIDENCE)
NOTHING = dict.fromkeys(FEATURES, 0.0)
MET = ("late", "cover", "cover_rare", "cover_document", "dense")
EVERYTHING = {**dict.fromkeys(MET, 1.0), "answer": 6.0, "sure": 0.9, "score": 16.0, "joint": 4.0}
WORDS = Span(0, 1, "甲")


def hit_in(name: str, words: str | None, rank: int = 1) -> Hit:
    passage = Passage(f"{name}#0-4", name, 0, 4, "甲主持。")
    span = None if words is None else Span(0, len(words), words)
    return Hit(rank, 1.0, passage, Document(name, name, "甲主持。"), 0.5, 2.0, Evidence(name, 0, 4, "甲主持。"), span)


def test_no_hits_is_a_plain_no() -> None:
    declined = answer("谁?", [], [])
    assert (declined.answered, declined.confidence, declined.hits, declined.evidence) == (False, 0.0, (), None)


def test_a_sure_hit_is_answered_with_its_evidence_and_words() -> None:
    sure = replace(HIT, span=WORDS)
    given = answer("谁主持?", [sure], [EVERYTHING])
    assert (given.answered, given.evidence, given.span, given.hits) == (True, EVIDENCE, WORDS, (sure,))
    assert given.confidence > 0.6


def test_other_weights_decide_otherwise() -> None:
    strict = {"intercept": 0.0, "cover": 1.0, "threshold": 0.75}
    declined = answer("谁主持?", [HIT], [EVERYTHING], strict)
    assert (declined.answered, declined.confidence) == (False, pytest.approx(1 / (1 + exp(-1))))
    assert answer("谁主持?", [HIT], [EVERYTHING], strict | {"threshold": 0.7}).answered


def test_a_declined_question_keeps_its_near_misses_but_shows_no_evidence() -> None:
    declined = answer("谁?", [replace(HIT, span=WORDS)], [NOTHING])
    assert (declined.answered, declined.evidence, declined.span) == (False, None, None)
    assert declined.hits[0].span == WORDS
    assert declined.confidence < 0.2


def test_what_has_nothing_to_do_with_the_question_is_declined_unless_the_reader_takes_it_or_it_lies_near() -> None:
    beside = {**EVERYTHING, "late": 0.3, "dense": 0.05, "score": 99.0, "joint": 0.0, "far": 1.0}
    declined = answer("谁主持?", [HIT], [beside])
    assert (declined.answered, declined.confidence) == (False, pytest.approx(shipped_weights()["threshold"] / 2))
    assert answer("谁主持?", [HIT], [{**beside, "late": 0.32}]).answered
    assert answer("谁主持?", [HIT], [{**beside, "translated": 0.3, "found": 0.1}]).answered
    assert not answer("谁主持?", [HIT], [{**beside, "translated": 0.3, "found": 0.01}]).answered
    assert answer("谁主持?", [HIT], [{**beside, "joint": 0.1}]).answered
    assert answer("谁主持?", [HIT], [{**beside, "alike": 0.33}]).answered
    assert not answer("谁主持?", [HIT], [{**beside, "alike": 0.31}]).answered


def test_different_answers_of_several_documents_are_all_given() -> None:
    hits = [hit_in("a", "甲"), hit_in("b", "乙", 2), hit_in("c", " 甲", 3), hit_in("b", "丙", 4)]
    assert findings(hits, [EVERYTHING] * 4) == (Finding("甲", "a", 0, 1, ("c",)), Finding("乙", "b", 0, 1))


def test_documents_that_agree_give_one_answer() -> None:
    assert findings([hit_in("a", "甲"), hit_in("b", "甲", 2)], [EVERYTHING] * 2) == ()


def test_a_document_that_the_question_does_not_name_is_left_out() -> None:
    hits = [hit_in("a", "甲"), hit_in("b", "乙", 2), hit_in("c", None, 3)]
    assert findings(hits, [EVERYTHING, {**EVERYTHING, "cover_document": 0.8}, EVERYTHING]) == ()


def test_words_that_are_as_likely_wrong_are_not_set_beside_others() -> None:
    hits = [hit_in("a", "甲"), hit_in("b", "乙", 2)]
    assert findings(hits, [EVERYTHING, {**EVERYTHING, "sure": 0.4}]) == ()


@pytest.mark.parametrize("signals", [NOTHING, EVERYTHING, {"unknown": 9.0}, {"cover": 1e9}, {"cover": -1e9}])
def test_confidence_is_a_probability(signals: dict[str, float]) -> None:
    assert 0 <= confidence(signals) <= 1


@pytest.mark.parametrize("name", ["year", "number", "organisation"])
def test_what_a_question_names_and_the_document_lacks_makes_unsure(name: str) -> None:
    assert confidence({**EVERYTHING, name: 1.0}) < confidence({**EVERYTHING, name: 0.5}) < confidence(EVERYTHING)
