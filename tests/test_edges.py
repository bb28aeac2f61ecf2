"""Where the words of an answer begin and end: which spans are looked at, what is seen of them, and what is chosen."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qa.compare import Alphabet, ask, compare, tell
from qa.edges import CLAUSES, LIKELIEST, REACH, Edges, Sentence, characters, features, kinds, shipped_edges, spans_of
from qa.joint import shipped_joint_reader
from qa.packer import Shown
from qa.reader import LONGEST, shipped_reader
from qa.span import likely_ends, read_spans
from qa.text import fold, sentences

KNOWN = Alphabet({character: n for n, character in enumerate("大会由主持", 1)}, np.array([2, 1, 1, 1, 1, 1], "f4"))


def sentence(text: str, best: str = "", question: str = "大会由谁主持?") -> Sentence:
    """Return a sentence in which both readers like some words best, and all others equally."""
    scores, ends = np.zeros((len(text), len(text)), np.float32), np.full((len(text), 2), -1, np.float32)
    if best:
        first = text.index(best)
        scores[first, first + len(best) - 1] = 5
    return Sentence(text, compare(ask(question, KNOWN), tell(text, KNOWN)), scores, ends)


def looked_at(text: str, best: str = "", chosen: tuple[int, int] = (0, 0)) -> list[str]:
    return [text[first : last + 1] for first, last in spans_of(sentence(text, best), chosen).places.tolist()]


def test_the_chosen_span_is_looked_at_and_each_only_once() -> None:
    found = looked_at("大会由柴建军主持,共500人", chosen=(3, 5))
    assert "柴建军" in found
    assert len(found) == len(set(found))


def test_clauses_are_looked_at_however_unlikely() -> None:
    text = "柴建军主持了这一天上午召开的大会,张抒扬作了报告"
    assert {"柴建军主持了这一天上午召开的大会", "张抒扬作了报告", text} <= set(looked_at(text, "柴建军"))


def test_no_span_cuts_a_word_a_number_or_a_pair_of_quotes() -> None:
    found = looked_at("ab 12%,由《大会》主持")
    for part in ("b", "1", "2%", "《大", "会》", "由《大会", ",由", "%,"):
        assert part not in found
    assert {"ab", "12%", "由《大会》主持", "《大会》"} <= set(found)


def test_a_clause_may_be_longer_than_what_the_character_reader_scores() -> None:
    text = "由" * (LONGEST + 20) + "," + "会" * (REACH + 1)
    found = looked_at(text)
    assert "由" * (LONGEST + 20) in found
    assert max(map(len, found)) <= REACH
    assert len(found) <= 1 + LIKELIEST + CLAUSES


def test_a_long_span_scores_the_same_as_a_short_one_would() -> None:
    reader = shipped_reader()
    text = "会议要求全院职工进一步提高政治站位," * 5
    asked, told = ask("会议有什么要求?", reader.alphabet), tell(text, reader.alphabet)
    scores = reader.read(asked, told, compare(asked, told))
    within = scores.within(10, 70)
    assert within.shape == (60, 60)
    np.testing.assert_allclose(within[3, 3:30], scores.spans[13, :27])
    assert (within[np.tril_indices(60, -1)] <= -1e4).all()
    made = scores.ends[10, 0] + scores.ends[69, 1] + scores.first[10] @ scores.last[69] + scores.long
    assert within[0, 59] == pytest.approx(made, abs=1e-4)


def test_a_sentence_scores_the_sum_of_all_spans_that_may_be_the_answer() -> None:
    text = "大会由柴建军主持,共500人"
    one = sentence(text, "柴建军")
    spans = [(a, b) for a in range(len(text)) for b in range(a, len(text)) if text[a] != "," != text[b]]
    whole = [(a, b) for a, b in spans if not {a - 1, b} & {10, 11}]  # 500 is not cut
    expected = np.log(sum(np.exp(float(one.scores[a, b]) - 2) for a, b in whole))
    assert one.sum() == pytest.approx(expected, abs=1e-4)
    assert sentence(",").sum() < -1e3


def test_what_is_seen_of_a_span() -> None:
    shown = sentence("大会、由柴建军主持,好", "柴建军")
    spans = spans_of(shown, (4, 6))
    at = spans.places.tolist().index([4, 6])
    seen = features(shown, spans, (4, 6))
    assert seen[at, :3].tolist() == [0, 0, 0]  # as likely as any for both readers
    assert seen[at, 5] == pytest.approx(np.log(3))
    assert seen[at, -1] == 1
    assert seen[:, -1].sum() == 1
    assert characters(shown.text, spans.places)[at] == ("由", "柴", "柴建", "军", "主")
    whole = spans.places.tolist().index([0, 8])
    assert seen[whole, 0] == -5
    assert characters(shown.text, spans.places)[whole] == (" ", "大", "大会", "持", ",")


def test_the_kinds_of_a_question() -> None:
    assert kinds(ask("什么是医联体?", KNOWN))[-2:].tolist() == [1, 0]
    assert kinds(ask("有哪些要求?", KNOWN))[-2:].tolist() == [0, 1]


def test_the_network_takes_the_span_that_it_likes_best() -> None:
    shown = sentence("由柴建军主持", "柴建军")
    width = features(shown, spans_of(shown, (0, 0)), (0, 0)).shape[1]
    weights = {
        "features": np.zeros((width, 1), "f4"), "kinds": np.zeros((10, 1), "f4"), "bias": np.zeros(1, "f4"),
        "characters": np.array([[0], [2], [1]], "f4"), "out": np.ones(1, "f4"),
    }  # fmt: skip
    known = [{}, {"柴": 1}, {}, {"军": 2}, {}]
    assert Edges(known, weights).best(ask("大会由谁主持?", KNOWN), shown, (0, 0)) == (1, 3)


@pytest.mark.parametrize(
    ("question", "passage", "words"),
    [
        ("会议在哪里召开?", "3月20日上午,医院年度工作会议在学术会堂召开,院领导出席。", "学术会堂"),
        ("医院为什么推迟搬迁?", "由于新大楼的消防验收没有通过,医院决定推迟搬迁。", "由于新大楼的消防验收没有通过"),
    ],
)
def test_a_fact_is_a_few_words_and_a_reason_a_clause(question: str, passage: str, words: str) -> None:
    (read,) = read_spans(question, [passage], readings=_read(question, passage))
    assert read.span is not None
    assert passage[slice(*read.span)] == words


def _read(question: str, passage: str):
    return shipped_joint_reader().read(question, [Shown("", passage, (0, len(passage)))])


@settings(max_examples=40, deadline=None)
@given(
    st.text(alphabet="为什么会议推迟由谁3月.,、“”", max_size=30),
    st.text(alphabet="会议由3月《》“”,、。推迟㈱ﬁABc \n", max_size=120),
)
@example("3", "《。》")
def test_the_words_lie_in_one_sentence_and_begin_and_end_with_no_blank(question: str, passage: str) -> None:
    (read,) = read_spans(question, [passage], readings=_read(question, passage))
    if read.span is not None:
        words = passage[slice(*read.span)]
        assert words == words.strip() != ""
        assert not any(read.span[0] < start < read.span[1] for start, _ in sentences(passage))


def test_a_sentence_is_chosen_from_alike_alone_and_among_others() -> None:
    question, passages = "为什么推迟搬迁?", ["由于验收没有通过,医院推迟搬迁。", "医院决定推迟搬迁。", "验收没有通过。"]
    readings = shipped_joint_reader().read(question, [Shown("", text, (0, len(text))) for text in passages])
    together = read_spans(question, passages, readings=readings)
    alone = [read_spans(question, [text], readings=[one])[0] for text, one in zip(passages, readings, strict=True)]
    assert [read.span for read in together] == [read.span for read in alone]


def test_the_ends_of_the_joint_reader_are_those_of_the_sentence() -> None:
    reader = shipped_reader()
    told = tell("大会由柴建军主持。", reader.alphabet)
    ends = likely_ends(told, _read("大会由谁主持?", "大会由柴建军主持。"))
    assert ends.shape == (len(fold("大会由柴建军主持。")), 2)
    assert ends[:, 0].argmax() == 3


def test_the_shipped_network_is_small_and_holds_no_pickle() -> None:
    assert shipped_edges() is shipped_edges()
    assert sum(value.size for value in shipped_edges()._weights.values()) < 50_000
