from math import exp

import pytest

from qa.answer import answer, confidence
from qa.rank import FEATURES
from qa.records import Document, Evidence, Hit, Passage, Span

DOCUMENT = Document("d", "t", "甲主持。")
EVIDENCE = Evidence("d", 0, 4, "甲主持。")
HIT = Hit(1, 1.0, Passage("d#0-4", "d", 0, 4, "甲主持。"), DOCUMENT, 0.5, 2.0, EVIDENCE)
NOTHING = dict.fromkeys(FEATURES, 0.0)
EVERYTHING = {**dict.fromkeys(FEATURES, 1.0), "answer": 6.0}
WORDS = Span(0, 1, "甲")


def test_no_hits_is_a_plain_no() -> None:
    declined = answer("谁?", [], {})
    assert (declined.answered, declined.confidence, declined.hits, declined.evidence) == (False, 0.0, (), None)


def test_a_sure_hit_is_answered_with_its_evidence() -> None:
    given = answer("谁主持?", [HIT], EVERYTHING)
    assert (given.answered, given.evidence, given.hits) == (True, EVIDENCE, (HIT,))
    assert given.confidence > 0.7


def test_other_weights_decide_otherwise() -> None:
    strict = {"intercept": 0.0, "cover": 1.0, "threshold": 0.75}
    declined = answer("谁主持?", [HIT], EVERYTHING, weights=strict)
    assert (declined.answered, declined.confidence) == (False, pytest.approx(1 / (1 + exp(-1))))
    assert answer("谁主持?", [HIT], EVERYTHING, weights=strict | {"threshold": 0.7}).answered


def test_words_are_shown_only_when_they_are_likely_right() -> None:
    assert answer("谁主持?", [HIT], EVERYTHING, WORDS, 0.9).span == WORDS
    assert answer("谁主持?", [HIT], EVERYTHING, WORDS, 0.1).span is None
    assert answer("谁?", [HIT], NOTHING, WORDS, 0.9).span is None


def test_a_declined_question_keeps_its_near_misses_but_shows_no_evidence() -> None:
    declined = answer("谁?", [HIT], NOTHING)
    assert (declined.answered, declined.evidence, declined.hits) == (False, None, (HIT,))
    assert declined.confidence < 0.2


@pytest.mark.parametrize("signals", [NOTHING, EVERYTHING, {"unknown": 9.0}, {"cover": 1e9}, {"cover": -1e9}])
def test_confidence_is_a_probability(signals: dict[str, float]) -> None:
    assert 0 <= confidence(signals) <= 1
