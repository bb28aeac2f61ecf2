"""The evaluation view in a real Chromium: choose a set, run it, stop it, compare, see why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from test_browser import CONTRAST, SEEDS, Decided, NewPage, chromium, new_page, serious, visible_boxes

from qa.build import build_index
from qa.chat import build_app
from qa.embed import Encoder
from qa.feedback import FeedbackFiles, Judgement, keep
from qa.search import Retriever
from qa.web import running

pytestmark = pytest.mark.browser

__all__ = ["chromium", "new_page"]

QUESTIONS = Path(__file__).parents[1] / "questions" / "seeds.jsonl"
UNFINDABLE = {
    "id": "far",
    "question": "qqqq zzzz",
    "evidence": [{"document": "000_e1c267786c071a21.txt", "quote": "大会由党委副书记、纪委书记柴建军主持"}],
    "answers": [],
}
PLAIN = {**UNFINDABLE, "id": "near", "question": "大会由党委副书记、纪委书记柴建军主持"}
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trial")


@pytest.fixture(scope="module")
def opened(folder: Path, encoder: Encoder) -> Iterator[Retriever]:
    build_index(SEEDS, folder / "index", model=encoder)
    retriever = Decided.open(folder / "index", encoder=encoder)
    yield retriever
    retriever.passages.close()


@pytest.fixture(scope="module")
def address(opened: Retriever, folder: Path) -> Iterator[str]:
    few = folder / "few.jsonl"
    few.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in (PLAIN, UNFINDABLE)), "utf-8")
    files = FeedbackFiles(folder / "index")
    keep(files, Judgement("如何做红烧肉", "declined"))
    with running(build_app(opened, feedback=files, question_files=[few, QUESTIONS])) as served:
        yield served


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_set_is_run_read_and_what_failed_is_explained(new_page: NewPage, width: int, scheme: str) -> None:
    page = new_page(width=width, color_scheme=scheme)
    page.click("#wd-try")
    expect(page.locator("#wd-box")).to_be_hidden()
    expect(page.locator("#wd-try")).to_have_attribute("aria-pressed", "true")
    page.click(".wd-run")
    expect(page.locator(".wd-about")).to_have_text(
        "2 个问题，其中 2 个有答案、0 个应当拒答。共 77 个段落。", timeout=60_000
    )
    expect(page.locator(".wd-tiles dd").first).to_have_text("0.500")
    expect(page.locator(".wd-plot")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in visible_boxes(page, ".wd-trial *, .wd-tiles *, .wd-pictures figure, .wd-failures *"):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1
    read = ".wd-trial :is(h2, p, label, select, button), .wd-scorecard :is(p, dt, dd, th, td, small, h3, b, figcaption)"
    contrasts = page.evaluate(CONTRAST, f"{read}, .wd-failures :is(span, a, button), .wd-save-report")
    assert len(contrasts) > 40
    assert min(contrasts) >= 4.5
    assert serious(page) == []
    expect(page.locator(".wd-failed-question")).to_have_text("qqqq zzzz")
    page.click(".wd-miss")
    expect(page.locator(".wd-why-question")).to_have_text("qqqq zzzz")
    expect(page.locator(".wd-trace tr")).to_have_count(4, timeout=20_000)
    page.locator(".wd-trace .wd-open").first.click()
    expect(page.locator("#wd-here")).to_contain_text("柴建军")
    page.click(".wd-close")
    page.click("#wd-try")
    expect(page.locator("#wd-box")).to_be_visible()
    expect(page.locator("#wd-trial")).to_be_hidden()


def test_a_saved_report_is_compared_with_a_later_run(new_page: NewPage, tmp_path: Path) -> None:
    page = new_page(locale="en-US")
    page.click("#wd-try")
    page.click(".wd-run")
    page.locator(".wd-scorecard").wait_for(timeout=60_000)
    with page.expect_download() as download:
        page.click(".wd-save-report")
    saved = tmp_path / "report.json"
    download.value.save_as(saved)
    report = json.loads(saved.read_text("utf-8"))
    assert report["success@1"] == 0.5
    for row in report["per_question"]:
        row.update({"rank": None, "success@1": 0.0})
    saved.write_text(json.dumps(report), "utf-8")
    page.set_input_files("input[name=earlier]", saved)
    page.click(".wd-run")
    expect(page.locator(".wd-flips h3")).to_contain_text("1 gained, 0 lost", timeout=60_000)
    expect(page.locator(".wd-gained")).to_have_text(f"+ {PLAIN['question']}")
    page.reload()  # the event stream of a run ends before the page is left


def test_a_file_of_ones_own_is_run_and_what_people_said(new_page: NewPage, tmp_path: Path) -> None:
    page = new_page(locale="en-US")
    page.click("#wd-try")
    expect(page.locator("input[name=own]")).to_be_hidden()
    page.select_option("select[name=set]", "feedback")
    page.click(".wd-run")
    expect(page.locator(".wd-about")).to_contain_text("1 questions, 0 with an answer and 1 to decline", timeout=60_000)
    page.select_option("select[name=set]", "file")
    page.click(".wd-run")
    expect(page.locator("#wd-trial .wd-notice")).to_contain_text("Please choose a question file first.")
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps(PLAIN), "utf-8")
    page.set_input_files("input[name=own]", own)
    page.click(".wd-run")
    expect(page.locator(".wd-about")).to_contain_text("1 questions, 1 with an answer", timeout=60_000)
    own.write_text("x" * (1 << 20) + "x", "utf-8")
    page.set_input_files("input[name=own]", own)
    page.click(".wd-run")
    assert page.evaluate("document.querySelector('input[name=own]').validationMessage") == "The file is too large."


def test_a_run_can_be_stopped(new_page: NewPage) -> None:
    page = new_page()
    page.click("#wd-try")
    page.select_option("select[name=set]", "1")
    page.click(".wd-run")
    expect(page.locator(".wd-progress")).to_be_visible(timeout=60_000)
    page.locator(".wd-stop-run").dispatch_event("click")  # each step lays the page out anew, so it is never at rest
    expect(page.locator("#wd-trial .wd-notice")).to_have_text("已停止。")
    page.wait_for_timeout(1500)
    expect(page.locator(".wd-progress")).to_have_count(0)


def test_without_question_files_there_is_no_evaluation(chromium: Browser, opened: Retriever) -> None:
    with running(build_app(opened)) as served, chromium.new_context() as context:
        page = context.new_page()
        page.goto(served)
        expect(page.locator("#wd-box textarea")).to_be_enabled()
        assert page.locator("#wd-try").count() == 0
        assert page.locator("#wd-trial").count() == 0
        page.goto("about:blank")
