from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import qa.search
from qa.build import build_index
from qa.closely import MOST_READ
from qa.embed import Encoder, Floats, Progress
from qa.errors import IndexMissing, IndexStale, InvalidQuestion, ModelMismatch
from qa.joint import Reading
from qa.lexical import LexicalIndex, Scored, question_terms
from qa.packer import Shown
from qa.rank import learned_weights
from qa.records import Document
from qa.search import Retriever
from qa.temporary import temporary_index

CHAIRED = "谁主持了大会"


class Other:
    """Another model: the real one turned by a fixed rotation, without token vectors."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name, self.dimension, self.fingerprint = "other", encoder.dimension, "other"
        matrix = np.random.default_rng(0).normal(size=(encoder.dimension, encoder.dimension))
        self._turn = np.linalg.qr(matrix)[0].astype(np.float32)

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        return np.ascontiguousarray(self._encoder.encode_queries(texts) @ self._turn)

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        return np.ascontiguousarray(self._encoder.encode_documents(texts, progress) @ self._turn)


def test_several_pages_answer_and_each_comes_before_a_second_of_any(retriever: Retriever) -> None:
    first = retriever.search(CHAIRED, k=3)
    assert len({hit.document.id for hit in first}) == 3
    for name in ("柴建军", "张立东", "陈旭坚"):
        assert any(hit.evidence and name in hit.evidence.quote for hit in first)


def test_an_organisation_in_traditional_characters_leads_to_its_page(retriever: Retriever) -> None:
    first = retriever.search("協和醫院的大會由誰主持?", k=1)[0]
    assert first.document.title.startswith("北京协和医院")
    assert first.evidence is not None
    assert "柴建军" in first.evidence.quote


def test_the_legs_fused_are_their_scores_weighed_and_summed(retriever: Retriever) -> None:
    legs = retriever.legs(CHAIRED, k=78)
    dense = {hit.passage.id: hit.score for hit in legs["dense"]}
    lexical = {hit.passage.id: hit.score for hit in legs["lexical"]}
    hits = retriever.fuse(CHAIRED, k=5)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    worth = {hit.passage.id: hit.score - learned_weights().shortlist * dense[hit.passage.id] for hit in hits}
    most = {round(lexical[id_] / worth[id_], 3) for id_ in worth}
    assert len(most) == 1
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(hit.evidence is None for hit in hits)
    assert hits == retriever.fuse(CHAIRED, k=60)[:5]


def test_in_a_large_index_what_many_passages_hold_is_not_looked_for(
    retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "大会由柴建军主持"
    looked_for: list[set[str]] = []
    search = LexicalIndex.search

    def watched(index: LexicalIndex, asked: str, k: int, only: Sequence[int] | None, without: Set[str]) -> list[Scored]:
        looked_for.append(set(question_terms(asked)) - without)
        return search(index, asked, k, only, without)

    monkeypatch.setattr(LexicalIndex, "search", watched)
    before = retriever.fuse(question, k=1)
    monkeypatch.setattr(qa.search, "SCAN_FROM", len(retriever.passages))
    assert [hit.passage.id for hit in retriever.fuse(question, k=1)] == [hit.passage.id for hit in before]
    everything, rare = looked_for
    assert {"大会", "柴建", "柴"} <= rare < everything
    assert "大" in everything - rare
    retriever.fuse("大", k=1)
    assert looked_for[-1] == {"大"}


def test_the_legs_fused_keep_to_the_documents_named(retriever: Retriever) -> None:
    only = [retriever.fuse(CHAIRED, k=1)[0].document.id]
    assert {hit.document.id for hit in retriever.fuse(CHAIRED, k=50, documents=only)} == set(only)
    with pytest.raises(InvalidQuestion):
        retriever.fuse(" ")


def test_what_the_joint_reader_prefers_comes_first(retriever: Retriever, monkeypatch: pytest.MonkeyPatch) -> None:
    class Contrary:
        def read(self, question: str, passages: Sequence[Shown]) -> list[Reading]:
            return [Reading(5.0 * n, [], np.zeros((0, 2), np.float32)) for n in range(len(passages))]

        def alike(self, question: str, passages: Sequence[Shown]) -> list[float]:
            return [0.0] * len(passages)

    monkeypatch.setattr(qa.search, "shipped_joint_reader", Contrary)
    question = f"{CHAIRED}呢"
    before = [item.candidate.row for item in retriever.ranked(question, closely=False)]
    after = [item.candidate.row for item in retriever.ranked(question)]
    assert after[0] != before[0]
    assert set(after[:MOST_READ]) == set(before[:MOST_READ])
    assert after[MOST_READ:] == before[MOST_READ:]
    assert retriever.search(question, k=1)[0].passage == retriever.passages.at(after[:1])[0]


def test_words_that_no_passage_holds_are_read_as_those_that_translate_them(retriever: Retriever) -> None:
    weighed = retriever.weighed("How many people attended the congress in Nanchang?")
    read_as = {word.word: {target for target, _ in word.targets} for word in weighed.translated}
    assert "参加" in read_as["attended"]
    assert "大会" in read_as["congress"]
    assert retriever.weighed("南昌的大会有多少人参加?").translated == ()


def test_what_only_a_translation_finds_is_a_candidate(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qa.search, "LEG_DEPTH", 1)
    near, lexical = Document("n", "", "hospital doctors and nurses"), Document("l", "", "the report of the year")
    with temporary_index([near, lexical, Document("d", "", "医院今天放假")], encoder) as retriever:
        found = {candidate.document_id for candidate in retriever.candidates("report on hospitals", k=1)}
        assert "d" in found
        monkeypatch.setattr(qa.search, "translations", lambda _: [])
        assert "d" not in {candidate.document_id for candidate in retriever.candidates("report on hospitals", k=1)}


def test_a_name_in_several_latin_words_is_heard(retriever: Retriever) -> None:
    assert " wu pei xin " in retriever.weighed("What did Wu Peixin demand?").sounds
    assert retriever.search("What did Wu Peixin demand?", k=1)[0].document.title.startswith("北京协和医院")


def test_hits_are_numbered_and_quote_their_place(retriever: Retriever) -> None:
    hits = retriever.search(CHAIRED, k=7)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5, 6, 7]
    assert len({hit.passage.id for hit in hits}) == 7
    for hit in hits:
        text = retriever.document(hit.document.id).text
        assert text[hit.passage.start : hit.passage.end] == hit.passage.text
        assert hit.evidence is not None
        assert text[hit.evidence.start : hit.evidence.end] == hit.evidence.quote
        assert hit.passage.start <= hit.evidence.start < hit.evidence.end <= hit.passage.end


def test_dense_scores_are_cosines(retriever: Retriever, encoder: Encoder) -> None:
    for hit in retriever.search(CHAIRED, k=5):
        heading = f"{hit.document.organisation} {hit.document.title}"
        context = hit.document.title if hit.document.organisation in hit.document.title else heading
        text = hit.passage.text if context in hit.passage.text else f"{context}\n{hit.passage.text}"
        expected = float(encoder.encode_queries([CHAIRED])[0] @ encoder.encode_documents([text])[0])
        assert hit.dense_score == pytest.approx(expected, abs=1e-4)  # the index keeps half precision


def test_the_legs_are_ranked_by_their_own_scores(retriever: Retriever) -> None:
    legs = retriever.legs(CHAIRED, k=10)
    assert list(legs) == ["dense", "lexical", "fused"]
    assert [hit.score for hit in legs["dense"]] == sorted((hit.dense_score for hit in legs["dense"]), reverse=True)
    assert [hit.score for hit in legs["lexical"]] == sorted((h.lexical_score for h in legs["lexical"]), reverse=True)
    assert all(hit.lexical_score > 0 for hit in legs["lexical"])
    assert [hit.score for hit in legs["fused"]] == sorted((hit.score for hit in legs["fused"]), reverse=True)


def test_the_dense_leg_equals_brute_force(retriever: Retriever, encoder: Encoder) -> None:
    n = len(retriever.passages)
    everything = retriever.legs(CHAIRED, k=n)["dense"]
    assert len(everything) == n
    assert retriever.legs(CHAIRED, k=10)["dense"][0].passage == everything[0].passage


def test_ask_ranks_as_search_does(retriever: Retriever) -> None:
    assert list(retriever.ask(CHAIRED, k=4).hits) == retriever.search(CHAIRED, k=4)


def test_documents_restrict_the_search(retriever: Retriever) -> None:
    chosen = [list(retriever.documents)[2], list(retriever.documents)[4]]
    assert {hit.document.id for hit in retriever.search(CHAIRED, k=10, documents=chosen)} == set(chosen)
    assert retriever.search(CHAIRED, documents=["nowhere"]) == []


def test_k_beyond_the_index_gives_every_passage_once(retriever: Retriever) -> None:
    hits = retriever.search(CHAIRED, k=10_000)
    assert len(hits) == len({hit.passage.id for hit in hits}) == len(retriever.passages)


@pytest.mark.parametrize("question", ["", "  \n\t", "x" * 5001])
def test_a_blank_or_overlong_question_is_refused(retriever: Retriever, question: str) -> None:
    with pytest.raises(InvalidQuestion):
        retriever.search(question)


def test_k_below_one_is_refused(retriever: Retriever) -> None:
    with pytest.raises(InvalidQuestion, match="k is 0"):
        retriever.ask(CHAIRED, k=0)


@pytest.mark.parametrize(
    "question", ["?", "\u200b", "🙂", "\x00", "DROP TABLE passages; --", '"AND OR NOT (', "\ud800"]
)
def test_odd_questions_break_nothing(retriever: Retriever, question: str) -> None:
    assert len(retriever.ask(question, k=2).hits) <= 2


def test_the_same_question_gives_the_same_answer_in_every_thread(retriever: Retriever) -> None:
    expected = retriever.ask(CHAIRED)
    with ThreadPoolExecutor(8) as pool:
        assert all(answer == expected for answer in pool.map(lambda _: retriever.ask(CHAIRED), range(40)))


def test_another_model_than_the_indexs_is_refused(seeds_index: Path, encoder: Encoder) -> None:
    with pytest.raises(ModelMismatch, match=r"the index was built with builtin .* Run: qa index --rebuild"):
        Retriever.open(seeds_index, encoder=Other(encoder))


def test_a_model_without_token_vectors_is_ranked_with_the_builtins(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    other = Other(encoder)
    build_index(documents(**{"a.txt": "大会由甲同志主持。", "b.txt": "天气晴朗。"}), tmp_path / "i", model=other)
    best = Retriever.open(tmp_path / "i", encoder=other).search(CHAIRED)[0]
    assert (best.document.id, best.rank) == ("a.txt", 1)


def test_a_stale_index_is_refused_unless_allowed(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    build_index(documents(**{"a.txt": "大会由甲同志主持。"}), tmp_path / "i", model=encoder)
    documents(**{"b.txt": "又一页。"})
    with pytest.raises(IndexStale):
        Retriever.open(tmp_path / "i", encoder=encoder)
    assert len(Retriever.open(tmp_path / "i", encoder=encoder, allow_stale=True).passages) == 1


def test_a_missing_index_is_told(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing):
        Retriever.open(tmp_path)


def test_a_repeated_paragraph_is_found_through_each_of_its_documents(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    shared = "大会由甲同志主持,全体人员参加了会议,会议取得圆满成功。"
    other = "食堂今日天气晴朗,供应各式菜肴,欢迎全体职工前来就餐,祝大家用餐愉快。"
    build_index(documents(**{"a.txt": shared, "b.txt": f"{other}\n\n{shared}"}), tmp_path / "i", model=encoder)
    [hit] = Retriever.open(tmp_path / "i", encoder=encoder).search(CHAIRED, k=1, documents=["b.txt"])
    assert [place.document_id for place in hit.passage.also_in] == ["b.txt"]


@pytest.mark.parametrize("greeting", ["你好", "谢谢你,辛苦了!", "Thank you very much!", "???"])
def test_who_asks_nothing_is_told_nothing(retriever: Retriever, greeting: str) -> None:
    got = retriever.ask(greeting)
    assert (got.question, got.answered, got.hits) == (greeting, False, ())


def test_a_greeting_changes_nothing(retriever: Retriever) -> None:
    assert retriever.search(f"你好,请问{CHAIRED}?谢谢") == retriever.search(f"{CHAIRED}?")


@pytest.mark.parametrize(
    ("question", "read_as"),
    [
        ("柴健军主持了什么?", "柴建军主持了什么?"),
        ("你好,请问南昌一院的院长是谁", "南昌市第一医院的院长是谁"),
        ("Who chaired the congress in Nanchang?", "Who chaired the congress in 南昌?"),
        ("誰主持了大會?", ""),
        ("你好,请问谁主持了大会?谢谢", ""),
        ("如何做红烧肉", ""),
    ],
)
def test_an_answer_says_how_names_were_read(retriever: Retriever, question: str, read_as: str) -> None:
    assert retriever.ask(question).read_as == read_as


@pytest.mark.parametrize(("question", "more"), [(CHAIRED, False), ("Ποιος προήδρευσε στο συνέδριο;", True)])
def test_more_is_ranked_where_the_passages_hold_no_word_of_the_question(
    retriever: Retriever, question: str, more: bool
) -> None:
    ranked = retriever.ranked(question)
    assert len(ranked) == (len(retriever.passages) if more else qa.search.RANK_DEPTH)
    assert sum("alike" in item.features for item in ranked) > (qa.search.RANK_DEPTH if more else 0)


def test_every_documents_answer_is_given(retriever: Retriever) -> None:
    found = retriever.ask(CHAIRED).findings
    assert [one.text for one in found] == ["柴建军", "陈旭坚", "张立东"]
    for one in found:
        assert retriever.document(one.document_id).text[one.start : one.end] == one.text


def test_a_question_that_names_an_organisation_gets_that_one(retriever: Retriever) -> None:
    assert retriever.ask("协和医院的大会由谁主持").findings == ()


@pytest.mark.parametrize(
    ("name", "least", "most"), [("青山县人民医院", 0.5, 1.0), ("白水县人民医院", 0.0, 0.08), ("华山医院", 0.0, 0.1)]
)
def test_an_organisation_that_no_page_is_about_is_not_answered_for(
    encoder: Encoder, name: str, least: float, most: float
) -> None:
    pages = {
        "青山县人民医院召开工作会议": "会议由党委书记李明远主持。院长周知行作工作报告,五百余人参加。",
        "绿原大学举行学术年会": "校长王若水致辞。会议在图书馆报告厅举行。",
    }
    documents = [Document(title, title, f"{title}。{text}") for title, text in pages.items()]
    with temporary_index(documents, encoder) as retriever:
        assert least <= retriever.ask(f"{name}的院长是谁?").confidence <= most


def test_an_answer_and_its_legs_are_ranked_once(retriever: Retriever, monkeypatch: pytest.MonkeyPatch) -> None:
    ranked: list[str] = []
    rank = qa.search.rank
    monkeypatch.setattr(
        qa.search, "rank", lambda question, *rest, **more: (ranked.append(question), rank(question, *rest, **more))[1]
    )
    answer, legs = retriever.ask("谁致闭幕词?", k=4), retriever.legs("谁致闭幕词?", k=4)
    assert len(ranked) == 1
    assert {hit.passage.id for hit in legs["fused"]} & {hit.passage.id for hit in answer.hits}
    retriever.legs("谁致闭幕词?", k=5)
    document = answer.hits[-1].passage.document_id
    assert {hit.passage.document_id for hit in retriever.search("谁致闭幕词?", 4, [document])} == {document}
    assert len(ranked) == 3
