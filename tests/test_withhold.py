import hashlib
from pathlib import Path

import pytest

from qa.errors import InvalidQuestions
from qa.records import Document, Question, QuestionSet
from qa.withhold import withhold_gold

COUNT = 400
PATH = Path("set.json")
SET = QuestionSet(
    "squad",
    tuple(Question(f"q{n}", f"问{n}") for n in range(2 * COUNT)),
    (*(Document(f"p{n}", "", f"文{n}") for n in range(COUNT)), Document("unasked", "", "文")),
    {f"q{n}": {f"p{n // 2}": 1} for n in range(2 * COUNT)},
)


def below(identifier: str, share: float) -> bool:
    return int(hashlib.sha256(identifier.encode()).hexdigest()[:8], 16) / 2**32 < share


def test_a_passage_goes_by_the_hash_of_its_first_question_and_all_its_questions_with_it() -> None:
    got = withhold_gold(SET, 0.3, PATH)
    kept = [n for n in range(COUNT) if not below(f"q{2 * n}", 0.3)]
    assert [document.id for document in got.documents] == [*(f"p{n}" for n in kept), "unasked"]
    assert list(got.relevance) == [f"q{2 * n + m}" for n in kept for m in (0, 1)]
    assert got.questions == SET.questions
    assert 0.25 < 1 - len(kept) / COUNT < 0.35


def test_a_larger_share_takes_away_what_a_smaller_one_does() -> None:
    some, more = withhold_gold(SET, 0.3, PATH), withhold_gold(SET, 0.6, PATH)
    assert set(more.documents) < set(some.documents) < set(SET.documents)


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (1e-9, "keeps 800 of 800 answerable questions"),
        (1 - 1e-9, "keeps 0 of 800 answerable questions"),
        (0.0, "cannot lose a share of 0.0"),
        (1.0, "cannot lose a share of 1.0"),
    ],
)
def test_a_share_that_leaves_one_kind_of_question_is_refused(share: float, told: str) -> None:
    with pytest.raises(InvalidQuestions, match=rf"^InvalidQuestions: set\.json: {told}"):
        withhold_gold(SET, share, PATH)


def test_an_index_keeps_its_passages() -> None:
    with pytest.raises(InvalidQuestions, match=r"set\.json: .*leave --without-gold out"):
        withhold_gold(QuestionSet("jsonl", SET.questions), 0.5, PATH)


def test_a_question_that_keeps_a_right_passage_stays_answerable() -> None:
    name, other = (next(f"x{n}" for n in range(100) if below(f"x{n}", 0.5) is goes) for goes in (True, False))
    questions = (Question(other, "问"), Question(name, "问"), Question("last", "问"))
    relevance = {other: {"a": 2, "c": 0}, name: {"a": 1, "b": 1}, "last": {"b": 1, "c": 0}}
    got = withhold_gold(QuestionSet("beir", questions, tuple(Document(d, "", d) for d in "abc"), relevance), 0.5, PATH)
    assert [document.id for document in got.documents] == ["a", "c"]
    assert got.relevance == {other: {"a": 2, "c": 0}, name: {"a": 1}}
