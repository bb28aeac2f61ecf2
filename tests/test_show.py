from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from qa.records import Answer, Document, Evidence, Finding, Hit, Passage, Place, Span
from qa.show import (
    escape,
    harmless,
    hits_to_json,
    notice_to_html,
    page_link,
    page_to_html,
    question_to_html,
    read_page_link,
    strength,
    to_html,
    to_json,
)

TEXT = "开场。\n大会由党委副书记、纪委书记柴建军主持。会后合影。\n尾声"
DOCUMENT = Document("a.txt", "工作会议", TEXT, "2023-03-21", "本站", "a.txt", "协和医院")
OTHER = Document("文件夹/b.html", "另一篇", TEXT)


def hit(rank: int = 1, score: float = 0.8, document: Document = DOCUMENT, also: tuple[Place, ...] = ()) -> Hit:
    """A hit on the second line of ``TEXT``, its evidence the first sentence there."""
    start, end = TEXT.index("大会"), TEXT.index("\n尾声")
    quote = "大会由党委副书记、纪委书记柴建军主持。"
    evidence = Evidence(document.id, start, start + len(quote), quote)
    passage = Passage(f"{document.id}:{start}", document.id, start, end, TEXT[start:end], also)
    return Hit(rank, score, passage, document, 0.5, 2.0, evidence)


def answer(*hits: Hit, answered: bool = True, span: Span | None = None, confidence: float = 0.93) -> Answer:
    evidence = hits[0].evidence if answered and hits else None
    return Answer("谁主持大会？", answered, confidence, hits, evidence, span)


SPAN = Span(TEXT.index("柴建军"), TEXT.index("柴建军") + 3, "柴建军")


