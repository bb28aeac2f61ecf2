from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from qa.embed import Tokens, unit_rows
from qa.lexical import terms
from qa.rank import (
    FEATURES,
    SENTENCE_FEATURES,
    Candidate,
    Ranked,
    Weights,
    features,
    lacked,
    learned_weights,
    named_elsewhere,
    rank,
    shortlist,
    signals,
    spread,
)
from qa.records import Passage
from qa.translate import Translated
from qa.weigh import weigh

ONES = Weights(
    near=dict.fromkeys(FEATURES, 1.0),
    far=dict.fromkeys(FEATURES, 1.0),
    sentence=dict.fromkeys(SENTENCE_FEATURES, 1.0),
    answer_near=1.0,
    answer_far=1.0,
    joint=1.0,
    shortlist=1.0,
    spread=0.5,
)


def characters(texts: Sequence[str]) -> Tokens:
    """A readable stand-in for token vectors: each character is a direction of its own, with weight 1."""
    distinct = sorted(set("".join(texts)))
    ids = [distinct.index(character) for text in texts for character in text]
    table = unit_rows(
        np.array([[ord(c) >> bit & 1 for bit in range(17)] for c in distinct], np.float32).reshape(-1, 17)
    )
    ones = np.ones(len(distinct), np.float32)
    return Tokens(np.array(ids, np.int64), np.cumsum([0, *map(len, texts)]), table, ones, ones)


def candidate(
    row: int, text: str, heading: str = "", document: str = "", dense: float = 0, lexical: float = 0
) -> Candidate:
    return Candidate(row, Passage(f"p{row}", document or f"d{row}", 0, len(text), text), heading, dense, lexical)


def weighed(question: str, n: int = 100):
    distinct = list(dict.fromkeys(terms(question)))
    return weigh(distinct, [1] * len(distinct), n)


def feature(question: str, candidates: list[Candidate], name: str) -> list[float]:
    matrix, _ = features(question, weighed(question), candidates, characters, ONES.sentence)
    return matrix[:, FEATURES.index(name)].tolist()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("cover", [1, 0]), ("cover_sentence", [1, 0]), ("cover_alone", [0, 0]), ("cover_document", [1, 0])],
)
def test_a_heading_counts_for_the_passages_and_sentences_below_it(name: str, expected: list[float]) -> None:
    both = [candidate(0, "主持", heading="大会"), candidate(1, "主持", heading="别的")]
    assert feature("大会", both, name) == expected
    assert feature("主持", both, name) == [1, 1]


def test_kind_is_what_the_best_sentence_holds_of_what_is_asked() -> None:
    both = [candidate(0, "共有500余人参会。"), candidate(1, "全体人员参会。")]
    assert feature("多少人参会", both, "kind_sentence") == [1, 0]
    assert feature("为什么参会", both, "kind_sentence") == [0, 0]


def test_brief_favours_the_shorter() -> None:
    found = feature("甲", [candidate(0, "甲"), candidate(1, "甲" * 100), candidate(2, "甲" * 5000)], "brief")
    assert found[0] > found[1] > found[2] == 0


def test_weights_are_mixed_by_how_much_of_the_question_the_collection_holds() -> None:
    far = replace(ONES, near={**ONES.near, "dense": 0.0}, far={**ONES.far, "dense": 10.0})
    two = [candidate(0, "主持", dense=0.0), candidate(1, "别的", dense=0.9)]
    assert rank("主持", weighed("主持"), two, characters, far)[0].candidate.row == 0
    assert rank("chaired", weighed("chaired"), two, characters, far)[0].candidate.row == 1


def test_cover_is_a_share_of_term_weight() -> None:
    question = weigh(["主", "持"], [0, 50], 100)
    matrix, _ = features("主持", question, [candidate(0, "主")], characters, ONES.sentence)
    assert matrix[0, FEATURES.index("cover")] == pytest.approx(question.idf[0] / question.idf.sum())


