import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_models import small_cross_encoder

from qa.build import build_index
from qa.cross import load_reranker
from qa.embed import Encoder
from qa.errors import InvalidQuestion, InvalidQuestions, ModelMissing, QuoteNotFound
from qa.evaluation import evaluate, measure
from qa.records import Answer, Document, Evidence, Hit, Passage, Place, Question, QuestionSet, Quote, Span
from qa.report import render
from qa.temporary import temporary_index

TEXT = "医院召开大会。大会由柴建军主持。会议结束。"
DOCUMENT = Document("a.txt", "大会", TEXT)
OTHER = Document("b.txt", "别处", "天气很好。" + TEXT)
OPENING = Passage("a1", "a.txt", 0, 7, TEXT[:7])
CHAIR = Passage("a2", "a.txt", 7, 16, TEXT[7:16], (Place("b.txt", 12, 21),))
END = Passage("a3", "a.txt", 16, 21, TEXT[16:])
WEATHER = Passage("b1", "b.txt", 0, 5, OTHER.text[:5])
WHO = Question("who", "谁主持了大会", (Quote("a.txt", "柴建军主持"),), ("柴建軍",))


@dataclass
class ScriptedRetriever:
    """Answers each question with the passages, leg rankings and confidence written down for it."""

    ranked: dict[str, list[Passage]]
    legs_ranked: dict[str, dict[str, list[Passage]]] = field(default_factory=dict)
    confidence: dict[str, float] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    span: dict[str, Span] = field(default_factory=dict)
    passages: Sequence[Passage] = (OPENING, CHAIR, END, WEATHER)
    asked: list[tuple[str, int]] = field(default_factory=list)
    manifest: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(model="scripted"))

    def document(self, document_id: str) -> Document:
        return {"a.txt": DOCUMENT, "b.txt": OTHER}[document_id]

    def ask(self, question: str, k: int) -> Answer:
        self.asked.append(("ask", k))
        evidence = self.evidence.get(question)
        confidence = self.confidence.get(question, 0.9)
        hits = self._hits(self.ranked.get(question, []), evidence)
        return Answer(question, confidence >= 0.5, confidence, tuple(hits), evidence, self.span.get(question))

    def legs(self, question: str, k: int) -> dict[str, list[Hit]]:
        self.asked.append(("legs", k))
        ranked = self.legs_ranked.get(question, {})
        return {leg: self._hits(ranked.get(leg, []), None) for leg in ("dense", "lexical", "fused")}

    def _hits(self, passages: Sequence[Passage], evidence: Evidence | None) -> list[Hit]:
        return [
            Hit(rank, 1 / rank, passage, DOCUMENT, 0.0, 0.0, evidence if rank == 1 else None)
            for rank, passage in enumerate(passages, 1)
        ]


def jsonl(*questions: Question) -> QuestionSet:
    return QuestionSet("jsonl", questions)


def figures(retriever: ScriptedRetriever, *questions: Question, k: int = 10) -> dict:
    return dict(measure(jsonl(*questions), retriever, k).figures)


def test_figures_hold_the_names_of_the_contract_and_are_json() -> None:
    got = figures(ScriptedRetriever({WHO.text: [CHAIR]}), WHO, k=3)
    assert list(got) == [
        *("model", "passages", "questions", "k"),
        *("success@1", "success@5", "success@10", "recall@10", "mrr@10", "ndcg@10"),
        *("legs", "intervals", "declined", "answers", "latency_ms", "per_question"),
    ]
    assert (got["model"], got["passages"], got["questions"], got["k"]) == ("scripted", 4, 1, 3)
    assert set(got["latency_ms"]) == {"p50", "p95"}
    assert json.loads(json.dumps(got, allow_nan=False)) == got


