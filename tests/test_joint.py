import threading
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from qa.joint import JointReader, Reading, shipped_joint_reader
from qa.packer import Shown
from qa.text import simplify

CHAIRED = "谁主持了大会?"
ANSWERS = "大会由党委副书记、纪委书记柴建军主持。"
BESIDE = "参加大会的有职工代表、特邀代表和列席代表。"


def shown(text: str, heading: str = "", sentence: tuple[int, int] | None = None) -> Shown:
    return Shown(heading, text, sentence or (0, len(text)))


def scores(question: str, *passages: Shown) -> list[float]:
    return [reading.score for reading in shipped_joint_reader().read(question, passages)]


@pytest.mark.parametrize(
    "question",
    [
        CHAIRED,
        "誰主持了大會?",
        "Who chaired the congress?",
        "¿Quién presidió el congreso?",
        "誰が大会を主宰しましたか?",
    ],
)
def test_the_passage_that_answers_is_told_from_one_about_the_same(question: str) -> None:
    answers, beside = scores(question, shown(ANSWERS), shown(BESIDE))
    assert answers > beside


def test_a_passage_is_read_as_if_there_were_no_others() -> None:
    passages = shown(BESIDE), shown(ANSWERS), shown("", "标题")
    assert scores(CHAIRED, *passages) == [scores(CHAIRED, one)[0] for one in passages]
    assert scores(CHAIRED) == []


def test_who_announced_a_list_is_known_of_its_items() -> None:
    asked, item = "谁要求把医院建成区域中心?", "二是加快发展步伐,把医院建成区域医疗中心。"
    alone, announced = scores(asked, shown(item, "大会"), shown(item, "大会\n党委书记王明提出三点要求。"))
    assert announced > alone + 1


def test_traditional_characters_read_as_simplified() -> None:
    assert simplify("誰主持了大會") == "谁主持了大会"
    assert scores("誰主持了大會?", shown(ANSWERS)) == scores("谁主持了大会?", shown(ANSWERS))


def test_two_windows_are_one_reading_in_which_the_better_counts_more() -> None:
    ends = np.array([[2, 0], [0, 2]], np.float32)
    left, right = Reading(-3.0, [(0, 2), (2, 4)], ends), Reading(1.0, [(3, 4), (4, 6), (6, 7)], np.ones((3, 2), "f4"))
    both = left.beside(right)
    assert (both.score, both.offsets) == (1.0, [(0, 2), (2, 4), (4, 6), (6, 7)])
    assert right.beside(left).offsets == [(0, 2), (3, 4), (4, 6), (6, 7)]
    chances = np.exp(both.ends)
    np.testing.assert_allclose(chances[:2].sum(axis=0), 1 / (1 + np.exp(3)), rtol=1e-5)
    np.testing.assert_allclose(chances[2:], 1 / (1 + np.exp(-1)) / 3, rtol=1e-5)
    nothing = Reading(-9.0, [], np.zeros((0, 2), np.float32))
    assert nothing.beside(left) is left
    assert left.beside(nothing).offsets == left.offsets


def test_less_may_be_read_of_a_long_passage() -> None:
    text = BESIDE * 10 + ANSWERS + BESIDE * 10
    place = text.index(ANSWERS)
    one = shown(text, sentence=(place, place + len(ANSWERS)))
    long, short = shipped_joint_reader().read(CHAIRED, [one, replace(one, most=64)])
    assert (len(long.offsets), len(short.offsets)) == (128, 64)
    assert short.offsets[0][0] <= place < place + len(ANSWERS) <= short.offsets[-1][1]
    assert set(short.offsets) <= set(long.offsets)


@pytest.mark.parametrize("text", [ANSWERS, "前" * 400 + ANSWERS + "后" * 400, f"大會由 {ANSWERS[10:]}"])
def test_the_words_that_answer_begin_and_end_where_it_says(text: str) -> None:
    place = text.index("柴建军")
    (reading,) = shipped_joint_reader().read(CHAIRED, [shown(text, sentence=(place, place + 3))])
    assert reading.ends.shape == (len(reading.offsets), 2)
    first, last = reading.ends.argmax(axis=0)
    assert text[reading.offsets[first][0] : reading.offsets[last][1]] == "柴建军"


@pytest.mark.parametrize("text", ["", " ", "\x00\ufeff", "🙂" * 300, "\u0301" * 50, "a" * 5000])
def test_any_text_can_be_read(text: str) -> None:
    for reading in shipped_joint_reader().read(text, [shown(text, text), shown(ANSWERS)]):
        assert np.isfinite(reading.score)
        assert np.isfinite(reading.ends).all()
        assert len(reading.ends) == len(reading.offsets)


@pytest.mark.parametrize(
    "question",
    [
        CHAIRED,
        "Who chaired the congress?",
        "¿Quién presidió el congreso?",
        "Кто вёл собрание?",
        "من ترأس المؤتمر؟",
    ],
)
def test_a_passage_on_the_same_lies_nearer_than_one_on_something_else(question: str) -> None:
    answers, other = shipped_joint_reader().alike(question, [shown(ANSWERS), shown("今天食堂供应红烧肉。")])
    assert 1 > answers > other + 0.05 > -1


def test_vectors_too_tell_the_passage_that_answers() -> None:
    for question in (CHAIRED, "Who chaired the congress?"):
        answers, beside = shipped_joint_reader().alike(question, [shown(ANSWERS), shown(BESIDE)])
        assert answers > beside


@pytest.mark.parametrize("text", ["", "\x00\ufeff", "🙂" * 300])
def test_any_text_has_a_vector(text: str) -> None:
    assert np.isfinite(shipped_joint_reader().alike(text, [shown(text, text)])).all()


def test_many_threads_read_the_same() -> None:
    wanted = scores(CHAIRED, shown(ANSWERS), shown(BESIDE))
    found: list[list[float]] = []
    threads = [
        threading.Thread(target=lambda: found.append(scores(CHAIRED, shown(ANSWERS), shown(BESIDE)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 8


def test_rounding_to_eight_bits_changes_little(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = CHAIRED, "Who chaired the congress?", "谁缺席了?"
    passages = shown(ANSWERS, "大会"), shown(BESIDE), shown("今天食堂供应红烧肉。" * 20)

    def told(reader: JointReader) -> tuple[np.ndarray, np.ndarray]:
        scores = [reading.score for question in asked for reading in reader.read(question, passages)]
        return np.array(scores), np.array([reader.alike(question, passages) for question in asked])

    rounded = told(JointReader.load())
    monkeypatch.setattr("qa.stack._torch", cache(lambda: None))
    monkeypatch.setattr("qa.bert.Linear", lambda weights, bias: lambda rows: rows @ weights + bias)
    exact = told(JointReader.load())
    assert 0 < np.abs(rounded[0] - exact[0]).max() < 0.5 < np.ptp(exact[0]) / 10
    assert 0 < np.abs(rounded[1] - exact[1]).max() < 0.02 < np.ptp(exact[1]) / 10