def test_cover_document_joins_the_candidates_of_a_document() -> None:
    three = [candidate(0, "甲", document="x"), candidate(1, "乙", document="x"), candidate(2, "乙", document="y")]
    assert feature("甲乙", three, "cover_document") == pytest.approx([2 / 3, 2 / 3, 1 / 3])


def test_late_is_one_for_the_question_itself_and_uses_the_heading() -> None:
    assert feature("主持", [candidate(0, "主持"), candidate(1, "主", heading="持")], "late") == pytest.approx([1, 1])


def test_late_sentence_is_of_the_best_sentence_alone() -> None:
    found = feature("主持", [candidate(0, "主。持。"), candidate(1, "主持。无。")], "late_sentence")
    assert found[1] == pytest.approx(1)
    assert found[0] < 0.95


def test_lexical_is_a_share_of_the_most_it_could_be() -> None:
    question = weighed("主持")
    most = 2.2 * float(question.idf.sum())
    assert feature("主持", [candidate(0, "主", lexical=most / 2)], "lexical") == [pytest.approx(0.5)]


def test_the_best_sentence_is_found_at_its_place() -> None:
    text = "会议召开了。大会由柴建军主持。大家鼓掌。"
    [best] = rank("谁主持", weighed("谁主持"), [candidate(0, text)], characters, ONES)
    start, end = best.sentence
    assert text[start:end] == "大会由柴建军主持。"


def test_rank_sorts_by_the_weighted_sum_and_ties_keep_row_order() -> None:
    four = [candidate(n, "同样", dense=dense) for n, dense in enumerate([0.1, 0.9, 0.1, 0.5])]
    ranked = rank("问", weighed("问"), four, characters, ONES)
    assert [item.candidate.row for item in ranked] == [1, 3, 0, 2]
    for item in ranked:
        assert item.score == pytest.approx(sum(item.features[name] for name in FEATURES))


def test_nothing_to_rank_is_nothing() -> None:
    assert rank("问", weighed("问"), [], characters, ONES) == []


@pytest.mark.parametrize("question", ["?", "\u200b", "x"])
def test_a_question_without_words_still_ranks(question: str) -> None:
    ranked = rank(question, weighed(question), [candidate(0, "甲"), candidate(1, "。")], characters, ONES)
    assert all(np.isfinite(item.score) for item in ranked)
    assert len(ranked) == 2


def test_the_shortlist_keeps_what_either_leg_likes() -> None:
    question = weighed("主持")
    most = 2.2 * float(question.idf.sum())
    three = [candidate(0, "", dense=0.9), candidate(1, "", dense=0.2), candidate(2, "", lexical=most * 0.8)]
    assert [item.row for item in shortlist(question, three, 2, 1.0)] == [0, 2]


def ranked(document: str, score: float) -> Ranked:
    return Ranked(candidate(0, "", document=document), score, (0, 0), {})


def test_one_passage_of_each_document_before_a_second_of_any() -> None:
    order = spread([ranked("a", 1.0), ranked("a", 0.9), ranked("b", 0.8), ranked("c", 0.7)], 0.5)
    assert [(item.candidate.document_id, item.score) for item in order] == [
        ("a", 1.0),
        ("b", 0.8),
        ("c", 0.7),
        ("a", 0.9),
    ]


def test_a_second_passage_that_is_far_better_stays_ahead() -> None:
    order = spread([ranked("a", 3.0), ranked("a", 2.9), ranked("b", 0.8)], 0.5)
    assert [item.score for item in order] == [3.0, 2.9, 0.8]


@pytest.mark.parametrize(("sure", "scores"), [(0.9, [3.0, 1.0, 2.9]), (0.1, [3.0, 2.9, 1.0])])
def test_a_document_that_has_given_its_answer_waits(sure: float, scores: list[float]) -> None:
    first = replace(ranked("a", 3.0), sure=sure)
    order = spread([first, ranked("a", 2.9), ranked("b", 1.0)], 0.5)
    assert [item.score for item in order] == scores


