"""Passages are exact slices: paragraphs without boilerplate, tiny ones joined, long ones cut at sentence ends."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.read import read_documents
from qa.records import Document, Passage
from qa.split import key, split_document, weigh

SEEDS = Path(__file__).parents[1] / "seeds"
LONG = "大会总结了一年来的工作并对下一年度的重点任务作出全面部署,要求各科室抓好落实,务求实效。"  # 45 characters
MORE = "职工代表分组审议了工作报告、财务报告和提案办理情况报告,会议通过了相关决议,圆满完成各项议程。"


def split(text: str, target: int = 350) -> list[str]:
    return [passage.text for passage in split_document(Document("d", "", text), target)]


def test_a_line_of_a_saved_page_is_a_passage() -> None:
    text = f"{LONG}\n640.jpg\n\n{MORE}"
    assert split_document(Document("d", "", text)) == [
        Passage(f"d#0-{len(LONG)}", "d", 0, len(LONG), LONG),
        Passage(f"d#{len(text) - len(MORE)}-{len(text)}", "d", len(text) - len(MORE), len(text), MORE),
    ]


def test_a_heading_joins_what_follows_and_a_signature_what_precedes() -> None:
    assert split(f"一、总体要求\n{LONG}\n\n{MORE}\n编辑/严晓博") == [f"一、总体要求\n{LONG}", f"{MORE}\n编辑/严晓博"]


def test_a_short_paragraph_of_one_sentence_stands_alone_and_a_very_short_one_leads() -> None:
    short = "医院召开了年度总结大会,院长作工作报告,大家一致表示赞同。"  # 27 characters
    assert split(f"{short}\n{MORE}") == [short, MORE]
    assert split(f"书记提出三点要求。\n{MORE}") == [f"书记提出三点要求。\n{MORE}"]
    assert split(f"▲书记讲话\n书记提出三点要求。\n{MORE}") == [f"▲书记讲话\n书记提出三点要求。\n{MORE}"]


def test_tiny_paragraphs_never_join_over_boilerplate() -> None:
    assert split("▲主会场\nfrom clipboard\n▲分会场") == ["▲主会场", "▲分会场"]


def test_joining_stays_within_the_target() -> None:
    assert split(f"一、要求\n{LONG}", target=47) == ["一、要求", LONG]


def test_a_long_paragraph_is_cut_at_sentence_ends_into_like_pieces() -> None:
    assert split(LONG * 4, target=100) == [LONG * 2, LONG * 2]
    assert split(LONG * 5, target=200) == [LONG * 3, LONG * 2]


def test_no_cut_inside_quotes_and_titles() -> None:
    quote = "“" + "要抓好落实。" * 12 + "”"
    pieces = split(f"{LONG}{quote}他表示,{LONG}", target=100)
    assert any(quote in piece for piece in pieces)


def test_an_endless_sentence_is_cut_outside_its_quotes() -> None:
    pieces = split("要抓好落实,“要求,明确,责任,清楚”," * 20, target=50)
    assert len(pieces) > 5
    assert [piece for piece in pieces if piece.count("“") != piece.count("”")] == []


def test_a_quote_far_longer_than_the_target_is_cut() -> None:
    pieces = split("“" + "要抓好落实," * 100 + "”", target=100)
    assert max(map(weigh, pieces)) <= 100
    assert all(piece.endswith(",") for piece in pieces[:-1])


@pytest.mark.parametrize("unit", ["字", "word ", "落实,", "e\u0301", "👩\u200d⚕️"])
def test_an_endless_sentence_is_cut_within_the_target(unit: str) -> None:
    text = unit * 2000
    pieces = split(text, target=100)
    assert max(map(weigh, pieces)) <= 100
    assert "".join("".join(piece.split()) for piece in pieces) == text.replace(" ", "")
    assert not any(piece.startswith(("\u0301", "\u200d", "⚕", "\ufe0f")) for piece in pieces)


def steps(text: str) -> float:
    """Return how many functions, of Python and of C, are called and left for each character of a text that is split."""
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    document = Document("d", "", text)
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        split_document(document)
    finally:
        sys.setprofile(before)
    return count / len(text)


@pytest.mark.parametrize("unit", ["“", "()", "（「", "# ", "x"])
def test_an_endless_sentence_of_marks_takes_few_steps_a_character(unit: str) -> None:
    assert steps(unit * 20_000) < 0.6  # 27 and more if each bracket is looked at, 0.8 if each blank


def test_an_endless_sentence_of_commas_in_brackets_takes_few_steps_a_character() -> None:
    assert steps("(,,,,,,)" * 20_000) < 2  # 30 if each comma is held against each pair


def test_the_lines_of_a_very_long_list_stand_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.split._BLOCK", 1000)
    lines = [f"第{n}项" for n in range(1, 1000)]
    lines[500] = "长" * 250
    passages = split("\n".join(lines), target=100)
    assert "\n".join(passages[:-1]).startswith("\n".join(lines[:500]))
    assert "".join("".join(passages).split()) == "".join(lines)
    assert all(weigh(passage) <= 100 for passage in passages)
    assert len(passages) < 60  # more where a million characters end


def test_a_very_long_list_takes_few_steps_a_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.split._BLOCK", 1000)
    assert steps("会议\n" * 20_000) < 12  # 53 if each line is looked at


def test_a_very_long_text_is_split_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n\n".join(f"{n}、总体要求\n{LONG}\n640.jpg\n{MORE}{LONG * 8}" for n in range(20))
    whole = split_document(Document("d", "", text))
    monkeypatch.setattr("qa.split._BLOCK", text.index("1、总体要求") - 2)
    assert split_document(Document("d", "", text)) == whole


def test_hard_wrapped_lines_are_one_passage() -> None:
    wrapped = (
        "The hospital held its annual meeting of staff representatives in the main\n"
        "hall on Monday. The director reported on the work of the past year, while\n"
        "the party secretary chaired the meeting and gave the closing speech before\n"
        "the representatives voted on the report."
    )
    second = wrapped.replace("hospital", "academy")
    assert split(f"{wrapped}\n\n{second}") == [wrapped, second]


def test_hard_wrapped_chinese() -> None:
    body = (LONG + MORE) * 2
    wrapped = "\n".join(body[at : at + 38] for at in range(0, len(body), 38))
    assert split(wrapped) == [wrapped]


def test_short_lines_are_not_taken_for_wrapped_ones() -> None:
    lines = [f"{name}{LONG}" for name in ("第一条", "第二条", "第三条", "第四条", "第五条")]
    assert split("\n".join(lines)) == lines


def test_nothing_from_a_page_of_furniture() -> None:
    assert split("首页 > 新闻 > 正文\n640.jpg\n\n版权所有") == []


def test_passages_are_the_same_if_their_folds_are_white_space_aside() -> None:
    assert key("會議 開") == key("会议开") == key("会议\n开")
    assert key("散会") != key("会议开")


def test_weigh() -> None:
    assert weigh("会议，") == 3
    assert weigh("abcde") == pytest.approx(2.0)


pages = st.lists(
    st.one_of(
        st.text(alphabet=st.characters(), max_size=40),
        st.text(alphabet="会议。，“”《》 a\u0301\n", max_size=200),
        st.sampled_from(["首页 > 新闻 > 正文", "640.jpg", "来源:甲 阅读:1", LONG, MORE * 5, "\n"]),
    ),
    max_size=8,
).map("\n".join)


@given(pages, st.integers(20, 400))
def test_passages_are_exact_ordered_and_never_blank(text: str, target: int) -> None:
    end_before = 0
    for passage in split_document(Document("d", "", text), target):
        assert passage.text == text[passage.start : passage.end]
        assert passage.text.strip()
        assert end_before <= passage.start
        assert passage.id == f"d#{passage.start}-{passage.end}"
        end_before = passage.end


@given(st.lists(st.sampled_from([LONG, MORE, "一、要求", "▲主会场"]), min_size=1, max_size=12), st.integers(50, 400))
def test_content_is_neither_lost_nor_repeated(paragraphs: list[str], target: int) -> None:
    assert "".join("".join(split("\n".join(paragraphs), target)).split()) == "".join(paragraphs)


def test_the_seeds() -> None:
    passages = [passage for document in read_documents(SEEDS) for passage in split_document(document)]
    texts = [passage.text for passage in passages]
    counts = Counter(key(passage.text) for passage in passages)
    assert len(passages) == 79
    assert "▲党委副书记、纪委书记柴建军主持大会" in texts
    assert any(text.startswith("文字/院办公室") and text.endswith("陈恔") and "图片/孙良" in text for text in texts)
    repeated = list(dict.fromkeys(passage.text[:6] for passage in passages if counts[key(passage.text)] > 1))
    assert repeated == ["与会代表分成", "会议宣读了第"]
    assert max(map(weigh, texts)) <= 350
    everything = "\n".join(texts)
    for furniture in (
        "from clipboard",
        ".jpg",
        ".png",
        "浏览次数",
        "阅读",
        "点击",
        "字体",
        "版权所有",
        "Produced By",
        "首页",
    ):
        assert furniture not in everything
    for answer in ("赵昕蕊", "张淼", "沙太南路1023-1063号", "马岗大道33号", "杨梦园", "2024-04-22 10:02 今视频"):
        assert answer in everything