class Tags(HTMLParser):
    """Every tag, attribute and balance of a piece of HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def inside(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if name in (attributes.get("class") or "").split()]


def marks(source: str) -> list[tuple[str, str]]:
    return re.findall(r'<mark class="([^"]+)">([^<]*)</mark>', source)


# --- JSON


def test_the_json_of_an_answer_is_the_contract() -> None:
    also = (Place("文件夹/b.html", 4, 30),)
    assert json.loads(json.dumps(to_json(answer(hit(also=also), span=SPAN)))) == {
        "question": "谁主持大会？",
        "answered": True,
        "confidence": 0.93,
        "evidence": {"document": "a.txt", "start": 4, "end": 23, "quote": "大会由党委副书记、纪委书记柴建军主持。"},
        "span": {"start": 17, "end": 20, "text": "柴建军"},
        "hits": [
            {
                "rank": 1,
                "score": 0.8,
                "dense_score": 0.5,
                "lexical_score": 2.0,
                "document": "a.txt",
                "title": "工作会议",
                "start": 4,
                "end": 28,
                "text": "大会由党委副书记、纪委书记柴建军主持。会后合影。",
                "also_in": [{"document": "文件夹/b.html", "start": 4, "end": 30}],
                "evidence": {"start": 4, "end": 23, "quote": "大会由党委副书记、纪委书记柴建军主持。"},
            }
        ],
        "findings": [],
        "read_as": None,
    }


def test_what_was_looked_for_instead_is_said_and_escaped() -> None:
    read = replace(answer(hit()), read_as="<b>柴建军</b>主持了吗")
    assert to_json(read)["read_as"] == "<b>柴建军</b>主持了吗"
    for shown in (to_html(read), to_html(replace(read, answered=False))):
        assert '写法查找：<span class="wd-whole">&#60;b&#62;柴建军&#60;/b&#62;主持了吗</span>' in shown
    assert "wd-whole" not in to_html(answer(hit()))


def test_several_answers_are_listed_with_their_documents() -> None:
    other = hit(rank=2, document=Document("b.txt", "另一次会议", TEXT, "2024-02-04", organisation="乙医院"))
    found = (Finding("柴建军", "a.txt", 17, 20), Finding("陈旭坚", "b.txt", 5, 8))
    several = replace(answer(hit(), other, span=SPAN), findings=found)
    assert to_json(several)["findings"] == [
        {"text": "柴建军", "document": "a.txt", "start": 17, "end": 20, "also_in": []},
        {"text": "陈旭坚", "document": "b.txt", "start": 5, "end": 8, "also_in": []},
    ]
    parsed = Tags(to_html(several))
    assert len(parsed.inside("wd-finding")) == 2
    assert "陈旭坚 《另一次会议》 · 2024-02-04 · 乙医院" in parsed.text
    assert "wd-several" not in to_html(answer(hit(), span=SPAN))


def test_a_declined_answer_has_null_evidence_and_keeps_its_hits() -> None:
    shown = to_json(answer(hit(), answered=False))
    assert (shown["answered"], shown["evidence"], shown["span"], len(shown["hits"])) == (False, None, None, 1)


def test_a_hit_without_evidence_is_null() -> None:
    bare = Hit(1, 1.0, hit().passage, DOCUMENT, 0.0, 0.0)
    assert hits_to_json([bare])[0]["evidence"] is None


# --- text


def test_the_answer_card_shows_the_words_their_sentence_and_their_source() -> None:
    shown = to_html(answer(hit(), span=SPAN))
    card = shown[shown.index('<section class="wd-answer">') : shown.index("</section>")]
    assert '<div class="wd-words">柴建军</div>' in card
    assert '<div class="wd-quote">大会由党委副书记、纪委书记<mark class="wd-span">柴建军</mark>主持。</div>' in card
    assert re.sub("<[^>]+>", "", card).count("《工作会议》 · 2023-03-21 · 协和医院") == 1


def test_without_a_span_the_sentence_itself_is_large() -> None:
    shown = to_html(answer(hit()))
    assert '<div class="wd-quote wd-large">大会由党委副书记、纪委书记柴建军主持。</div>' in shown
    assert "wd-words" not in shown


def test_a_whole_clause_is_marked_in_its_sentence_and_not_said_twice() -> None:
    words = "各部门要认真研究职工代表提出的意见建议,能改的立行立改、能办的马上就办、需要研究的尽快推进"
    passage = Passage("d#0-60", "d", 0, len(words) + 6, f"会议要求,{words}。")
    long = Hit(1, 1.0, passage, DOCUMENT, 0.5, 2.0, Evidence("d", 0, len(words) + 6, passage.text))
    shown = to_html(answer(long, span=Span(5, 5 + len(words), words)))
    assert "wd-words" not in shown
    assert f'<mark class="wd-span">{words}</mark>' in shown


def test_a_passage_marks_evidence_and_span_at_their_place() -> None:
    shown = to_html(answer(hit(), span=SPAN))
    assert (
        '<div class="wd-text" dir="auto"><mark class="wd-evidence">大会由党委副书记、纪委书记</mark>'
        '<mark class="wd-evidence wd-span">柴建军</mark><mark class="wd-evidence">主持。</mark>会后合影。</div>'
    ) in shown


def test_the_span_is_marked_only_in_its_own_document() -> None:
    shown = to_html(answer(hit(), hit(2, 0.4, OTHER), span=SPAN))
    second = shown[shown.index('<span class="wd-rank">2</span>') :]
    assert marks(second) == [("wd-evidence", "大会由党委副书记、纪委书记柴建军主持。")]


def test_html_is_one_balanced_line_with_no_scripts_or_images() -> None:
    shown = to_html(answer(hit(also=(Place("b", 0, 2),)), hit(2, 0.2, OTHER)), language="en")
    assert "\n" not in shown
    assert {tag for tag, _ in Tags(shown).tags} <= {"div", "section", "span", "ol", "li", "a", "button", "mark", "i"}


def test_a_decline_folds_the_near_misses() -> None:
    shown = to_html(answer(hit(), answered=False))
    assert '<div class="wd-none">没有找到：文档里没有回答这个问题的内容。</div><details class="wd-misses">' in shown
    assert "wd-answer" not in shown
    assert "details" not in to_html(answer(answered=False))


def test_a_long_passage_further_down_folds_to_its_evidence() -> None:
    text = "甲" * 100 + "答案在此。" + "乙" * 100
    document = Document("c", "长", text)
    evidence = Evidence("c", 100, 105, "答案在此。")
    long = Hit(2, 0.5, Passage("c:0", "c", 0, 205, text), document, 0, 0, evidence)
    shown = to_html(answer(hit(), long))
    folded = f'dir="auto">…{"甲" * 48}<mark class="wd-evidence">答案在此。</mark>{"乙" * 48}…</summary>'
    assert folded in shown
    assert "<details" not in to_html(answer(Hit(1, 0.5, long.passage, document, 0, 0, evidence)))


def test_also_in_shows_titles_and_falls_back_to_the_id() -> None:
    shown = to_html(answer(hit(also=(Place("b", 1, 2), Place("c", 3, 4)))), {"b": "乙篇"})
    assert re.findall(r'<a class="wd-open" href="[^"]+">([^<]+)</a>', shown) == ["乙篇", "c"]


@pytest.mark.parametrize(
    ("confidence", "score", "step"), [(0.9, 0.8, 3), (0.9, 0.4, 2), (0.9, 0.1, 1), (0.4, 0.8, 2), (0.22, 0.8, 2)]
)
def test_strength_is_the_share_of_the_best_weighed_by_confidence(confidence: float, score: float, step: int) -> None:
    second = hit(2, score)
    assert strength(answer(hit(1, 0.8), second, confidence=confidence), second) == step


def test_near_misses_are_weak_and_scores_below_zero_do_not_break_the_bar() -> None:
    assert strength(answer(hit(), answered=False), hit()) == 1
    assert strength(answer(hit(score=-2.0)), hit(score=-2.0)) == 3


def test_strength_is_a_word_and_a_bar_and_no_percentage() -> None:
    shown = to_html(answer(hit()))
    assert '<span class="wd-strength wd-step-3">' + '<i class="wd-on"></i>' * 3 + " 很相关</span>" in shown
    assert "%" not in re.sub(r'href="[^"]*"', "", shown)


# --- HTML: what must not happen

NASTY = [
    "<script>alert(1)</script>",
    '<img src=x onerror=alert(1) onclick="alert(1)">',
    "$$\\frac{1}{2}$$ \\(x\\)",
    "![pixel](http://evil.example/p.png)",
    "[click](javascript:alert(1))",
    '"><svg/onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</div></section><iframe src=//evil.example>",
    "&lt;script&gt; &#60;b&#62;",
    "${alert(1)} {{constructor}} `x`",
    "\n\n# heading\n\n* item\n\n    code\n",
    "<!-- --> <![CDATA[ ]]> <?php ?>",
]


@pytest.mark.parametrize("nasty", NASTY)
def test_what_a_document_says_stays_text(nasty: str) -> None:
    text = f"前{nasty}后"
    document = Document(f"{nasty}.txt", nasty, text, nasty, nasty, nasty, nasty)
    place = Place(document.id, 0, len(text))
    passage = Passage("p", document.id, 0, len(text), text, (place,))
    found = Hit(1, 1.0, passage, document, 0, 0, Evidence(document.id, 0, len(text), text))
    shown = Answer(nasty, True, 0.9, (found,), found.evidence, Span(1, 1 + len(nasty), nasty))
    pieces = [
        to_html(shown),
        page_to_html(document, place, (0, len(text))),
        question_to_html(nasty),
        notice_to_html(nasty),
    ]
    for piece in pieces:
        parsed = Tags(piece)
        allowed = {"div", "section", "span", "ol", "li", "a", "button", "mark", "i", "br", "p", "h2"}
        assert {tag for tag, _ in parsed.tags} <= allowed
        assert {name for _, attributes in parsed.tags for name in attributes} <= {
            *("class", "href", "type", "dir", "id", "tabindex", "role", "aria-label")
        }
        assert all((attributes.get("href") or "#")[0] in "#?" for _, attributes in parsed.tags)
        assert "".join(nasty.split()) in "".join(parsed.text.split())
        assert "\n" not in piece
        assert not re.search(r"[$`{}\[\]*!\\]|(?<!&)#(?!page)", re.sub(r'(href|style)="[^"]*"', "", piece))


def test_escape_leaves_no_active_character() -> None:
    assert escape("<a href='x'>&\"$`{") == "&#60;a href=&#39;x&#39;&#62;&#38;&#34;&#36;&#96;&#123;"
    assert html.unescape(escape("<b> & `x` $$ {{y}} 中文")) == "<b> & `x` $$ {{y}} 中文"


def test_controls_and_reordering_marks_are_harmless() -> None:
    assert (
        harmless("a\u202eb\u2066c\x00d\x1b[31m\x9fe\ud800\r\nf\u2028g\th")
        == "abc\ufffdd\ufffd[31m\ufffde\ufffd\nf\ng\th"
    )
    harmless("a\u202eb").encode()


def test_a_lone_surrogate_can_be_sent() -> None:
    asked = Answer("\ud800", True, 1.0, (hit(document=Document("\ud800", "\ud800", TEXT)),), hit().evidence, None)
    assert to_html(asked).encode()


# --- page links and the page


@pytest.mark.parametrize("document_id", ["a.txt", "文件夹/b c.html", "x&at=1-2#?%.txt", "<b>\"'"])
@pytest.mark.parametrize("evidence", [None, (7, 9)])
def test_a_page_link_reads_back(document_id: str, evidence: tuple[int, int] | None) -> None:
    place = Place(document_id, 5, 20)
    found = None if evidence is None else Evidence(document_id, *evidence, "")
    (attributes,) = Tags(page_link("看", place, found)).inside("wd-open")
    assert read_page_link(attributes["href"] or "") == (place, evidence)


@pytest.mark.parametrize(
    "address", ["", "#page=a", "#page=&at=1-2", "#page=a&at=1", "#page=a&at=1-2-3", "javascript:1", "#page=a&at=١-٢"]
)
def test_any_other_address_is_no_page_link(address: str) -> None:
    assert read_page_link(address) is None


def test_the_page_marks_the_passage_and_its_evidence_and_greys_what_is_not_searched() -> None:
    found = hit()
    assert found.evidence is not None
    shown = page_to_html(
        DOCUMENT,
        Place("a.txt", found.passage.start, found.passage.end),
        (found.evidence.start, found.evidence.end),
        [Place("a.txt", 0, 3), found.passage],
    )
    assert re.findall(r"<p .*?</p>", shown) == [
        '<p class="" dir="auto">开场。</p>',
        '<p class="wd-passage" dir="auto" id="wd-here" tabindex="-1"><mark class="wd-evidence">'
        "大会由党委副书记、纪委书记柴建军主持。</mark>会后合影。</p>",
        '<p class="wd-left-out" dir="auto">尾声</p>',
    ]
    assert "2023-03-21" in shown
    assert "来源: 本站" in shown


def test_only_the_first_line_of_a_passage_is_where_to_scroll() -> None:
    shown = page_to_html(DOCUMENT, Place("a.txt", 0, len(TEXT)), None)
    assert (shown.count("wd-here"), shown.count('class="wd-passage"')) == (1, 3)


def test_a_page_without_a_place_marks_and_greys_nothing() -> None:
    shown = page_to_html(DOCUMENT)
    assert [name for name in ("<mark", "wd-here", "wd-passage", "wd-left-out") if name in shown] == []