def test_every_feature_has_a_learned_weight() -> None:
    assert learned_weights().near.keys() == learned_weights().far.keys() == set(FEATURES)
    assert learned_weights().sentence.keys() == set(SENTENCE_FEATURES)


def test_a_term_that_stands_nowhere_counts_where_something_sounds_alike() -> None:
    three = [candidate(0, "乐爱平作报告"), candidate(1, "报告"), candidate(2, "南昌")]
    misspelt, latin, known = (weigh([term], [df], 100) for term, df in (("爱萍", 0), ("nanchang", 0), ("爱萍", 3)))
    column = FEATURES.index("cover")
    for question, covers in ((misspelt, [0.7, 0, 0]), (latin, [0, 0, 0.7]), (known, [0, 0, 0])):
        matrix, _ = features("爱萍", question, three, characters, ONES.sentence)
        assert matrix[:, column].tolist() == pytest.approx(covers)


def test_a_translated_word_counts_where_its_translations_stand() -> None:
    hosted = Translated("hosted", (("主持", 0.75), ("主办", 0.25)))
    question = weigh(["hosted", "2023"], [0, 9], 100, [hosted], [9.0])
    texts = ["主持" + "甲" * 198, "主办" + "甲" * 198, "甲" * 200, "2023" + "甲" * 196]
    four = [candidate(row, text) for row, text in enumerate(texts)]
    matrix, _ = features("hosted 2023", question, four, characters, ONES.sentence)
    for name in ("translated", "translated_sentence"):
        found = matrix[:, FEATURES.index(name)].tolist()
        assert found == pytest.approx([0.5 * 0.75 / (0.75 + 1.2), 0.5 * 0.25 / (0.25 + 1.2), 0, 0], abs=0.01)


def test_a_document_costs_that_the_question_names_what_stands_above_another_and_not_in_it() -> None:
    question = weigh(["peking", "2023"], [0, 9], 100, [Translated("peking", (("北京", 0.5), ("协和", 0.5)))], [9.0])
    called = candidate(0, "甲", "北京协和医院", "called"), candidate(1, "乙", "北京协和医院", "called")
    other, beside = candidate(2, "甲", "南昌医院", "other"), candidate(3, "在北京", "大会", "beside")
    assert named_elsewhere(question, [*called, other, beside]).tolist() == pytest.approx([0, 0, 0.5, 0])
    assert named_elsewhere(question, [other, beside]).tolist() == [0, 0]  # no heading says it
    # What the same document says in another passage, it says.
    assert not named_elsewhere(question, [*called, other, candidate(4, "北京", "南昌医院", "other")]).any()
    announced = candidate(5, "一是甲", "南昌医院\n北京来的专家提出要求。", "announced")
    assert named_elsewhere(question, [other, announced]).tolist() == [0, 0]  # its title does not say it
    known = weigh(["北京"], [3], 100)
    assert not named_elsewhere(known, [*called, other]).any()


def test_it_is_ranked_below_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    question = weigh(["peking", "2023"], [0, 9], 100, [Translated("peking", (("北京", 0.5), ("协和", 0.5)))], [9.0])
    both = [candidate(0, "2023", "南昌医院", "other", 0.5, 2.0), candidate(1, "甲", "北京协和医院", "called", 0.1)]

    def first() -> str:
        return rank("peking 2023", question, both, characters)[0].candidate.document_id

    assert first() == "called"
    monkeypatch.setattr("qa.rank.ELSEWHERE", 0.0)
    assert first() == "other"


