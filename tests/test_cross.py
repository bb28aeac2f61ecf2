import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import CrossEncoder
from small_models import small_cross_encoder, small_transformer
from torch.nn import Identity

from qa.cross import RERANK_DEPTH, Reranker, load_reranker, rerank
from qa.embed import Encoder, Floats
from qa.errors import ModelMissing
from qa.rank import Candidate, Ranked
from qa.records import Document, Passage
from qa.search import Retriever
from qa.temporary import temporary_index

CHAIRED = "谁主持了大会"
TEXTS = ["大会由甲同志主持", "今日天气很好", "协和医院", "大会由乙同志主持天气晴朗", "丙"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_cross_encoder(tmp_path_factory.mktemp("models") / "cross")


@pytest.fixture(scope="module")
def reranker(folder: Path) -> Reranker:
    return load_reranker(folder)


def ranked(*texts: str, heading: str = "") -> list[Ranked]:
    passages = [Passage(f"p{n}", f"d{n}", 0, len(text), text) for n, text in enumerate(texts)]
    return [
        Ranked(Candidate(n, passage, heading, 0.0, 0.0), 9.0 - n, (0, passage.end), {})
        for n, passage in enumerate(passages)
    ]


def rows(items: Sequence[Ranked]) -> list[int]:
    return [item.candidate.row for item in items]


class Scripted:
    """Gives fixed scores, and keeps what it was asked."""

    name = "scripted"

    def __init__(self, *scores: float) -> None:
        self._scores = np.array(scores, np.float32)
        self.asked: list[tuple[str, list[str]]] = []

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        self.asked.append((question, list(passages)))
        return self._scores[: len(passages)]


def test_scores_are_the_librarys_own_before_its_activation(folder: Path, reranker: Reranker) -> None:
    library = CrossEncoder(str(folder), device="cpu")
    pairs = [(CHAIRED, text) for text in TEXTS]
    found = reranker.score(CHAIRED, TEXTS)
    assert (found.dtype, found.shape) == (np.float32, (5,))
    assert found == pytest.approx(library.predict(pairs, activation_fn=Identity()), abs=1e-5)
    assert 1 / (1 + np.exp(-found)) == pytest.approx(library.predict(pairs), abs=1e-5)
    assert np.ptp(found) > 0.01


def test_the_order_is_the_librarys_own(folder: Path, reranker: Reranker) -> None:
    best_first = [row["corpus_id"] for row in CrossEncoder(str(folder), device="cpu").rank(CHAIRED, TEXTS)]
    assert best_first != [0, 1, 2, 3, 4]
    assert rows(rerank(CHAIRED, ranked(*TEXTS), reranker)) == best_first


def test_only_the_first_are_judged_and_the_rest_follow_in_their_order() -> None:
    judge = Scripted(-3.0, 2.0, -1.0)
    order = rerank(CHAIRED, ranked(*TEXTS), judge, depth=3)
    assert judge.asked == [(CHAIRED, TEXTS[:3])]
    assert rows(order) == [1, 2, 0, 3, 4]
    assert [item.score for item in order] == [2.0, -1.0, -3.0, -3.0, -4.0]


def test_the_rest_keep_scores_that_are_low_enough() -> None:
    assert [item.score for item in rerank(CHAIRED, ranked(*TEXTS), Scripted(20.0, 30.0), depth=2)] == [30, 20, 7, 6, 5]


def test_ties_keep_their_order() -> None:
    assert rows(rerank(CHAIRED, ranked(*TEXTS), Scripted(1.0, 1.0, 2.0, 1.0, 1.0))) == [2, 0, 1, 3, 4]


def test_a_passage_is_read_under_its_heading() -> None:
    judge = Scripted(0.0)
    rerank(CHAIRED, ranked("大会", heading="协和医院"), judge)
    assert judge.asked == [(CHAIRED, ["协和医院\n大会"])]


def test_nothing_ranked_is_nothing(reranker: Reranker) -> None:
    assert rerank(CHAIRED, [], reranker) == []


def test_a_retriever_shows_what_its_reranker_puts_first(encoder: Encoder, reranker: Reranker) -> None:
    texts = [Document(str(n), "", text) for n, text in enumerate(TEXTS)]
    scores = dict(zip(TEXTS, reranker.score(CHAIRED, TEXTS).tolist(), strict=True))
    with temporary_index(texts, encoder, reranker=reranker) as judged, temporary_index(texts, encoder) as plain:
        hits = judged.search(CHAIRED, k=5)
        assert [hit.passage.text for hit in hits] == sorted(TEXTS, key=lambda text: -scores[text])
        assert [hit.score for hit in hits] == pytest.approx(sorted(scores.values(), reverse=True), abs=1e-5)
        assert list(judged.ask(CHAIRED).hits) == hits
        assert hits[0].passage.text != plain.search(CHAIRED)[0].passage.text
        assert judged.legs(CHAIRED) == plain.legs(CHAIRED)


def test_every_judged_passage_is_read_so_that_its_words_can_be_marked(encoder: Encoder) -> None:
    texts = [Document(str(n), "", f"大会的第{n}项议程是大会主持人介绍来宾。") for n in range(12)]
    texts.append(Document("answer", "", "由柴建军主持。"))
    judge = Scripted(*range(RERANK_DEPTH))
    with temporary_index(texts, encoder, reranker=judge) as opened:
        best = opened.ask(CHAIRED, k=13)
    assert len(judge.asked[0][1]) == 13
    assert best.hits[0].score == 12.0
    assert best.hits[0].passage.text == judge.asked[0][1][12]


def test_a_reranker_is_opened_by_path(seeds_index: Path, encoder: Encoder, folder: Path, reranker: Reranker) -> None:
    opened = Retriever.open(seeds_index, encoder=encoder, reranker=str(folder))
    best = opened.search(CHAIRED, k=1)[0]
    heading = f"{best.document.organisation} {best.document.title}"
    heading = best.document.title if best.document.organisation in best.document.title else heading
    assert best.score == pytest.approx(reranker.score(CHAIRED, [f"{heading}\n{best.passage.text}"])[0], abs=1e-5)
    opened.passages.close()


def test_the_same_scores_come_in_every_thread(reranker: Reranker) -> None:
    questions = [CHAIRED * (1 + n % 20) for n in range(100)]
    expected = [reranker.score(question, TEXTS) for question in questions[:20]]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: reranker.score(question, TEXTS), questions))
    assert all(np.allclose(row, expected[n % 20], atol=1e-5) for n, row in enumerate(found))


