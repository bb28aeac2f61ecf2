"""The chat in a real Chromium. Every page checks at its end that nothing left this machine and nothing went wrong."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from qa.build import build_index
from qa.chat import build_app
from qa.embed import Encoder
from qa.records import Answer
from qa.search import Retriever
from qa.web import running

pytestmark = pytest.mark.browser

SEEDS = Path(__file__).parents[1] / "seeds"
QUESTION = "谁主持了大会"
UNANSWERABLE = "qqqq zzzz xxxx wwww"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
NASTY = """龙虾采购清单 <script>window.hacked = 1</script>

龙虾由后勤处<img src=x onerror="window.hacked=2">采购，<b onclick="window.hacked=3">单价</b>是 $$\\frac{1}{2}$$ 元。\
![像素](http://evil.example/p.png) [点我](javascript:window.hacked=4) <svg/onload=window.hacked=5> ${window.hacked=6} \
{{constructor.constructor('window.hacked=7')()}} <style>body{display:none}</style> <iframe src=http://evil.example/>
"""
NewPage = Callable[..., Page]

expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong


class Decided(Retriever):
    """The real engine, its verdict apart: words in common answer. So no test here hangs on the calibration."""

    def ask(self, question: str, k: int = 5, documents: Sequence[str] | None = None) -> Answer:
        found = super().ask(question, k, documents)
        answered = any(hit.lexical_score > 0 for hit in found.hits[:1])
        return replace(found, answered=answered, evidence=found.hits[0].evidence if answered else None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    executable = next((found for name in names if (found := shutil.which(name))), None)
    if executable is None:
        reason = f"none of {', '.join(names)} is installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Iterator[Retriever]:
    """The seeds and one document that tries everything."""
    folder = tmp_path_factory.mktemp("browser")
    shutil.copytree(SEEDS, folder / "documents")
    (folder / "documents" / "nasty.txt").write_text(NASTY, "utf-8")
    build_index(folder / "documents", folder / "index", model=encoder)
    retriever = Decided.open(folder / "index", encoder=encoder)
    yield retriever
    retriever.passages.close()


@pytest.fixture(scope="module")
def address(opened: Retriever) -> Iterator[str]:
    with running(build_app(opened)) as served:
        yield served


@pytest.fixture
def new_page(chromium: Browser, address: str) -> Iterator[NewPage]:
    wrong: list[str] = []
    contexts = []

    def watch(page: Page) -> None:
        page.on("request", lambda request: wrong.append(request.url) if is_elsewhere(request.url) else None)
        page.on("console", lambda said: wrong.append(said.text) if is_trouble(said.type, said.text) else None)
        page.on("pageerror", lambda error: wrong.append(str(error)) if is_trouble("error", str(error)) else None)

    def make(path: str = "", width: int = 1280, height: int = 860, **options: Any) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, **{"locale": "zh-CN", "color_scheme": "light", **options}
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        watch(page)
        page.goto(address + path)
        expect(page.locator("#wd-box textarea")).to_be_enabled()
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


def is_elsewhere(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme not in {"data", "blob"} and parts.hostname not in {"127.0.0.1", "localhost"}


def is_trouble(kind: str, text: str) -> bool:
    """Tell errors from what Gradio says when a page is left while its event stream is open, or an upload is over."""
    aborted = ("AbortError: signal is aborted without reason", "AbortError: BodyStreamBuffer was aborted")
    leaving = (*aborted, "Unexpected error Connection errored out")
    uploaded = "Method not implemented."  # its stream of the upload's progress cannot be closed
    return kind in {"error", "warning"} and not text.startswith((*leaving, uploaded))


def ask(page: Page, question: str, n: int = 1) -> None:
    """Type a question, press Enter, and wait for the n-th reply."""
    page.fill("#wd-box textarea", question)
    page.keyboard.press("Enter")
    expect(page.locator("#wd-talk :is(.wd-reply, .wd-notice)")).to_have_count(n, timeout=20_000)


def open_options(page: Page) -> None:
    """Open the options. Gradio sets what an accordion holds once more, some frames after it is first shown."""
    page.click("#wd-options > button")
    expect(page.locator("#wd-k input[type=number]")).to_be_visible()
    page.evaluate("async () => { for (let i = 0; i < 30; i++) await new Promise(requestAnimationFrame); }")


def visible_boxes(page: Page, selector: str) -> list[dict[str, float]]:
    boxes = [one.bounding_box() for one in page.locator(selector).all() if one.is_visible()]
    return [dict(box) for box in boxes if box is not None]


CONTRAST = """
(selector) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  return [...document.querySelectorAll(selector)].map((element) => {
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
}
"""
READ = (
    ".wd-asked, .wd-label, .wd-quote, .wd-cite, .wd-actions a, .wd-copy, .wd-head .wd-title, .wd-rank, .wd-meta, "
    ".wd-strength, .wd-text, .wd-text mark, .wd-page-title, .wd-page-meta, .wd-page-body p, .wd-page-body mark, "
    "#wd-heading h1, #wd-heading p, #wd-new, #wd-options > button"
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_an_answer_and_its_page_are_readable(new_page: NewPage, width: int, scheme: str) -> None:
    page = new_page(width=width, color_scheme=scheme)
    ask(page, QUESTION)
    expect(page.locator("#wd-box textarea")).to_have_value("")
    expect(page.locator(".wd-asked")).to_have_text(QUESTION)
    expect(page.locator(".wd-card")).to_have_count(5)
    assert page.locator(".wd-answer .wd-quote").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in visible_boxes(page, ".wd-answer, .wd-card, .wd-card *"):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1
    page.locator(".wd-card .wd-open").first.click()
    expect(page.locator("#wd-here")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    contrasts = page.evaluate(CONTRAST, READ)
    assert len(contrasts) > 40
    assert min(contrasts) >= 4.5
    assert "PingFang SC" in page.evaluate("getComputedStyle(document.querySelector('.wd-text')).fontFamily")


def test_shift_enter_starts_a_line_and_enter_sends_both(new_page: NewPage) -> None:
    page = new_page()
    page.click("#wd-box textarea")
    page.keyboard.type("  ")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    expect(page.locator(".wd-asked")).to_have_count(0)
    page.fill("#wd-box textarea", "")
    page.keyboard.type("谁主持了")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("大会")
    expect(page.locator("#wd-box textarea")).to_have_value("谁主持了\n大会")
    page.keyboard.press("Enter")
    expect(page.locator(".wd-asked")).to_have_text(re.compile("谁主持了\\s*大会"))


@pytest.mark.parametrize("code", [13, 229])
def test_enter_that_confirms_pinyin_never_sends(new_page: NewPage, code: int) -> None:
    page = new_page()
    keyboard = page.context.new_cdp_session(page)
    page.click("#wd-box textarea")
    keyboard.send("Input.imeSetComposition", {"text": "shui zhu chi", "selectionStart": 12, "selectionEnd": 12})
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": code}
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": "\r", "unmodifiedText": "\r", **enter})
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    keyboard.send("Input.insertText", {"text": QUESTION})
    page.wait_for_timeout(400)
    expect(page.locator("#wd-box textarea")).to_have_value(QUESTION)
    expect(page.locator(".wd-asked")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".wd-asked")).to_have_text(QUESTION)


def test_the_page_view_goes_from_hit_to_hit_by_keyboard(new_page: NewPage) -> None:
    page = new_page()
    ask(page, QUESTION)
    expect(page.locator("#wd-reader")).to_be_hidden()
    page.locator(".wd-card .wd-open").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".wd-count")).to_have_text("1 / 5")
    expect(page.locator(".wd-previous")).to_be_disabled()
    titles = page.locator(".wd-card .wd-title").all_inner_texts()
    expect(page.locator(".wd-page-title")).to_have_text(titles[0])
    quoted = page.locator(".wd-card").first.locator(".wd-text mark").all_inner_texts()
    assert "".join(page.locator(".wd-page-body mark").all_inner_texts()) == "".join(quoted)
    expect(page.locator(".wd-page-body")).to_be_focused()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator(".wd-count")).to_have_text("2 / 5")
    expect(page.locator(".wd-page-title")).to_have_text(titles[1])
    expect(page.locator("#wd-here")).to_be_in_viewport()
    page.click(".wd-previous")
    expect(page.locator(".wd-count")).to_have_text("1 / 5")
    page.keyboard.press("Escape")
    expect(page.locator("#wd-reader")).to_be_hidden()
    expect(page.locator(".wd-card .wd-open").first).to_be_focused()


def test_the_page_view_covers_a_phone_and_closes(new_page: NewPage) -> None:
    page = new_page(width=390, height=844)
    ask(page, QUESTION)
    page.locator(".wd-answer .wd-open").click()
    expect(page.locator("#wd-here")).to_be_in_viewport()
    assert page.locator("#wd-reader").bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    page.click(".wd-close")
    expect(page.locator("#wd-reader")).to_be_hidden()


def test_a_document_cannot_do_anything(new_page: NewPage) -> None:
    page = new_page()
    ask(page, "龙虾由哪里采购，单价是多少")
    card = page.locator(".wd-card", has_text="龙虾由后勤处")
    for literal in (
        "<img src=x onerror=",
        "$$\\frac{1}{2}$$",
        "![像素](http://evil.example/p.png)",
        "${window.hacked=6}",
    ):
        expect(card.locator(".wd-text").last).to_contain_text(literal)
    card.locator(".wd-open").click()
    expect(page.locator(".wd-page-body")).to_contain_text("[点我](javascript:window.hacked=4)")
    page.mouse.click(640, 400)
    assert page.evaluate("window.hacked") is None
    inside = ":is(#wd-talk, #wd-reader) .prose :is(img, script, iframe, style, .katex, [onclick], [onerror], [onload])"
    assert page.locator(inside).count() == 0
    assert page.locator("a[href^='javascript']").count() == 0


def test_a_link_asks_its_question_and_can_do_no_more(new_page: NewPage) -> None:
    page = new_page("?q=" + quote(QUESTION))
    expect(page.locator(".wd-asked")).to_have_text(QUESTION)
    expect(page.locator(".wd-card")).to_have_count(5)
    page.reload()
    expect(page.locator(".wd-asked")).to_have_count(1)
    nasty = '<img src=x onerror="window.hacked=1">![p](http://evil.example/p.png) **b** $$x$$'
    page = new_page("?q=" + quote(nasty))
    expect(page.locator(".wd-asked")).to_have_text(nasty)
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    ("locale", "language", "heading"),
    [("zh-CN", "zh-Hans", "文档问答"), ("zh-TW", "zh-Hant", "文件問答"), ("en-US", "en", "Ask the documents")],
)
def test_the_interface_follows_the_browser(new_page: NewPage, locale: str, language: str, heading: str) -> None:
    page = new_page(locale=locale)
    expect(page.locator("#wd-heading h1")).to_have_text(heading)
    expect(page.locator("html")).to_have_attribute("lang", language)


def test_a_chosen_language_stays_and_renames_what_is_shown(new_page: NewPage) -> None:
    page = new_page()
    ask(page, QUESTION)
    page.click("#wd-language input")
    page.get_by_role("option", name="English").click()
    expect(page.locator("#wd-new")).to_have_text("New chat")
    expect(page.locator(".wd-card .wd-open").first).to_have_text("Open page")
    page.reload()
    expect(page.locator("#wd-new")).to_have_text("New chat")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_conversation_outlives_a_reload_and_a_restart(chromium: Browser, opened: Retriever) -> None:
    with chromium.new_context() as context:
        page = context.new_page()
        with running(build_app(opened)) as served:
            page.goto(served)
            ask(page, QUESTION)
            ask(page, UNANSWERABLE, 2)
            page.reload()
            expect(page.locator(".wd-asked")).to_have_text([QUESTION, UNANSWERABLE])
            page.goto("about:blank")
        with running(build_app(opened), port=urlsplit(served).port or 0):
            page.goto(served)
            expect(page.locator(".wd-asked")).to_have_text([QUESTION, UNANSWERABLE])
            page.click("#wd-new")
            expect(page.locator(".wd-asked")).to_have_count(0)
            page.reload()
            page.wait_for_selector("#wd-talk .example")
            expect(page.locator(".wd-asked")).to_have_count(0)
            page.goto("about:blank")


def test_dark_can_be_chosen_and_stays(new_page: NewPage) -> None:
    page = new_page()
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#wd-theme")
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.reload()
    expect(page.locator("body")).to_have_class(re.compile("dark"))


def test_an_example_question_asks_itself_and_finds_an_answer(new_page: NewPage) -> None:
    page = new_page()
    example = page.locator("#wd-talk .example").first
    question = example.inner_text().strip()
    example.click()
    expect(page.locator(".wd-asked")).to_have_text(question)
    expect(page.locator(".wd-answer")).to_be_visible()


def test_a_decline_is_plain_and_folds_the_near_misses(new_page: NewPage) -> None:
    page = new_page()
    ask(page, UNANSWERABLE)
    expect(page.locator(".wd-none")).to_have_text("没有找到：文档里没有回答这个问题的内容。")
    assert page.locator(".wd-card:visible").count() == 0
    if page.locator(".wd-misses").count():
        page.click(".wd-misses > summary")
        expect(page.locator(".wd-card").first).to_be_visible()


def test_number_of_sources_and_documents_can_be_chosen(new_page: NewPage, opened: Retriever) -> None:
    page = new_page()
    open_options(page)
    page.fill("#wd-k input[type=number]", "3")
    page.keyboard.press("Tab")
    expect(page.locator("#wd-k input[type=range]")).to_have_value("3")
    title = opened.documents["000_e1c267786c071a21.txt"].title
    page.click("#wd-documents input")
    page.get_by_role("option", name=title).click()
    page.keyboard.press("Escape")
    ask(page, QUESTION)
    expect(page.locator(".wd-card")).to_have_count(3)
    assert set(page.locator(".wd-card .wd-title").all_inner_texts()) == {title}


def test_a_question_that_is_too_long_gets_a_polite_answer(new_page: NewPage) -> None:
    page = new_page()
    ask(page, "长" * 1200)
    expect(page.locator(".wd-notice")).to_have_text("问题太长了，最多 1000 个字。请缩短后再试。")


def test_a_quote_is_copied_with_its_source(new_page: NewPage, address: str) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page, QUESTION)
    quoted = page.locator(".wd-answer .wd-quote").inner_text()
    title = page.locator(".wd-answer > .wd-cite .wd-title").inner_text()
    page.click(".wd-answer .wd-copy")
    expect(page.locator(".wd-answer .wd-copy")).to_have_text("已复制")
    assert page.evaluate("navigator.clipboard.readText()").startswith(f"“{quoted}”——{title} · 20")
    page.click(".wd-share")
    expect(page.locator(".wd-share")).to_have_text("已复制")
    assert page.evaluate("navigator.clipboard.readText()") == f"{address}?q={quote(QUESTION)}"


def test_messages_are_not_labelled_with_their_markup(new_page: NewPage) -> None:
    page = new_page()
    ask(page, QUESTION)
    expect(page.locator("#wd-talk [aria-label*='<']")).to_have_count(0)


def test_everything_that_can_be_pressed_or_typed_in_has_a_name(new_page: NewPage) -> None:
    page = new_page(locale="en-US")
    ask(page, QUESTION)
    page.click("#wd-options > button")
    page.locator(".wd-answer .wd-open").click()
    expect(page.locator("#wd-here")).to_be_in_viewport()
    nameless = """() => [...document.querySelectorAll("button, a, summary, input, textarea")]
      .filter((one) => one.checkVisibility() && one.getClientRects().length)
      .filter((one) => !(one.innerText || one.ariaLabel || one.labels?.[0]?.innerText || "").trim())
      .map((one) => one.outerHTML)"""
    assert page.evaluate(nameless) == []
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Dark or light")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(new_page: NewPage, width: int, scheme: str) -> None:
    page = new_page(width=width, color_scheme=scheme)
    page.wait_for_selector("#wd-talk .example")
    assert serious(page) == []
    ask(page, QUESTION)
    page.click("#wd-options > button")
    assert serious(page) == []
    page.locator(".wd-answer .wd-open").click()
    expect(page.locator("#wd-here")).to_be_in_viewport()
    assert serious(page) == []


def serious(page: Page) -> list[tuple[str, str]]:
    """Return the rules that axe-core finds seriously broken, each with the first element that breaks it."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}]
