from __future__ import annotations

import re
from dataclasses import replace

from test_show import OTHER, SPAN, TEXT, answer, hit

from qa.plain import to_markdown, to_text
from qa.records import Document, Finding, Place


def test_several_answers_are_listed_with_their_documents() -> None:
    other = hit(rank=2, document=Document("b.txt", "另一次会议", TEXT, "2024-02-04", organisation="乙医院"))
    found = (Finding("柴建军", "a.txt", 17, 20), Finding("陈旭坚", "b.txt", 5, 8))
    lines = to_text(replace(answer(hit(), other, span=SPAN), findings=found)).split("\n")
    assert lines[2] == "几份文档各有答案："
    assert lines[4] == "  - 陈旭坚 · 2024-02-04 · 乙医院 · 另一次会议"


def test_the_text_numbers_sources_and_marks_evidence() -> None:
    assert to_text(answer(hit(), hit(2, 0.4, OTHER), span=SPAN)) == (
        "柴建军\n"
        "\n"
        "[1] 工作会议 · 2023-03-21 · a.txt\n"
        "    【大会由党委副书记、纪委书记柴建军主持。】会后合影。\n"
        "\n"
        "[2] 另一篇 · 文件夹/b.html\n"
        "    【大会由党委副书记、纪委书记柴建军主持。】会后合影。"
    )


def test_the_text_says_what_was_looked_for_instead() -> None:
    read = replace(answer(hit()), read_as="柴建军\n主持")
    assert to_text(read).split("\n")[:3] == [
        "按文档里的写法查找：柴建军 主持",
        "",
        "大会由党委副书记、纪委书记柴建军主持。",
    ]


def test_without_a_span_the_text_opens_with_the_evidence() -> None:
    assert to_text(answer(hit())).startswith("大会由党委副书记、纪委书记柴建军主持。\n")


def test_colour_marks_the_span_within_the_evidence() -> None:
    assert "\x1b[1m大会由党委副书记、纪委书记\x1b[0m\x1b[1;33m柴建军\x1b[0m\x1b[1m主持。\x1b[0m会后合影。" in to_text(
        answer(hit(), span=SPAN), colour=True
    )


def test_a_decline_says_so_and_calls_near_misses_that() -> None:
    assert to_text(answer(hit(), answered=False)).split("\n")[:3] == [
        "没有找到：文档里没有回答这个问题的内容。",
        "",
        "最接近的 1 个段落（仅供参考，并未回答问题）",
    ]
    assert to_text(answer(answered=False)) == "没有找到：文档里没有回答这个问题的内容。"
    assert (
        to_text(answer(answered=False), language="en") == "Not found: nothing in the documents answers this question."
    )


def test_text_names_the_other_places() -> None:
    assert to_text(answer(hit(also=(Place("文件夹/b.html", 0, 2),)))).endswith("\n    同样见于: 文件夹/b.html")


def test_no_control_character_reaches_the_terminal() -> None:
    document = Document("\x1b[2Ja.txt", "标题\x07\u202e", TEXT, "2023\x9b31m")
    shown = to_text(answer(hit(document=document)))
    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown) == []


# --- Markdown


def test_markdown_quotes_the_evidence_and_lists_the_sources() -> None:
    assert to_markdown(answer(hit(), span=SPAN)) == (
        "> 柴建军\n\n1. **工作会议 · 2023\\-03\\-21 · 协和医院 · a\\.txt**  \n   大会由党委副书记、纪委书记柴建军主持。"
    )


def test_markdown_in_a_document_stays_text() -> None:
    shown = to_markdown(answer(hit(document=Document("a", "![x](http://e/x.png) <b> [l](javascript:1) $$x$$", TEXT))))
    assert "\\!\\[x\\]\\(http://e/x\\.png\\) \\<b\\> \\[l\\]\\(javascript:1\\) \\$\\$x\\$\\$" in shown


def test_a_declined_answer_in_markdown() -> None:
    assert to_markdown(answer(hit(), answered=False), "en").startswith("**Not found: nothing")


# --- HTML: what is shown
