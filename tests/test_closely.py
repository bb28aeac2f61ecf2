from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qa.closely import ANSWERS as ANSWERS_FROM
from qa.closely import FAR, FAR_OFF, HOPELESS, MARGIN, MOST_READ, NEAR_BY, read_closely
from qa.embed import Encoder, TokenEncoder
from qa.joint import Reading, shipped_joint_reader
from qa.packer import Shown
from qa.rank import Candidate, Ranked
from qa.records import Passage

CHAIRED = "谁主持了大会?"
ANSWERS = "参会人员热烈鼓掌。大会由党委副书记、纪委书记柴建军主持,张力作报告。"
NOTHING = np.zeros((0, 2), np.float32)


def ranked(row: int, score: float, text: str = "") -> Ranked:
    passage = Passage(f"p{row}", f"d{row}", 0, 2, text or f"t{row}")
    return Ranked(Candidate(row, passage, f"h{row}", 0.0, 0.0), score, (0, 2), {"cover": 1.0})


class Judge:
    """Gives the scores that it was made with, by text, and marks the ends of an answer; remembers what it was shown.

    Cosines are made with too; they are 0 where not.
    """

    def __init__(self, answer: str = "", cosines: dict[str, float] | None = None, **scores: float) -> None:
        self.answer = answer
        self.scores = scores
        self.cosines = cosines or {}
        self.shown: list[Shown] = []
        self.compared: list[str] = []

    def alike(self, question: str, passages: Sequence[Shown]) -> list[float]:
        self.compared += [one.text for one in passages]
        return [self.cosines.get(one.text, 0.0) for one in passages]

    def read(self, question: str, passages: Sequence[Shown]) -> list[Reading]:
        self.shown += passages
        return [self.reading(one) for one in passages]

    def reading(self, shown: Shown) -> Reading:
        score = self.scores.get(shown.text, 0.0)
        if not self.answer or self.answer not in shown.text:
            return Reading(score, [], NOTHING)
        ends = np.zeros((len(shown.text), 2), np.float32)
        start = shown.text.index(self.answer)
        ends[start, 0] = ends[start + len(self.answer) - 1, 1] = 20
        return Reading(score, [(n, n + 1) for n in range(len(shown.text))], ends)


def no_tokens(texts: Sequence[str]) -> None:
    raise AssertionError("the question is Chinese")


def closely(judge: Judge, *items: Ranked, weight: float = 1.0, question: str = "谁?") -> list[Ranked]:
    return read_closely(question, items, judge, no_tokens, weight)  # type: ignore[arg-type]


def read(judge: Judge, *items: Ranked, weight: float = 1.0) -> list[tuple[int, float]]:
    return [(item.candidate.row, round(item.score, 6)) for item in closely(judge, *items, weight=weight)]


def test_the_best_of_passages_that_stand_close_comes_first_and_the_rest_stay() -> None:
    judge = Judge(t0=-1.0, t1=2.0, t2=0.5)
    assert read(judge, ranked(0, 5.0), ranked(1, 4.5), ranked(2, 4.0)) == [(1, 5.0), (2, 4.5), (0, 4.0)]
    assert judge.shown == [Shown(f"h{n}", f"t{n}", (0, 2)) for n in range(3)]


def test_the_ranking_counts_beside_the_judge() -> None:
    items = [ranked(0, 5.0), ranked(1, 4.0)]
    assert read(Judge(t0=0.0, t1=1.5), *items, weight=0.5) == [(0, 5.0), (1, 4.0)]
    assert read(Judge(t0=0.0, t1=2.5), *items, weight=0.5) == [(1, 5.0), (0, 4.0)]


def test_vectors_say_which_of_those_that_stand_close_are_read() -> None:
    items = [ranked(n, 5.0 - n / 4) for n in range(NEAR_BY.most + 1)]
    cosines = {f"t{n}": n / 10 for n in range(NEAR_BY.most + 1)}
    judge = Judge(cosines=cosines)
    done = closely(judge, *items)
    assert judge.compared == [f"t{n}" for n in range(NEAR_BY.most)]
    assert [one.text for one in judge.shown] == ["t9", "t8", "t7"]
    assert [item.candidate.row for item in done] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 10]
    assert [item.score for item in done] == [item.score for item in items]


def test_what_the_vectors_put_far_behind_is_not_read() -> None:
    lead = MARGIN + 0.5
    judge = Judge(cosines={"t1": lead / NEAR_BY.alike}, t0=5.0)
    assert read(judge, ranked(0, 5.0), ranked(1, 4.9)) == [(1, 5.0), (0, 4.9)]
    assert [one.text for one in judge.shown] == ["t1"]


def test_without_a_weight_the_order_stays_and_words_are_read() -> None:
    judge = Judge("柴建军", cosines={"t1": 0.75}, t1=5.0)
    items = [ranked(0, 5.0, ANSWERS), ranked(1, 4.9)]
    done = closely(judge, *items, weight=0.0)
    assert [(item.candidate.row, item.score) for item in done] == [(0, 5.0), (1, 4.9)]
    assert done[0].span is not None
    assert [item.features["alike"] for item in done] == [0.0, 0.75]


def test_of_a_clear_lead_only_the_first_is_read() -> None:
    judge = Judge(t0=-9.0, t1=9.0)
    clear = [(0, 5.0), (1, 5.0 - NEAR_BY.margin - 0.01)]
    assert read(judge, *(ranked(*one) for one in clear)) == clear
    assert [one.text for one in judge.shown] == judge.compared == ["t0"]
    assert read(judge) == []