def test_each_leg_and_the_pipeline_are_measured_apart() -> None:
    legs = {WHO.text: {"dense": [END, CHAIR], "lexical": [], "fused": [CHAIR]}}
    second = Question("end", "何时结束", (Quote("a.txt", "会议结束"),))
    got = figures(ScriptedRetriever({WHO.text: [OPENING, END, CHAIR], second.text: [END]}, legs), WHO, second)
    assert (got["success@1"], got["success@5"], got["mrr@10"]) == (0.5, 1.0, pytest.approx((1 / 3 + 1) / 2))
    assert {leg: values["mrr@10"] for leg, values in got["legs"].items()} == {
        "dense": 0.25,
        "lexical": 0.0,
        "fused": 0.5,
    }
    assert got["intervals"]["success@1"] == [0.0, 1.0]
    assert got["intervals"]["legs"]["lexical"]["mrr@10"] == [0.0, 0.0]
    assert got["per_question"][0]["leg_ranks"] == {"dense": 2, "lexical": None, "fused": 1}


def test_a_row_a_question() -> None:
    evidence = Evidence("a.txt", 7, 16, TEXT[7:16])
    retriever = ScriptedRetriever(
        {WHO.text: [END, CHAIR]}, evidence={WHO.text: evidence}, span={WHO.text: Span(10, 13, "柴建军")}
    )
    (row,) = figures(retriever, WHO)["per_question"]
    assert row.pop("ms") >= 0
    assert row == {
        "id": "who",
        "question": "谁主持了大会",
        "expected": True,
        "answered": True,
        "confidence": 0.9,
        "right_passages": 1,
        "rank": 2,
        "leg_ranks": {"dense": None, "lexical": None, "fused": None},
        "success@1": 0.0,
        "reciprocal_rank": 0.5,
        "recall@10": 1.0,
        "ndcg@10": pytest.approx(0.6309, abs=1e-4),
        "top": {"document": "a.txt", "start": 16, "end": 21},
        "evidence": {"document": "a.txt", "start": 7, "end": 16, "quote": "大会由柴建军主持。"},
        "span": {"start": 10, "end": 13, "text": "柴建军"},
    }


@pytest.mark.parametrize(
    ("quote", "right"),
    [
        (Quote("a.txt", "柴建军主持"), {"a2"}),
        (Quote("b.txt", "柴建军主持"), {"a2"}),  # through also_in
        (Quote("a.txt", "召开大会。大会由柴建军"), {"a2"}),  # 5 of 11 characters in a1, 6 in a2
        (Quote("a.txt", "会。大会"), {"a1", "a2"}),  # half in each
        (Quote("a.txt", "大会"), {"a1", "a2"}),  # two occurrences
        (Quote("b.txt", "天气"), {"b1"}),
    ],
)
def test_every_passage_with_half_a_quote_is_right(quote: Quote, right: set[str]) -> None:
    question = Question("q", "问", (quote,))
    for passage in (OPENING, CHAIR, END, WEATHER):
        got = figures(ScriptedRetriever({"问": [passage]}), question)
        assert got["success@1"] == float(passage.id in right)
        assert got["recall@10"] == (1 / len(right) if passage.id in right else 0.0)


@pytest.mark.parametrize("document", ["a.txt", "b.txt"])
def test_a_quote_that_no_passage_holds_scores_zero_and_stays_in(document: str) -> None:
    question = Question("q", "问", (Quote(document, "柴建军主持"),))
    got = figures(ScriptedRetriever({"问": [END]}, passages=[END]), question)
    (row,) = got["per_question"]
    assert (got["success@10"], got["ndcg@10"], row["expected"], row["right_passages"]) == (0.0, 0.0, True, 0)


