"""The reader of answer words: what it compares, which spans it may give, and that its offsets are exact."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import qa.reader
from qa.compare import COVER, TYPES, Alphabet, ask, compare, lay, runs, tell
from qa.embed import Encoder, TokenEncoder, Tokens
from qa.joint import Reading, shipped_joint_reader
from qa.packer import Shown
from qa.reader import LONGEST, Reader, Scores, shipped_reader
from qa.span import (
    SIGNALS,
    allowed,
    choose,
    find_span,
    jointly,
    left_unread,
    likely_ends,
    link,
    probability,
    read_spans,
)
from training.reading import Batch, Network

NEWS = (
    "2023年3月20日,医院第四届职工代表大会在学术会堂召开。大会由党委副书记柴建军主持,500余人参加会议。"
    "院长张抒扬作了题为《凝心聚力 再创辉煌》的报告。"
)
SMALL = Alphabet({character: n for n, character in enumerate("大会由主持", 1)}, np.array([2, 1, 1, 1, 1, 1], "f4"))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("大会由谁主持?", "柴建军"),
        ("大會由誰主持?", "柴建军"),
        ("医院职工代表大会是什么时候召开的?", "2023年3月20日"),
        ("多少人参加会议?", "500余人"),
        ("谁作了报告?", "张抒扬"),
        ("张抒扬的职务是什么?", "院长"),
    ],
)
def test_a_question_gets_its_words(question: str, words: str) -> None:
    found = find_span(question, NEWS)
    assert found is not None
    assert found.text == words == NEWS[found.start : found.end]
    assert found.probability > 0.3


def test_words_that_answer_are_likelier_than_those_of_a_passage_that_does_not() -> None:
    right, wrong = find_span("大会由谁主持?", NEWS), find_span("量子计算机的造价是多少?", NEWS)
    assert right is not None
    assert wrong is not None
    assert wrong.probability < 0.2 < right.probability


@pytest.mark.parametrize(("question", "passage"), [("", "大会"), ("谁?", ""), ("谁?", "。, \n"), (" \u200b", "大会")])
def test_where_nothing_can_be_an_answer_there_is_none(question: str, passage: str) -> None:
    assert find_span(question, passage) is None


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=200))
def test_a_span_is_a_slice_of_its_passage(question: str, passage: str) -> None:
    found = find_span(question, passage)
    if found is not None:
        assert found.text == passage[found.start : found.end] != ""
        assert 0 <= found.probability <= 1


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="大会由柴建军主持㈱ﬁ體ABc 12。,“”《》\n", max_size=80))
def test_offsets_hold_where_folding_changes_lengths(passage: str) -> None:
    found = find_span("大会由谁主持?", passage)
    if found is not None:
        assert found.text == passage[found.start : found.end] == found.text.strip()


def test_common_runs_have_their_length_at_each_pair() -> None:
    asked, told = ask("会由谁", SMALL), tell("大会由会", SMALL)
    assert runs(asked, told).T.tolist() == [[0, 0, 0], [2, 0, 0], [0, 2, 0], [1, 0, 0]]


def test_words_of_spaced_scripts_are_only_equal_as_a_whole() -> None:
    asked, told = ask("chair 20", SMALL), tell("chairs chair 2023 20", SMALL)
    matched = runs(asked, told).max(axis=0) > 1
    assert "".join(character for character, hit in zip(told.folded, matched, strict=True) if hit) == "chair  20"


def test_the_sentence_that_holds_the_question_covers_it() -> None:
    asked, told = ask("大会由谁主持", SMALL), tell("会。大会由他主持。", SMALL)
    cover = compare(asked, told)[:, COVER]
    np.testing.assert_allclose(cover, [0.05, 0.05, *[1.0] * 7], atol=1e-6)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("谁主持了大会", "who"), ("誰主持", "who"), ("Who chaired it?", "who"), ("哪位院长致辞", "who"),
        ("누가 했나요", "who"),
        ("什么时候召开", "when"), ("大会是哪天开的", "when"), ("いつ開かれましたか", "when"), ("会议时间", "when"),
        ("在哪里举行", "where"), ("会议地点", "where"), ("¿Dónde fue?", "where"), ("有多少人参加", "count"),
        ("分成几个小组", "count"), ("Combien de personnes", "count"), ("哪家医院", "which"), ("为什么推迟", "why"),
        ("如何报名", "how"), ("主题是什么", "what"),
    ],
)  # fmt: skip
def test_the_wording_shows_what_is_asked_for(question: str, kind: str) -> None:
    assert TYPES[int(np.argmax(ask(question, SMALL).kind))] == kind


def spans_of(passage: str) -> set[str]:
    told = tell(passage, SMALL)
    return {told.folded[start : start + extra + 1] for start, extra in np.argwhere(allowed(told))}


def test_no_span_cuts_a_word_or_a_number_or_crosses_a_sentence() -> None:
    assert spans_of("ab 12%。会") == {"ab", "ab 12", "ab 12%", "12", "12%", "%", "会"}


def test_no_span_holds_half_a_pair_of_quotes() -> None:
    assert spans_of("由《大会》") == {"由", "由《大会》", "《大会》", "大", "会", "大会"}


def test_a_foreign_question_is_linked_by_meaning() -> None:
    vectors = {"chaired": [1, 0], "主持": [0.8, 0.6], "会主": [0.3, 0.9]}

    def encode_tokens(texts):
        rows = np.array([vectors.get(text, [0, 0]) for text in texts], np.float32)
        ones = np.ones(len(texts), np.float32)
        return Tokens(np.arange(len(texts)), np.arange(len(texts) + 1), rows, ones, ones)

    asked, told = ask("who chaired", SMALL), tell("会主持", SMALL)
    linked = link(asked, told, encode_tokens)
    assert asked.foreign
    assert linked.T.tolist() == [[0] * 11, [0] * 4 + [1] * 7, [0] * 4 + [1] * 7]


def test_a_probability_is_the_logistic_function_of_its_signals() -> None:
    fitted = json.loads(Path(qa.reader.__file__).with_name("span.json").read_text("utf-8"))["weights"]
    signals = np.array([-1, -0.5, 0.4, 0.8, 2, 0, 1], np.float32)
    for name, judged in (("alone", None), ("together", 1.5)):
        weights = fitted[name]
        total = weights["intercept"] + weights.get("judged", 0) * (judged or 0)
        total += sum(weights[name] * float(value) for name, value in zip(SIGNALS, signals, strict=True))
        assert probability(signals, judged) == pytest.approx(1 / (1 + math.exp(-total)))


def test_numpy_reads_as_torch_does() -> None:
    torch.manual_seed(0)
    network = Network(np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32), dim=16).eval()
    factors = {"bil": 8, "pa": 4}
    weights = {name: value.numpy() / factors.get(name.split(".")[0], 1) for name, value in network.state_dict().items()}
    asked, told = ask("大会由谁主持?", SMALL), tell(NEWS, SMALL)
    compared = compare(asked, told)
    arrays = (asked.ids, np.ones(len(asked.ids), "f4"), asked.kind, told.ids, np.ones(len(told.ids), "f4"), compared)
    with torch.no_grad():
        wanted = network(Batch(*(torch.tensor(array)[None] for array in arrays)))[0].numpy()
    found = Reader(SMALL, weights).read(asked, told, compared).spans
    assert found.shape == (len(NEWS), LONGEST)
    np.testing.assert_allclose(np.maximum(found, -100), np.maximum(wanted, -100), atol=1e-4)


def test_the_shipped_reader_is_small_and_holds_no_pickle() -> None:
    file = Path(qa.reader.__file__).with_name("reader.npz")
    assert file.stat().st_size < 1_000_000
    assert len(shipped_reader().alphabet.ids) == len(shipped_reader().alphabet.idf) - 1 > 3000


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When was the meeting held?", "20 March 2023"),
        ("How many people came?", "500"),
        ("Who chaired it?", "Chai Jianjun"),
    ],
)
def test_an_english_passage_is_answered_by_rules(question: str, words: str) -> None:
    passage = "The meeting was held in Lecture Hall on 20 March 2023. It was chaired by Chai Jianjun; 500 people came."
    found = find_span(question, passage)
    assert found is not None
    assert found.text == words


PASSAGES = (
    NEWS,
    "大会由",
    "谁主持的?没有说。",
    "由",
    "Chaired by Chai Jianjun (柴建军) in 2023.",
    "会议“大会由”…",
    NEWS[30:] * 3,
)


@pytest.mark.parametrize(
    "question", ["大会由谁主持的?没有", "会议“大会由谁主持", "Who chaired it in 2023?", "大会由大会由"]
)
def test_passages_behind_one_another_are_read_as_each_alone(question: str) -> None:
    reader = shipped_reader()
    asked, each = ask(question, reader.alphabet), [tell(passage, reader.alphabet) for passage in PASSAGES]
    together = lay(each)
    compared = compare(asked, together)
    np.testing.assert_array_equal(runs(asked, together), np.concatenate([runs(asked, told) for told in each], axis=1))
    np.testing.assert_allclose(compared, np.concatenate([compare(asked, told) for told in each]), atol=1e-6)
    alone = np.concatenate([reader.read(asked, told, compare(asked, told)).spans for told in each])
    np.testing.assert_allclose(reader.read(asked, together, compared).spans, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("question", ["大会由谁主持?", "Who chaired the meeting?"])
def test_what_a_passage_tells_does_not_depend_on_the_others(question: str, encoder: Encoder) -> None:
    assert isinstance(encoder, TokenEncoder)
    passages = ["", NEWS, "大会由柴建军主持。", "。", NEWS * 60, "It was chaired by Chai Jianjun.", "由" * 5]
    readings = shipped_joint_reader().read(question, [Shown("", passage, (0, len(passage))) for passage in passages])
    for also in ([], readings):
        reads = read_spans(question, passages, encoder.encode_tokens, readings=also)
        for n, (passage, read) in enumerate(zip(passages, reads, strict=True)):
            (alone,) = read_spans(question, [passage], encoder.encode_tokens, readings=also[n : n + 1])
            assert read.span == alone.span
            assert (read.score, read.sure) == pytest.approx((alone.score, alone.sure), abs=1e-4)


@pytest.mark.parametrize("question", ["大会由谁主持?", "Who chaired the meeting?"])
def test_what_was_seen_before_tells_the_same_as_reading_anew(
    question: str, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(encoder, TokenEncoder)
    passages = [NEWS, "。", "It was chaired by Chai Jianjun.", NEWS * 60]
    readings = shipped_joint_reader().read(question, [Shown("", passage, (0, len(passage))) for passage in passages])
    anew = read_spans(question, passages, encoder.encode_tokens, readings=readings)
    seen = [read.seen for read in read_spans(question, passages[::-1], encoder.encode_tokens)][::-1]
    monkeypatch.setattr(Reader, "read", None)
    again = read_spans(question, passages, encoder.encode_tokens, readings=readings, seen=seen)
    assert [read.span for read in again] == [read.span for read in anew]
    assert [(read.score, read.sure) for read in again] == [
        pytest.approx((read.score, read.sure), abs=1e-4) for read in anew
    ]


def test_the_joint_readers_tokens_count_for_the_characters_in_them() -> None:
    told = lay([tell(passage, shipped_reader().alphabet) for passage in ("大会由 柴建军主持", "没有", "读不到")])
    ends = np.array([[0, 0], [9, 0], [0, 9], [0, 0]], np.float32)
    first = Reading(0.0, [(0, 2), (4, 5), (5, 7), (7, 9)], ends)
    spans = jointly(likely_ends(told, [first, Reading(0.0, [(0, 2)], ends[:1]), Reading(0.0, [], ends[:0])]))
    assert spans.shape == (len(told.folded), LONGEST)
    start = told.folded.index("柴")
    assert spans[start, 1:3] == pytest.approx([0, 0], abs=1e-2)  # either character of 建军
    assert spans[start, 0] == pytest.approx(-9, abs=0.01)
    assert spans[told.folded.index("由"), 3] == pytest.approx(-12, abs=0.01)
    assert spans[told.borders[1], :2].tolist() == [0, 0]
    assert spans[told.borders[2], 0] == -24


def test_sentences_are_compared_by_spans_of_any_length() -> None:
    short, long = "会议听取了三项工作报告。", "会议要求全院职工" + "进一步提高政治站位" * 6 + "。"
    told = tell(short + long, shipped_reader().alphabet)
    n, begins = len(told.folded), len(short)
    spans = np.where(np.arange(n)[:, None] < begins, np.float32(5), np.float32(0)).repeat(LONGEST, axis=1)
    asked = ask("会议的内容有哪些?", shipped_reader().alphabet)

    def chosen(beyond: float) -> int:
        nothing = np.zeros((n, 16), np.float32)
        scores = Scores(spans, np.zeros((n, 2), np.float32), nothing, nothing, beyond)
        reading = Reading(0.0, [(at, at + 1) for at in range(n)], np.zeros((n, 2), np.float32))
        (best,) = choose(asked, told, allowed(told), compare(asked, told), scores, [reading])
        assert best is not None
        return best.start

    assert chosen(beyond=0.0) < begins
    assert chosen(beyond=9.0) >= begins


FAR_OFF = "参加大会的有职工代表、特邀代表和列席代表。" * 12 + "大会由党委副书记、纪委书记柴建军主持。"


def unread(question: str, passage: str, at: int = 0, *, seen: bool = True) -> str:
    """Return what is worth reading beyond a window around a place."""
    shown = Shown("", passage, (at, at + 1))
    (reading,) = shipped_joint_reader().read(question, [shown])
    more = left_unread(question, shown, reading, read_spans(question, [passage])[0].seen if seen else None)
    return "" if more is None else passage[slice(*more.sentence)]


def test_the_likeliest_sentence_that_was_not_read_is_found() -> None:
    assert unread("大会由谁主持?", FAR_OFF) == "大会由党委副书记、纪委书记柴建军主持。"
    assert unread("大会由谁主持?", FAR_OFF, len(FAR_OFF) - 1) == ""  # nothing before it may be the answer
    assert unread("大会由谁主持?", NEWS) == ""


def test_where_the_character_reader_cannot_tell_the_longer_rest_was_not_read() -> None:
    for rest in (unread("Who chaired the meeting?", FAR_OFF), unread("大会由谁主持?", FAR_OFF, seen=False)):
        assert FAR_OFF.endswith(rest)
        assert len(rest) > len(FAR_OFF) / 4
    rest = unread("Who chaired the meeting?", FAR_OFF, len(FAR_OFF) - 1)
    assert FAR_OFF.startswith(rest)
    assert len(rest) > len(FAR_OFF) / 4
    assert unread("Who chaired the meeting?", NEWS) == ""


def test_a_passage_that_answers_outscores_one_that_does_not() -> None:
    question = "大会由谁主持?"
    other = "大会听取了预算的说明,全体代表进行了讨论,对重点工作提出了意见和建议。"
    right, wrong = read_spans(question, [NEWS, other])
    assert right.score > 0 > wrong.score
