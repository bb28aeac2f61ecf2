"""What can be done with an answer, in a real Chromium: lean on it, judge it, ask why, stop, ask again, come back."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from test_app import start
from test_browser import (
    CONTRAST,
    QUESTION,
    SEEDS,
    UNANSWERABLE,
    Decided,
    NewPage,
    ask,
    chromium,
    new_page,
    serious,
    visible_boxes,
)

from qa.auth import make_line
from qa.build import build_index
from qa.chat import build_app
from qa.embed import Encoder
from qa.feedback import FeedbackFiles, question_id, read_feedback
from qa.records import Answer
from qa.search import Retriever
from qa.web import running

pytestmark = pytest.mark.browser

__all__ = ["chromium", "new_page"]

SLOW = "慢慢查 谁主持了大会"
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


class Slow(Decided):
    """The real engine, which takes its time over one question."""

    def ask(self, question: str, k: int = 5, documents: Sequence[str] | None = None) -> Answer:
        if question == SLOW:
            time.sleep(2)
        return super().ask(question, k, documents)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> FeedbackFiles:
    return FeedbackFiles(tmp_path_factory.mktemp("turns") / "index")


@pytest.fixture(scope="module")
def opened(files: FeedbackFiles, encoder: Encoder) -> Iterator[Retriever]:
    build_index(SEEDS, files.index, model=encoder)
    retriever = Slow.open(files.index, encoder=encoder)
    yield retriever
    retriever.passages.close()


@pytest.fixture(scope="module")
def address(opened: Retriever, files: FeedbackFiles) -> Iterator[str]:
    with running(build_app(opened, feedback=files)) as served:
        yield served


@pytest.fixture(autouse=True)
def nothing_said_yet(files: FeedbackFiles) -> None:
    for path in (files.known, files.wrong):
        path.unlink(missing_ok=True)


def test_a_question_may_lean_on_the_one_before_and_be_taken_literally(new_page: NewPage) -> None:
    page = new_page()
    ask(page, QUESTION)
    expect(page.locator(".wd-leaned")).to_have_count(0)
    ask(page, "协和的呢?", 2)
    expect(page.locator(".wd-whole")).to_have_text("协和，谁主持了大会")
    expect(page.locator(".wd-asked")).to_have_text([QUESTION, "协和的呢?"])
    page.reload()
    expect(page.locator(".wd-whole")).to_have_text("协和，谁主持了大会")
    page.click(".wd-literal")
    expect(page.locator(".wd-leaned")).to_have_count(0)
    expect(page.locator(".wd-reply")).to_have_count(2)
    expect(page.locator(".wd-asked")).to_have_text([QUESTION, "协和的呢?"])
    page.reload()
    expect(page.locator(".wd-asked")).to_have_text([QUESTION, "协和的呢?"])
    expect(page.locator(".wd-leaned")).to_have_count(0)


def test_a_question_can_be_stopped_and_asked_again(new_page: NewPage) -> None:
    page = new_page()
    page.fill("#wd-box textarea", SLOW)
    page.keyboard.press("Enter")
    page.click(".wd-stop")
    expect(page.locator(".wd-notice")).to_have_text("已停止，没有查完。")
    page.wait_for_timeout(2500)
    expect(page.locator(".wd-reply")).to_have_count(0)
    page.click(".wd-again")
    expect(page.locator(".wd-reply")).to_have_count(1)
    expect(page.locator(".wd-notice")).to_have_count(0)
    expect(page.locator(".wd-asked")).to_have_text([SLOW])


def test_asking_again_replaces_the_latest_answer_and_repeats_an_earlier_one(new_page: NewPage) -> None:
    page = new_page()
    ask(page, QUESTION)
    ask(page, "谁致闭幕词?", 2)
    page.locator(".wd-again").last.click()
    page.wait_for_timeout(500)
    expect(page.locator(".wd-asked")).to_have_text([QUESTION, "谁致闭幕词?"])
    page.locator(".wd-again").first.click()
    expect(page.locator(".wd-asked")).to_have_text([QUESTION, "谁致闭幕词?", QUESTION])
    expect(page.locator(".wd-reply")).to_have_count(3)
    page.reload()
    expect(page.locator(".wd-asked")).to_have_text([QUESTION, "谁致闭幕词?", QUESTION])


def test_a_passage_can_be_called_right_or_wrong_and_both_taken_back(new_page: NewPage, files: FeedbackFiles) -> None:
    page = new_page()
    ask(page, QUESTION)
    answer, card = page.locator(".wd-answer"), page.locator(".wd-card").nth(1)
    answer.locator(".wd-right").click()
    for place in (answer, page.locator(".wd-card").first):
        expect(place.locator(".wd-right")).to_have_attribute("aria-pressed", "true")
    card.locator(".wd-wrong").click()
    expect(card.locator(".wd-wrong")).to_have_attribute("aria-pressed", "true")
    row = read_feedback(files).known[question_id(QUESTION)]
    first, second = (
        "".join(page.locator(".wd-card").nth(n).locator(".wd-text").last.locator("mark").all_text_contents())
        for n in (0, 1)
    )
    assert [quoted["quote"] for quoted in row["evidence"]] == [first]
    assert [quoted["quote"] for quoted in row["wrong"]] == [second]
    card.locator(".wd-right").click()
    expect(card.locator(".wd-wrong")).to_have_attribute("aria-pressed", "false")
    answer.locator(".wd-right").click()
    expect(answer.locator(".wd-right")).to_have_attribute("aria-pressed", "false")
    row = read_feedback(files).known[question_id(QUESTION)]
    assert [quoted["quote"] for quoted in row["evidence"]] == [second]
    assert "wrong" not in row


def test_nothing_here_answers_can_be_said_by_keyboard(new_page: NewPage, files: FeedbackFiles) -> None:
    page = new_page()
    ask(page, UNANSWERABLE)
    page.locator(".wd-declined.wd-judge").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".wd-declined.wd-judge")).to_have_attribute("aria-pressed", "true")
    assert [json.loads(line) for line in files.known.read_text("utf-8").splitlines()] == [
        {"id": question_id(UNANSWERABLE), "question": UNANSWERABLE, "evidence": [], "answers": []}
    ]
    page.keyboard.press("Enter")
    expect(page.locator(".wd-declined.wd-judge")).to_have_attribute("aria-pressed", "false")
    assert read_feedback(files).known == {}


def test_feedback_that_cannot_be_kept_is_said_and_not_shown_as_kept(new_page: NewPage, files: FeedbackFiles) -> None:
    files.known.write_text("not a question\n", "utf-8")
    page = new_page()
    ask(page, QUESTION)
    button = page.locator(".wd-answer .wd-right")
    button.click()
    expect(button).to_have_text("没有记下来，请稍后再试。")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert files.known.read_text("utf-8") == "not a question\n"


def test_nobody_is_asked_without_feedback(chromium: Browser, opened: Retriever) -> None:
    with running(build_app(opened)) as served, chromium.new_context() as context:
        page = context.new_page()
        page.goto(served)
        ask(page, QUESTION)
        expect(page.locator(".wd-why")).to_have_count(1)
        expect(page.locator(".wd-judge")).to_have_count(0)
        page.goto("about:blank")


def test_every_passage_is_copied_with_its_source(new_page: NewPage) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page, QUESTION)
    card = page.locator(".wd-card").nth(1)
    card.locator(".wd-copy").click()
    expect(card.locator(".wd-copy")).to_have_text("已复制")
    marked = "".join(card.locator(".wd-text").last.locator("mark").all_text_contents())
    title, byline = card.locator(".wd-title").inner_text(), card.locator(".wd-byline").inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == f"“{marked}”——《{title}》 · {byline}"


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_why_not_says_what_became_of_the_words(new_page: NewPage, width: int, scheme: str) -> None:
    page = new_page(width=width, color_scheme=scheme)
    ask(page, QUESTION)
    page.click(".wd-why")
    expect(page.locator(".wd-why-question")).to_have_text(QUESTION)
    expect(page.locator(".wd-why-form textarea")).to_be_focused()
    page.keyboard.type("大会由党委副书记、纪委书记柴建军主持")
    page.click(".wd-why-form button")
    expect(page.locator(".wd-trace b")).to_have_text("找到了，就在显示的段落里。")
    expect(page.locator(".wd-trace tr").last).to_have_text(re.compile("显示时\\s*1"))
    expect(page.locator(".wd-trace")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    contrasts = page.evaluate(CONTRAST, ".wd-page-bar :is(h2, button), .wd-page-body :is(p, b, label, textarea, a, th)")
    assert len(contrasts) >= 10
    assert min(contrasts) >= 4.5
    assert serious(page) == []
    page.fill(".wd-why-form textarea", "从来没有写过的话")
    page.click(".wd-why-form button")
    expect(page.locator(".wd-trace b")).to_have_text("已收录的文档里没有这句话。")
    page.fill(".wd-why-form textarea", "大会由党委副书记、纪委书记柴建军主持")
    page.click(".wd-why-form button")
    page.locator(".wd-trace .wd-open").first.click()
    expect(page.locator("#wd-here")).to_contain_text("大会由党委副书记、纪委书记柴建军主持")
    page.keyboard.press("Escape")
    expect(page.locator(".wd-why")).to_be_focused()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_what_stands_around_an_answer_is_readable(new_page: NewPage, width: int, scheme: str) -> None:
    page = new_page(width=width, color_scheme=scheme)
    ask(page, QUESTION)
    ask(page, "协和的呢?", 2)
    page.locator(".wd-answer .wd-right").last.click()
    expect(page.locator(".wd-answer .wd-right").last).to_have_attribute("aria-pressed", "true")
    around = ".wd-leaned, .wd-leaned *, .wd-actions *, .wd-next-steps *"
    for box in visible_boxes(page, around):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1
    page.wait_for_timeout(1700)
    contrasts = page.evaluate(CONTRAST, around)
    assert len(contrasts) > 40
    assert min(contrasts) >= 4.5
    assert serious(page) == []


def test_a_conversation_and_a_login_outlive_the_server(chromium: Browser, tmp_path: Path) -> None:
    shutil.copytree(SEEDS, tmp_path / "documents")
    index, accounts = tmp_path / "index", tmp_path / "accounts"
    build_index(tmp_path / "documents", index)
    accounts.write_text(make_line("anna", "correct horse"), "utf-8")
    with chromium.new_context(locale="zh-CN") as context:
        page = context.new_page()
        with serving(index, accounts, 0) as served:
            page.goto(served)
            page.locator("input").nth(0).fill("anna")
            page.locator("input").nth(1).fill("correct horse")
            page.keyboard.press("Enter")
            expect(page.locator("#wd-box textarea")).to_be_enabled()
            ask(page, QUESTION)
            ask(page, "那谁致闭幕词?", 2)
            shown = page.locator(".wd-reply").all_inner_texts()
            page.goto("about:blank")
        with serving(index, accounts, int(served.rstrip("/").rsplit(":", 1)[1])) as served:
            page.goto(served)
            expect(page.locator(".wd-asked")).to_have_text([QUESTION, "那谁致闭幕词?"])
            assert page.locator(".wd-reply").all_inner_texts() == shown
            page.goto("about:blank")


@contextmanager
def serving(index: Path, accounts: Path, port: int) -> Iterator[str]:
    """Start ``app.py`` and give its address once it is ready; it is killed at the end."""
    with start("--port", str(port), "--index", str(index), "--auth", str(accounts)) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().split()[1]
        finally:
            process.kill()