def test_only_the_first_few_are_read() -> None:
    judge = Judge(**{f"t{n}": float(n) for n in range(9)})
    items = [ranked(n, 5.0 - n / 10) for n in range(MOST_READ + 2)]
    done = closely(judge, *items)
    assert [item.candidate.row for item in done] == [3, 2, 1, 0, 4, 5]
    assert [item.features.get("joint") for item in done] == [3.0, 2.0, 1.0, 0.0, None, None]
    assert len(judge.shown) == MOST_READ


def test_more_is_compared_of_a_question_in_other_words_than_the_pages() -> None:
    items = [ranked(n, 5.0 - n / 8) for n in range(FAR_OFF.most + 2)]
    far = [replace(item, features={**item.features, "reach": FAR - 0.01}) for item in items]
    last = FAR_OFF.most - 1
    judge = Judge(cosines={f"t{last}": 0.99, f"t{last + 1}": 1.0}, t0=1.0)
    assert [item.candidate.row for item in closely(judge, *far)[:3]] == [last, 0, 1]
    assert judge.compared == [f"t{n}" for n in range(FAR_OFF.most)]
    assert [one.text for one in judge.shown] == [f"t{last}"]
    wide = [replace(item, score=5.0 - n * 0.7 * FAR_OFF.margin) for n, item in enumerate(far)]
    near = Judge(cosines={"t1": 1.0, "t2": 1.0})
    assert [item.candidate.row for item in closely(near, *wide)[:3]] == [1, 0, 2]


def test_the_judge_is_trusted_less_on_a_question_in_other_words_than_the_pages() -> None:
    items = [ranked(0, 5.0), ranked(1, 4.0)]
    assert [item.candidate.row for item in closely(Judge(t1=1.2), *items)] == [1, 0]
    far = [replace(item, features={**item.features, "reach": FAR - 0.01}) for item in items]
    assert [item.candidate.row for item in closely(Judge(t1=1.2), *far)] == [0, 1]
    assert [item.candidate.row for item in closely(Judge(t1=1.2 / FAR_OFF.trust), *far)] == [1, 0]


def test_the_judge_is_trusted_only_so_far() -> None:
    items = [ranked(0, 5.0), ranked(1, 4.0)]
    assert read(Judge(t0=6.0, t1=90.0), *items) == [(0, 5.0), (1, 4.0)]


def test_ties_keep_the_order() -> None:
    assert [row for row, _ in read(Judge(), ranked(7, 1.0), ranked(3, 1.0))] == [7, 3]


def test_the_words_that_answer_are_those_that_both_readers_find() -> None:
    texts = [ANSWERS, ANSWERS.replace("柴建军", "皮罗冉")]
    for answer in ("柴建军", "张力"):
        sure, other = closely(Judge(answer, **{ANSWERS: 4.0}), *(ranked(n, 5.0, text) for n, text in enumerate(texts)))
        assert sure.span is not None
        assert ANSWERS[slice(*sure.span)] == answer
        assert sure.sure == sure.features["sure"]
        assert ANSWERS[slice(*sure.sentence)].startswith("大会由")
        if answer == "柴建军":
            assert sure.sure > other.sure


def test_both_readers_read_a_question_of_another_script(encoder: Encoder) -> None:
    assert isinstance(encoder, TokenEncoder)
    [item] = read_closely("Who?", [ranked(0, 5.0, ANSWERS)], Judge("张力"), encoder.encode_tokens, 1.0)
    assert item.span is not None
    assert ANSWERS[slice(*item.span)] == "张力"


def test_an_answer_beyond_the_first_window_is_found() -> None:
    text = "参加大会的有职工代表、特邀代表和列席代表。" * 12 + ANSWERS
    [item] = read_closely(CHAIRED, [ranked(0, 5.0, text)], shipped_joint_reader(), no_tokens, 1.0)  # type: ignore[arg-type]
    assert item.span is not None
    assert text[slice(*item.span)] == "柴建军"
    assert text[slice(*item.sentence)] == "大会由党委副书记、纪委书记柴建军主持,张力作报告。"
    assert item.features["joint"] > ANSWERS_FROM


class Narrow(Judge):
    """Reads no more than 128 characters, around the sentence."""

    def read(self, question: str, passages: Sequence[Shown]) -> list[Reading]:
        self.shown += passages
        found = []
        for one in passages:
            begin = max(0, min(one.sentence[0], len(one.text) - one.most))
            offsets = [(n, n + 1) for n in range(begin, min(len(one.text), begin + one.most))]
            found.append(Reading(self.scores.get(one.text, 0.0), offsets, np.zeros((len(offsets), 2), np.float32)))
        return found


def test_more_is_read_only_of_what_may_answer_and_does_not_yet() -> None:
    long = [ranked(n, 5.0, f"{n}年的工作。" * 40) for n in range(2)]
    texts = [item.candidate.text for item in long]

    def read_again(first: float, second: float) -> list[str]:
        judge = Narrow(**{texts[0]: first, texts[1]: second})
        closely(judge, *long, question="Who?")
        assert [one.text for one in judge.shown[:2]] == texts
        return [one.text for one in judge.shown[2:]]

    assert read_again(0.0, 0.0) == texts
    assert read_again(ANSWERS_FROM, 0.0) == read_again(0.0, ANSWERS_FROM) == []
    assert read_again(0.0, HOPELESS) == read_again(HOPELESS, HOPELESS) == texts[:1]