def test_declining_is_measured_on_both_kinds_of_question_and_ranking_on_one() -> None:
    asked = [Question(str(n), f"问{n}", WHO.evidence) for n in range(3)]
    strange = [Question(str(n), f"怪{n}") for n in range(4)]
    confidence = {"问0": 0.9, "问1": 0.6, "问2": 0.3, "怪0": 0.8, "怪1": 0.3, "怪2": 0.2, "怪3": 0.1}
    retriever = ScriptedRetriever({question.text: [CHAIR] for question in asked}, confidence=confidence)
    got = figures(retriever, *asked, *strange)
    # 问0 beats 4, 问1 beats 3, 问2 beats 2 and ties with 1, of 3 × 4 pairs.
    declined = {name: got["declined"][name] for name in ("auroc", "recall", "false")}
    assert declined == {"auroc": pytest.approx(9.5 / 12), "recall": 0.75, "false": pytest.approx(1 / 3)}
    assert got["success@1"] == 1.0
    low, high = got["intervals"]["declined"]["recall"]
    assert 0.0 < low < 0.75 < high <= 1.0
    row = got["per_question"][-1]
    assert (row["expected"], row["rank"], row["success@1"], row["top"]) == (False, None, None, None)


def test_confidence_is_held_against_whether_the_first_hit_is_right() -> None:
    late, strange = Question("late", "何时", (Quote("a.txt", "会议结束"),)), Question("strange", "怪")
    confidence = {WHO.text: 0.95, "何时": 0.75, "怪": 0.35}
    retriever = ScriptedRetriever({WHO.text: [CHAIR], "何时": [CHAIR, END], "怪": [CHAIR]}, confidence=confidence)
    declined = figures(retriever, WHO, late, strange)["declined"]
    assert declined["ece"] == pytest.approx((0.05 + 0.75 + 0.35) / 3)
    assert [(one["low"], one["right"]) for one in declined["bins"]] == [(0.3, 0.0), (0.7, 0.0), (0.9, 1.0)]
    assert declined["aurc"] == pytest.approx((0 + 1 / 2 + 2 / 3) / 3)


def test_without_questions_to_decline_their_figures_are_none() -> None:
    got = figures(ScriptedRetriever({}), WHO)
    assert (got["declined"]["auroc"], got["declined"]["recall"], got["declined"]["false"]) == (None, None, 0.0)
    intervals = got["intervals"]["declined"]
    assert (intervals["auroc"], intervals["recall"], intervals["false"]) == (None, None, [0.0, 0.0])


def test_without_answerable_questions_ranking_figures_are_none() -> None:
    got = figures(ScriptedRetriever({}), Question("q", "问"))
    assert got["success@1"] is None
    assert got["intervals"]["legs"]["dense"]["mrr@10"] is None
    assert got["answers"] == {"evidence": None, "span_em": None, "span_f1": None}


@pytest.mark.parametrize(
    ("quote", "answers", "sentence", "share"),
    [
        (Quote("a.txt", "柴建军主持"), (), Evidence("a.txt", 7, 16, TEXT[7:16]), 1.0),
        (Quote("b.txt", "柴建军主持"), (), Evidence("a.txt", 7, 16, TEXT[7:16]), 1.0),
        (Quote("a.txt", "柴建军主持"), (), Evidence("a.txt", 7, 11, TEXT[7:11]), 0.0),
        (Quote("a.txt", "柴建军主持"), ("大会",), Evidence("a.txt", 7, 11, TEXT[7:11]), 1.0),
        (Quote("a.txt", "主持"), (), Evidence("a.txt", 10, 14, TEXT[10:14]), 1.0),
        (Quote("a.txt", "主持"), (), Evidence("a.txt", 10, 13, TEXT[10:13]), 0.0),
        (Quote("a.txt", "大会由"), (), Evidence("a.txt", 9, 16, TEXT[9:16]), 0.0),
        (Quote("a.txt", "柴建军主持"), (), None, 0.0),
    ],
)
def test_evidence_is_right_with_half_the_quote_or_an_answer(
    quote: Quote, answers: tuple[str, ...], sentence: Evidence | None, share: float
) -> None:
    evidence = {"问": sentence} if sentence else {}
    got = figures(ScriptedRetriever({"问": [CHAIR]}, evidence=evidence), Question("q", "问", (quote,), answers))
    assert got["answers"]["evidence"] == share