def test_what_only_sounds_alike_counts_beside_what_translates_unless_it_is_translated_itself() -> None:
    hosted = Translated("hosted", (("主持", 1.0),))
    texts = ["南昌主持" + "甲" * 196, "主持" + "甲" * 198, "甲" * 200]
    three = [candidate(row, text) for row, text in enumerate(texts)]
    column = FEATURES.index("translated")
    heard = weigh(["nanchang", "hosted"], [0, 0], 100, [hosted], [0.0])
    matrix, _ = features("nanchang hosted", heard, three, characters, ONES.sentence)
    assert matrix[:, column].tolist() == pytest.approx([1 / 2.2, 0.5 / 2.2, 0], abs=0.01)
    told = Translated("nanchang", (("甲甲", 1.0),))
    assert weigh(["nanchang"], [0], 100, [told], [1.0]).sounds == (None,)


def test_a_translation_in_the_heading_counts_below_it_and_a_latin_one_begins_a_word() -> None:
    question = weigh(["大会"], [0], 100, [Translated("大会", (("congress", 1.0),))], [1.0])
    three = [
        candidate(0, "甲", heading="The Congress-2023"),
        candidate(1, "three (Congresses)"),
        candidate(2, "progress"),
    ]
    matrix, _ = features("大会", question, three, characters, ONES.sentence)
    found = matrix[:, FEATURES.index("translated")]
    assert found[0] > 0.5 < found[1]
    assert found[2] == 0


def test_the_shortlist_keeps_what_only_a_translation_finds() -> None:
    question = weigh(["hosted"], [0], 100, [Translated("hosted", (("主持", 1.0),))], [1.0])
    many = [candidate(row, "甲", dense=0.1) for row in range(5)] + [candidate(9, "主持")]
    assert [item.candidate.row for item in rank("hosted", question, many, characters, ONES, depth=2)] == [9, 0]


def test_signals_hold_each_feature_the_score_and_how_far_the_question_is() -> None:
    item = Ranked(candidate(0, "主持"), 2.0, (0, 2), {"cover": 0.5, "reach": 0.25, "alike": 0.5})
    assert signals(item) == {"cover": 0.5, "alike": 0.5, "score": 2.0, "far": 0.75, "far_alike": 0.375}
    assert signals(Ranked(candidate(0, "主持"), 2.0, (0, 2), {}))["far_alike"] == 0.0


def test_what_a_document_lacks_is_looked_for_in_all_its_candidates_and_headings() -> None:
    question = "2023年青山医院和绿原大学的大会有500人参加吗?"
    candidates = [
        candidate(0, "大会有500人参加。", heading="青山医院", document="a"),
        candidate(1, "2023年的工作。", document="a"),
        candidate(2, "2022年,绿原大学召开大会。", document="b"),
    ]
    assert lacked(question, weighed(question), candidates) == {
        "a": {"year": 0, "number": 0, "organisation": 0.5},
        "b": {"year": 1, "number": 1, "organisation": 0.5},
    }


def test_a_question_that_names_nobody_is_lacking_nothing() -> None:
    question = "谁主持了大会?"
    lacking = lacked(question, weighed(question), [candidate(0, "没有")])
    assert lacking == {"d0": {"year": 0, "number": 0, "organisation": 0}}


def test_an_organisation_in_latin_letters_is_where_a_word_of_its_own_is_written_translated_or_heard() -> None:
    words = [Translated("peking", (("北京", 1.0),)), Translated("hospital", (("医院", 1.0),))]
    texts = ["北京一家医院召开大会", "南昌一家医院召开大会", "Nanchang 召开大会", "青山医院召开大会"]

    def missing(question: str) -> list[float]:
        asked = weigh(question.lower().split(), [0] * len(question.split()), 100, words, [1.0, 1.0])
        lacking = lacked(question, asked, [candidate(n, text) for n, text in enumerate(texts)])
        return [one["organisation"] for one in lacking.values()]

    assert missing("who heads Peking Hospital") == [0, 0.5, 0.5, 0.5]
    assert missing("who heads Nanchang Hospital") == [0.5, 0, 0, 0.5]
    assert missing("who heads a hospital") == [0, 0, 0, 0]