@pytest.mark.parametrize("name", ["nobody/no-such-reranker", "/no/such/folder"])
def test_a_reranker_that_is_not_here_is_named(name: str) -> None:
    with pytest.raises(ModelMissing, match=rf"{name}: .*not downloaded to this machine.*leave --reranker out"):
        load_reranker(name)


def test_an_incomplete_reranker_names_the_missing_files(tmp_path: Path) -> None:
    folder = small_cross_encoder(tmp_path / "cross")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelMissing, match=r"files are missing: .*cross/tokenizer\.json"):
        load_reranker(folder)


def test_a_model_that_does_not_judge_is_refused(tmp_path: Path) -> None:
    small_transformer(tmp_path / "model")
    with pytest.raises(ModelMissing, match="holds BertModel, which is no cross-encoder"):
        load_reranker(tmp_path / "model-bert")
    with pytest.raises(ModelMissing, match="gives 3 scores a pair, 1 is needed"):
        load_reranker(small_cross_encoder(tmp_path / "three", labels=3))


def test_a_model_without_a_kind_is_refused(tmp_path: Path) -> None:
    folder = small_cross_encoder(tmp_path / "cross")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "architectures": None}), "utf-8")
    with pytest.raises(ModelMissing, match="no cross-encoder"):
        load_reranker(folder)