def test_evidence_counts_under_right_first_hits_only() -> None:
    assert figures(ScriptedRetriever({WHO.text: [END, CHAIR]}), WHO)["answers"]["evidence"] is None


def test_answer_words_are_scored_and_a_missing_span_counts_as_zero() -> None:
    strange, unlabelled = Question("s", "怪", (), ("柴建军",)), Question("u", "无", WHO.evidence)
    missed = Question("q", "问", WHO.evidence, ("柴建军",))
    got = figures(ScriptedRetriever({}, span={WHO.text: Span(0, 0, "由柴建军")}), strange, unlabelled, WHO, missed)
    assert (got["answers"]["span_em"], got["answers"]["span_f1"]) == (0.0, pytest.approx(6 / 7 / 2))
    assert got["intervals"]["answers"]["span_f1"] == [0.0, pytest.approx(6 / 7)]


def test_answer_words_are_not_scored_where_none_is_ever_marked() -> None:
    assert figures(ScriptedRetriever({}), WHO)["answers"] == {"evidence": None, "span_em": None, "span_f1": None}


@pytest.mark.parametrize(("k", "depth"), [(1, 10), (25, 25)])
def test_rankings_are_read_to_ten_at_least(k: int, depth: int) -> None:
    retriever = ScriptedRetriever({})
    figures(retriever, WHO, k=k)
    assert retriever.asked == [("ask", depth), ("ask", depth), ("legs", depth)]


def test_times_are_of_the_whole_pipeline_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.002, 1.0, 1.004, 2.0, 2.012])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    got = figures(ScriptedRetriever({}), WHO, WHO, WHO)
    assert [row["ms"] for row in got["per_question"]] == pytest.approx([2, 4, 12])
    assert got["latency_ms"] == pytest.approx({"p50": 4.0, "p95": 4 + 0.9 * 8})


def test_grades_of_a_collection_reach_ndcg() -> None:
    documents = tuple(Document(name, "", name) for name in "xyz")
    passages = [Passage(f"p{document.id}", document.id, 0, 1, document.text) for document in documents]
    relevance = {"1": {"x": 1, "y": 2, "z": 0}, "2": {"z": 0}}
    question_set = QuestionSet("beir", (Question("1", "问"), Question("2", "怪")), documents, relevance)
    got = measure(question_set, ScriptedRetriever({"问": passages}, passages=passages)).figures
    assert got["ndcg@10"] == pytest.approx((1 + 2 / 1.5849625) / (2 + 1 / 1.5849625))
    assert (got["recall@10"], got["declined"]["false"]) == (1.0, 0.0)
    assert [row["expected"] for row in got["per_question"]] == [True, False]


def test_documents_that_share_a_passage_or_have_none() -> None:
    shared = Passage("p", "x", 0, 1, "x", (Place("y", 0, 1),))
    relevance = {"1": {"y": 3, "x": 2, "missing": 1}, "2": {"x": 2, "y": 3, "missing": 1}}
    question_set = QuestionSet("beir", (Question("1", "问"), Question("2", "别"), Question("3", "怪")), (), relevance)
    got = measure(question_set, ScriptedRetriever({"问": [shared], "别": [shared]}, passages=[shared])).figures
    first, second, absent = got["per_question"]
    assert (first["recall@10"], first["ndcg@10"]) == (0.5, pytest.approx(3 / (3 + 1 / 1.5849625)))
    assert (second["ndcg@10"], absent["expected"]) == (first["ndcg@10"], False)


