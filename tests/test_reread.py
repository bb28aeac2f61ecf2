from dataclasses import replace

import pytest

from qa.embed import Encoder, TokenEncoder
from qa.rank import Candidate, Ranked, learned_weights
from qa.records import Passage
from qa.reread import READ_DEPTH, reread

CHAIRED = "谁主持了大会?"
ANSWERS = "大会由党委副书记、纪委书记柴建军主持。"
BESIDE = "参加大会的有职工代表、特邀代表和列席代表。"


def ranked(row: int, text: str, score: float) -> Ranked:
    passage = Passage(f"p{row}", f"d{row}", 0, len(text), text)
    return Ranked(Candidate(row, passage, "", 0.0, 0.0), score, (0, len(text)), {"cover": 0.5})


def read(encoder: Encoder, *items: Ranked, worth: float = 1.0, question: str = CHAIRED) -> list[Ranked]:
    assert isinstance(encoder, TokenEncoder)
    weights = replace(learned_weights(), answer_near=worth, answer_far=worth)
    return reread(question, items, encoder.encode_tokens, weights)


def test_a_passage_that_holds_the_answer_overtakes_one_that_only_shares_words(encoder: Encoder) -> None:
    first, second = read(encoder, ranked(0, BESIDE, 1.0), ranked(1, ANSWERS, 0.9))
    assert (first.candidate.row, second.candidate.row) == (1, 0)
    assert first.features["answer"] > second.features["answer"]
    assert first.features["sure"] == first.sure > second.sure
    assert first.span is not None
    assert ANSWERS[slice(*first.span)] == "柴建军"


@pytest.mark.parametrize(("worth", "question"), [(0.0, CHAIRED), (1.0, "柴建军主持大会")])
def test_without_worth_or_a_question_word_the_order_stays(encoder: Encoder, worth: float, question: str) -> None:
    order = read(encoder, ranked(0, BESIDE, 1.0), ranked(1, ANSWERS, 0.9), worth=worth, question=question)
    assert [(item.candidate.row, item.score) for item in order] == [(0, 1.0), (1, 0.9)]


def test_the_evidence_is_the_sentence_of_sure_words(encoder: Encoder) -> None:
    text = f"{BESIDE}{ANSWERS}"
    (item,) = read(encoder, replace(ranked(0, text, 1.0), sentence=(0, len(BESIDE))))
    assert text[slice(*item.sentence)] == ANSWERS


def test_what_is_not_read_follows_below(encoder: Encoder) -> None:
    items = [ranked(n, f"{BESIDE}{n}", 10.0 - n) for n in range(READ_DEPTH + 3)]
    order = read(encoder, *items)
    assert [item.candidate.row for item in order[READ_DEPTH:]] == [READ_DEPTH, READ_DEPTH + 1, READ_DEPTH + 2]
    assert all("answer" in item.features for item in order[:READ_DEPTH])
    assert [item.score for item in order] == sorted((item.score for item in order), reverse=True)


def test_nothing_ranked_is_nothing(encoder: Encoder) -> None:
    assert read(encoder) == []
