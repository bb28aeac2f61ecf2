from collections.abc import Callable
from pathlib import Path

import pytest

from qa.build import build_index
from qa.embed import Encoder
from qa.errors import InvalidQuestion
from qa.search import Retriever
from qa.why import to_json, to_text, why

CHAIRED = "谁主持了大会"
PAGE = "首页 > 新闻中心 > 正文\n\n关于召开年度总结大会的新闻\n\n" + "大会由甲同志主持。" + "会议审议了报告。" * 80


@pytest.fixture
def retriever(documents: Callable[..., Path], tmp_path: Path, encoder: Encoder) -> Retriever:
    build_index(documents(**{"a.txt": PAGE, "b.txt": "食堂今日供应红烧肉。"}), tmp_path / "i", model=encoder)
    return Retriever.open(tmp_path / "i", encoder=encoder)


def test_a_shown_passage_has_its_ranks(retriever: Retriever) -> None:
    trace = why(retriever, CHAIRED, "由甲同志主持")
    assert (trace.step, dict(trace.ranks)["shown"], dict(trace.ranks)["lexical"]) == ("shown", 1, 1)
    assert trace.passage is not None
    assert "由甲同志主持" in trace.passage.text
    [place] = trace.places
    assert retriever.document("a.txt").text[place.start : place.end] == "由甲同志主持"


def test_words_that_were_translated_are_told(retriever: Retriever) -> None:
    trace = why(retriever, "Which report did the meeting hear?", "由甲同志主持")
    assert {word: targets[0] for word, targets in trace.read_as.items()}.items() >= {
        ("report", "报告"),
        ("meeting", "会议"),
    }
    assert to_json(trace)["read_as"] == trace.read_as
    assert "meeting was read as 会议" in to_text(trace)
    assert why(retriever, CHAIRED, "由甲同志主持").read_as == {}


def test_expected_words_are_folded(retriever: Retriever) -> None:
    assert why(retriever, CHAIRED, "大會由甲同誌主持").step in {"shown", "not read"}
    assert why(retriever, CHAIRED, "大會由甲").step == "shown"


def test_what_ranks_below_k_is_told(retriever: Retriever) -> None:
    assert why(retriever, CHAIRED, "供应红烧肉", k=1).step == "below k"


def test_words_that_no_document_holds_were_not_read(retriever: Retriever) -> None:
    trace = why(retriever, CHAIRED, "火星移民")
    assert (trace.step, trace.places, trace.passage) == ("not read", (), None)


def test_furniture_is_told(retriever: Retriever) -> None:
    assert why(retriever, CHAIRED, "新闻中心 > 正文").step == "boilerplate"


def test_words_over_two_passages_are_told(retriever: Retriever) -> None:
    first, second = [passage for passage in retriever.passages if passage.document_id == "a.txt"][:2]
    text = retriever.document("a.txt").text
    assert why(retriever, CHAIRED, text[first.end - 3 : second.start + 3]).step in {"split", "shown", "below k"}
    whole = text[first.start : second.end]
    assert why(retriever, CHAIRED, whole).step == "split"


def test_a_blank_expectation_is_refused(retriever: Retriever) -> None:
    with pytest.raises(InvalidQuestion, match="expected text is empty"):
        why(retriever, CHAIRED, "  ")


def test_the_trace_is_shown_as_json_and_as_text(retriever: Retriever) -> None:
    trace = why(retriever, CHAIRED, "由甲同志主持")
    assert to_json(trace)["ranks"] == {"dense": 1, "lexical": 1, "fused": 1, "shown": 1}
    assert to_json(trace)["passage"]["document"] == "a.txt"
    assert to_text(trace).splitlines()[0] == "shown: shown"
    assert to_text(why(retriever, CHAIRED, "火星移民")).startswith("not read: no indexed document")