def test_progress_is_told_after_each_question() -> None:
    told: list[tuple[int, int]] = []
    measure(jsonl(WHO, WHO), ScriptedRetriever({}), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_a_quote_outside_its_document_is_named() -> None:
    question = Question("q7", "问", (Quote("a.txt", "李四主持"),))
    with pytest.raises(QuoteNotFound, match=r"set.jsonl: question q7 quotes '李四主持'.*'a.txt'"):
        measure(jsonl(question), ScriptedRetriever({}), path=Path("set.jsonl"))


def test_a_document_that_is_not_indexed_is_named() -> None:
    question = Question("q7", "问", (Quote("c.txt", "大会"),))
    with pytest.raises(InvalidQuestions, match=r"set.jsonl: question q7 names 'c.txt'.*qa index"):
        measure(jsonl(question), ScriptedRetriever({}), path=Path("set.jsonl"))


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(InvalidQuestions, match=r"^InvalidQuestions: question set: holds no question"):
        evaluate(jsonl())


def test_k_below_one_is_refused() -> None:
    with pytest.raises(InvalidQuestion, match="got 0"):
        evaluate(jsonl(WHO), k=0)


def test_a_corpus_beside_a_set_with_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidQuestions, match=r"question set: .*squad.*leave --corpus out"):
        evaluate(QuestionSet("squad", (WHO,)), corpus=tmp_path)


CHEMISTRY = "实验室新购置了一台质谱仪。质谱仪由陈工程师负责维护。"
KITCHEN = "食堂每周三供应饺子。饺子由王师傅亲手包制。"


def write_lines(path: Path, *records: dict) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
    return path


def measured(report: dict) -> dict:
    """Return a report's figures without its times."""
    rows = [{name: value for name, value in row.items() if name != "ms"} for row in report["per_question"]]
    return {**report, "per_question": rows, "latency_ms": None}


def test_json_lines_on_an_index_and_on_a_folder(
    documents: Callable[..., Path], tmp_path: Path, encoder: Encoder
) -> None:
    folder = documents(**{"lab.txt": CHEMISTRY, "food.txt": KITCHEN})
    build_index(folder, tmp_path / "index", model=encoder)
    questions = write_lines(
        tmp_path / "set.jsonl",
        {
            "id": "1",
            "question": "誰負責維護質譜儀?",
            "evidence": [{"document": "lab.txt", "quote": "陈工程师负责维护"}],
        },
        {
            "id": "2",
            "question": "饺子是谁包的",
            "evidence": [{"document": "food.txt", "quote": "王师傅"}],
            "answers": ["王师傅"],
        },
    )
    got = dict(evaluate(questions, tmp_path / "index").figures)
    assert (got["model"], got["passages"], got["questions"]) == ("builtin", 2, 2)
    assert (got["success@1"], got["ndcg@10"], got["legs"]["lexical"]["success@1"]) == (1.0, 1.0, 1.0)
    assert [row["top"]["document"] for row in got["per_question"]] == ["lab.txt", "food.txt"]
    assert got["answers"]["evidence"] == 1.0
    assert measured(dict(evaluate(questions, "nowhere", corpus=folder).figures)) == measured(got)


def asked_of(name: str, text: str, answer: str | None) -> dict:
    return {
        "id": name,
        "question": text,
        "is_impossible": answer is None,
        "answers": [{"text": answer, "answer_start": 0}] if answer else [],
    }


def test_a_squad_file_brings_its_own_passages(tmp_path: Path) -> None:
    paragraphs = [
        {
            "context": CHEMISTRY,
            "qas": [asked_of("a", "谁维护质谱仪", "陈工程师"), asked_of("b", "火星上有多少座火山", None)],
        },
        {"context": KITCHEN, "qas": [asked_of("c", "周三食堂供应什么", "饺子")]},
    ]
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]}), "utf-8")
    told: list[tuple[int, int]] = []
    got = evaluate(path, progress=lambda done, total: told.append((done, total))).figures
    assert told[-1] == (3, 3)
    assert (got["passages"], got["questions"], got["success@1"]) == (2, 3, 1.0)
    assert {row["id"]: (row["expected"], row["rank"]) for row in got["per_question"]} == {
        "a": (True, 1),
        "b": (False, None),
        "c": (True, 1),
    }
    assert got["declined"]["auroc"] == 1.0


