from collections.abc import Sequence

from qa.closely import MARGIN, MOST_READ, read_closely
from qa.joint import Shown
from qa.rank import Candidate, Ranked


def ranked(row: int, score: float) -> Ranked:
    return Ranked(Candidate(row, f"d{row}", f"h{row}", f"t{row}", 0.0, 0.0), score, (0, 2), {})


class Judge:
    """Gives the scores that it was made with, by text; remembers what it was shown."""

    def __init__(self, **scores: float) -> None:
        self.scores = scores
        self.shown: list[Shown] = []

    def score(self, question: str, passages: Sequence[Shown]) -> list[float]:
        self.shown += passages
        return [self.scores.get(one.text, 0.0) for one in passages]


def read(judge: Judge, *items: Ranked, weight: float = 1.0) -> list[tuple[int, float]]:
    return [(item.candidate.row, round(item.score, 6)) for item in read_closely("?", items, judge, weight)]


def test_the_best_of_passages_that_stand_close_comes_first_and_the_rest_stay() -> None:
    judge = Judge(t0=-1.0, t1=2.0, t2=0.5)
    assert read(judge, ranked(0, 5.0), ranked(1, 4.5), ranked(2, 4.0)) == [(1, 5.0), (0, 5.0), (2, 4.0)]
    assert judge.shown == [Shown(f"h{n}", f"t{n}", (0, 2)) for n in range(3)]


def test_the_ranking_counts_beside_the_judge() -> None:
    items = [ranked(0, 5.0), ranked(1, 4.0)]
    assert read(Judge(t0=0.0, t1=1.5), *items, weight=0.5) == [(0, 5.0), (1, 4.0)]
    assert read(Judge(t0=0.0, t1=2.5), *items, weight=0.5) == [(1, 5.0), (0, 5.0)]


def test_a_clear_lead_is_not_read() -> None:
    judge = Judge(t0=-9.0, t1=9.0)
    clear = [(0, 5.0), (1, 5.0 - MARGIN - 0.01)]
    assert read(judge, *(ranked(*one) for one in clear)) == clear
    assert not judge.shown
    assert read(judge, ranked(0, 5.0)) == [(0, 5.0)]
    assert read(judge) == []


def test_only_the_first_few_are_read() -> None:
    judge = Judge(**{f"t{n}": float(n) for n in range(9)})
    items = [ranked(n, 5.0 - n / 10) for n in range(MOST_READ + 2)]
    assert [row for row, _ in read(judge, *items)] == [2, 0, 1, 3, 4]
    assert len(judge.shown) == MOST_READ


def test_the_judge_is_trusted_only_so_far() -> None:
    items = [ranked(0, 5.0), ranked(1, 4.0)]
    assert read(Judge(t0=6.0, t1=90.0), *items) == [(0, 5.0), (1, 4.0)]


def test_ties_keep_the_order() -> None:
    assert [row for row, _ in read(Judge(), ranked(7, 1.0), ranked(3, 1.0))] == [7, 3]
