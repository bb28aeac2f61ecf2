"""Each format gives its text; what is broken is refused with its reason."""

from __future__ import annotations

import io
import zipfile

import docx
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.formats import READERS, Page, UnreadableError, join_lines, parse

PARAGRAPH = "会上,院长作了工作报告,全面总结了一年来的工作,并对下一年度重点任务作出部署。"


def pdf(text: str) -> bytes:
    """Write a PDF of one page by hand: one line of text a line, Chinese by way of a ToUnicode map."""
    shown = " T* ".join(f"<{line.encode('utf-16-be').hex()}> Tj" for line in text.split("\n"))
    content = f"BT /F1 12 Tf 14 TL 50 700 Td {shown} ET".encode()
    cmap = (
        b"begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange "
        b"1 beginbfrange <0000> <ffff> <0000> endbfrange endcmap"
    )
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[7 0 R]>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(cmap), cmap),
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/DW 1000"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>",
    ]
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<</Size 8/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)
    return out + b"xref\n0 8\n0000000000 65535 f \n" + table + trailer


def encrypted(data: bytes) -> bytes:
    writer = pypdf.PdfWriter(io.BytesIO(data))
    writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def word(document: docx.document.Document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_text() -> None:
    assert parse("会议\r\n召开".encode("gb18030"), ".txt") == Page("会议\n召开")


def test_markdown_title_is_the_first_heading_outside_code() -> None:
    text = "```\n# comment\n```\n## 小节\n# **请假制度** #\n正文"
    assert parse(text.encode(), ".md") == Page(text, "请假制度")


def test_html_main_content_without_scripts() -> None:
    body = "".join(f"<p>{PARAGRAPH}</p>" for _ in range(5))
    head = "<head><title>会议召开</title><script>var x='secret'</script></head>"
    byline = "<div><span>时间:2024-04-01</span> <span>来源:宣传科</span></div>"
    source = f"<html>{head}<body><h1>会议召开</h1>{byline}<div class='content'>{body}</div></body></html>"
    page = parse(source.encode(), ".html")
    assert page.title == "会议召开"
    assert page.date == "2024-04-01"
    assert page.above.split() == ["会议召开", "时间:2024-04-01", "来源:宣传科"]
    assert page.text.count(PARAGRAPH) == 5
    assert "secret" not in page.text


def test_html_too_long_to_look_for_its_main_content_gives_its_visible_text() -> None:
    lists = "<ul><li>丙<li>丁</ul><style>x</style>"
    source = f"<title>名单</title><script>secret</script><div>甲<b>乙</b></div><!--{'x' * (2 << 20)}-->{lists}"
    assert parse(source.encode(), ".htm") == Page("甲乙\n\n丙\n\n丁", "名单")


def test_html_of_too_many_tags_to_look_for_its_main_content_gives_its_visible_text() -> None:
    rows = [f"<p>{n}.{PARAGRAPH}" for n in range(50)]
    page = f"<title>会议召开</title><body><nav><a href=/>网站首页</a></nav><div>{''.join(rows)}</div>"
    wide = page + "<p>" * 50_000
    assert "网站首页" not in parse(page.encode(), ".html").text
    assert parse(wide.encode(), ".html").text.split("\n")[0] == "网站首页"
    assert all(row.removeprefix("<p>") in parse(wide.encode(), ".html").text for row in rows)


def test_pdf_joins_wrapped_lines() -> None:
    wrapped = "\n".join(PARAGRAPH[at : at + 16] for at in range(0, len(PARAGRAPH), 16))
    assert parse(pdf(wrapped), ".pdf").text == PARAGRAPH


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            ["The hospital held its meet-", "ing on Monday in the hall", "and then closed."],
            "The hospital held its meeting on Monday in the hall and then closed.",
        ),
        (
            ["一、要求", "各科室要抓好工作落实,务求", "实效。", "二、安排", "- 3 -"],
            "一、要求\n各科室要抓好工作落实,务求实效。\n二、安排",
        ),
        (["a", "", "", "", "b"], "a\n\nb"),
        (["第 3 页"], ""),
    ],
)
def test_join_lines(lines: list[str], text: str) -> None:
    assert join_lines(lines) == text


def test_docx_paragraphs_and_tables_in_order() -> None:
    document = docx.Document()
    document.add_paragraph("前言")
    document.add_heading("请假制度", level=1)
    table = document.add_table(rows=2, cols=3)
    for cell, text in zip([cell for row in table.rows for cell in row.cells], "甲乙丙丁戊己", strict=True):
        cell.text = text
    table.cell(1, 0).merge(table.cell(1, 1))
    document.add_paragraph("后记")
    assert parse(word(document), ".docx") == Page("前言\n请假制度\n甲 | 乙 | 丙\n丁 戊 | 己\n后记", "请假制度")


def test_a_merged_cell_stands_once_a_row_and_in_every_row_it_spans() -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    for cell, text in zip([cell for row in table.rows for cell in row.cells], "甲乙丙丁戊己庚辛壬", strict=True):
        cell.text = text
    table.cell(0, 0).merge(table.cell(1, 0))
    table.cell(1, 1).merge(table.cell(2, 2))
    assert parse(word(document), ".docx").text == "甲 丁 | 乙 | 丙\n甲 丁 | 戊 己 辛 壬\n庚 | 戊 己 辛 壬"


def test_a_cell_that_claims_a_billion_columns_is_read_as_one() -> None:
    document = docx.Document()
    cells = document.add_table(rows=1, cols=2).rows[0].cells
    cells[0].text, cells[1].text = "甲", "乙"
    cells[0]._tc.grid_span = 10**9
    assert parse(word(document), ".docx").text == "甲 | 乙"


def test_a_heading_of_hash_marks_and_blanks_is_passed_over_at_once() -> None:
    text = f"# {'# ' * 200_000}x\n# 请假制度 ##"
    assert parse(text.encode(), ".md") == Page(text, "请假制度")


def bomb() -> bytes:
    """Pack 600 MiB of zeros, by their declared size only, into a small archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\x00" * 1000)
        archive.getinfo("word/document.xml").file_size = 600 << 20
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "suffix", "reason"),
    [
        (b"", ".txt", "the file is empty"),
        (b" \n\t", ".txt", "there is no text in it"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x04\xb0", ".txt", "binary data"),
        (b"<script>x</script>", ".html", "there is no text in it"),
        (b"%PDF-1.4\nbroken", ".pdf", "malformed PDF"),
        (pdf(""), ".pdf", "the PDF holds no text"),
        (encrypted(pdf("a")), ".pdf", "the PDF is encrypted"),
        (b"not a zip", ".docx", "not a Word document"),
        (bomb(), ".docx", "it unpacks to 600 MiB, more than 512 MiB"),
        (word(docx.Document()), ".docx", "there is no text in it"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, suffix: str, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        parse(data, suffix)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(sorted(READERS)))
def test_any_bytes_give_text_or_a_reason(data: bytes, suffix: str) -> None:
    prefix = {".pdf": b"%PDF-1.4\n", ".html": "<p>会议".encode()}.get(suffix, b"")
    try:
        page = parse(prefix + data, suffix)
    except UnreadableError:
        return
    page.text.encode()
    assert page.text.strip()