def test_without_some_gold_passages_their_questions_must_be_declined(tmp_path: Path) -> None:
    paragraphs = [
        {"context": f"{name}由{keeper}负责维护。", "qas": [asked_of(str(n), f"谁维护{name}", keeper)]}
        for n, (name, keeper) in enumerate(
            [("质谱仪", "陈工程师"), ("锅炉房", "李师傅"), ("图书馆", "王馆员"), ("温室", "赵博士")]
        )
    ]
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}), "utf-8")
    got = evaluate(path, without_gold=0.5).figures
    gone = [row["id"] for row in got["per_question"] if not row["expected"]]
    assert gone == [str(n) for n in range(4) if sha256(str(n).encode()).digest()[0] < 128]
    assert (got["passages"], got["questions"], got["without_gold"]) == (4 - len(gone), 4, 0.5)
    assert got["success@1"] == 1.0
    assert got["declined"]["auroc"] == 1.0
    assert "without_gold" not in evaluate(path).figures


def test_a_reranker_is_named_and_ranks_the_pipeline_but_not_the_legs(tmp_path: Path) -> None:
    pages = (Document("lab", "", CHEMISTRY), Document("food", "", KITCHEN))
    judged = load_reranker(small_cross_encoder(tmp_path / "cross")).score("谁维护质谱仪", [CHEMISTRY, KITCHEN])
    worse = "lab" if judged[0] < judged[1] else "food"
    asked = QuestionSet("squad", (Question("1", "谁维护质谱仪"),), pages, {"1": {worse: 1}})
    got = evaluate(asked, reranker=tmp_path / "cross").figures
    assert got["reranker"] == str(tmp_path / "cross")
    assert got["per_question"][0]["rank"] == 2
    assert got["legs"] == evaluate(asked).figures["legs"]
    assert f"model builtin, reranker {tmp_path / 'cross'}, 2 passages" in render(got)


def test_a_beir_folder_brings_its_own_passages_and_grades(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "corpus.jsonl",
        {"_id": "lab", "title": "", "text": CHEMISTRY},
        {"_id": "food", "title": "", "text": KITCHEN},
    )
    write_lines(tmp_path / "queries.jsonl", {"_id": "q", "text": "质谱仪由谁维护"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq\tlab\t1\nq\tfood\t2\n", "utf-8")
    got = evaluate(tmp_path, k=1).figures
    assert (got["k"], got["success@1"], got["recall@10"]) == (1, 1.0, 1.0)
    assert got["ndcg@10"] == pytest.approx((1 + 2 / 1.5849625) / (2 + 1 / 1.5849625))


def test_a_model_that_is_not_there_and_the_file_of_a_bad_label_are_named(
    documents: Callable[..., Path], tmp_path: Path
) -> None:
    folder = documents(**{"lab.txt": CHEMISTRY})
    label = {"document": "lab.txt", "quote": "李工程师"}
    questions = write_lines(tmp_path / "set.jsonl", {"id": "1", "question": "谁?", "evidence": [label]})
    with pytest.raises(QuoteNotFound, match=r"set\.jsonl: question 1 quotes '李工程师'"):
        evaluate(questions, corpus=folder)
    with pytest.raises(ModelMissing, match=r"modules\.json"):
        evaluate(questions, corpus=folder, model=str(folder))


def test_a_blank_question_finds_nothing_and_scores_zero(encoder: Encoder) -> None:
    page = Document("p", "", "大会由甲主持。")
    questions = (Question("1", "谁主持了大会"), Question("2", ""))
    blank = QuestionSet("squad", questions, (page,), {"1": {"p": 1}, "2": {"p": 1}})
    with temporary_index([page], encoder) as opened:
        figures = measure(blank, opened).figures
    assert figures["success@1"] == 0.5
    assert figures["legs"]["dense"]["success@10"] == 0.5
    assert [row["rank"] for row in figures["per_question"]] == [1, None]
