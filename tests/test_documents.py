"""The panel of documents in a real Chromium, and what a server without it answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect
from test_browser import CONTRAST, NewPage, ask, chromium, new_page, serious, visible_boxes

from qa.build import build_index
from qa.chat import build_app
from qa.embed import Encoder
from qa.limits import Limits
from qa.live import Library, Live
from qa.search import Retriever
from qa.service import Service
from qa.uploads import Shelf, UploadLimits
from qa.web import running

__all__ = ["chromium", "new_page"]

expect.set_options(timeout=20_000)
SEEDS = Path(__file__).parents[1] / "seeds"
OPENING = "图书馆周六上午九点开门，下午五点关门。\n"
MAY = UploadLimits(file_bytes=1 << 20, files=3)


@pytest.fixture
def library(tmp_path: Path, encoder: Encoder) -> Library:
    shutil.copytree(SEEDS, tmp_path / "documents")
    build_index(tmp_path / "documents", tmp_path / "index", model=encoder)
    return Library(Live(tmp_path / "index"), Shelf(tmp_path / "documents", MAY))


@pytest.fixture
def address(library: Library) -> Iterator[str]:
    service = Service(library=library, limits=Limits(upload_bytes=MAY.request_bytes))
    with running(build_app(library.live, service)) as served:
        yield served


@pytest.fixture
def panel(new_page: NewPage) -> Callable[..., Page]:
    """Open the page and the panel in it."""

    def open_panel(**options: object) -> Page:
        page = new_page(**options)
        page.click("#wd-shelves > button")
        expect(page.locator(".wd-listing li")).to_have_count(5)
        return page

    return open_panel


@pytest.fixture
def sent(tmp_path: Path) -> Callable[[str, bytes], str]:
    def write(name: str, content: bytes = OPENING.encode()) -> str:
        path = tmp_path / "sent" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return str(path)

    return write


def names(library: Library) -> list[str]:
    return sorted(path.name for path in library.shelf.folder.iterdir())


DROP = """
async ([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type: "text/plain" }));
  const zone = document.querySelector("#wd-add input[type=file]").closest("button");
  for (const type of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}
"""


@pytest.mark.browser
def test_a_dropped_document_answers_at_once_and_is_removed_only_after_a_second_yes(
    panel: Callable[..., Page], library: Library
) -> None:
    page = panel()
    page.evaluate(DROP, ["开放时间.txt", OPENING])
    expect(page.locator("#wd-changed .wd-notice")).to_have_text("已添加 1 篇文档。")
    expect(page.locator("#wd-heading p")).to_have_text("已收录 6 篇文档 · 只给原文，不作编写")
    expect(page.locator(".wd-listing li")).to_have_count(6)
    assert (library.shelf.folder / "开放时间.txt").read_text("utf-8") == OPENING
    ask(page, "图书馆周六几点开门")
    expect(page.locator(".wd-answer .wd-quote, .wd-card .wd-text").first).to_contain_text("九点开门")

    page.click("#wd-chosen input")
    page.get_by_role("option", name="开放时间.txt").click()
    page.keyboard.press("Escape")
    page.click("#wd-remove")
    expect(page.locator(".wd-sure")).to_have_text("确定删除这 1 篇文档吗？文件会从服务器上删除，无法恢复。")
    page.click("#wd-no")
    expect(page.locator("#wd-confirm")).to_be_hidden()
    assert "开放时间.txt" in names(library)
    page.click("#wd-remove")
    page.click("#wd-yes")
    expect(page.locator("#wd-changed .wd-notice")).to_have_text("已删除 1 篇文档。")
    expect(page.locator(".wd-listing li")).to_have_count(5)
    assert names(library) == sorted(path.name for path in SEEDS.iterdir())
    assert library.live.now.manifest.documents == 5


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_what_is_refused_is_named_with_the_reason_and_the_panel_is_readable(
    panel: Callable[..., Page], sent: Callable[..., str], library: Library, width: int, scheme: str
) -> None:
    page = panel(width=width, color_scheme=scheme, locale="en-US")
    files = [
        sent("fine.txt"),
        sent("a<b>.html", b"<p>\x00\xff\xfe\x00"),
        sent("empty.md", b" "),
        sent("4.txt", b"more"),
    ]
    page.set_input_files("#wd-add input[type=file]", files)
    expect(page.locator("#wd-changed .wd-notice")).to_have_count(4)
    said = page.locator("#wd-changed .wd-notice").all_inner_texts()
    assert said[0] == "1 documents added."
    assert [line.split(":")[1].strip() for line in said[1:]] == ["ab.html", "empty.md", "4.txt"]
    assert said[3].endswith("at most 3 files are taken at once")
    page.click("#wd-chosen input")
    page.get_by_role("option").first.click()
    page.keyboard.press("Escape")
    page.click("#wd-remove")
    expect(page.locator("#wd-yes")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in visible_boxes(page, "#wd-shelves *:not(input)"):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1
    read = "#wd-shelves > button, .wd-listing li, .wd-listing small, .wd-sure, #wd-yes, #wd-no, #wd-remove, .wd-notice"
    assert min(page.evaluate(CONTRAST, read)) >= 4.5
    assert serious(page) == []
    assert "fine.txt" in names(library)


@pytest.mark.browser
def test_a_file_that_is_too_large_never_reaches_the_folder(
    panel: Callable[..., Page], sent: Callable[..., str], library: Library
) -> None:
    page = panel()
    page.set_input_files("#wd-add input[type=file]", [sent("large.txt", b"x" * ((1 << 20) + 1))])
    expect(page.locator(".toast-body")).to_be_visible()
    assert "large.txt" not in names(library)


def test_an_upload_is_limited_before_gradio_keeps_it(address: str) -> None:
    with httpx.Client(trust_env=False) as client:
        assert client.post(address + "gradio_api/upload", files={"files": ("a.txt", b"x" * 100)}).status_code == 200
        for size, status in ((2 << 20, 413), (MAY.request_bytes + 1, 413)):
            answer = client.post(address + "gradio_api/upload", files={"files": ("a.txt", b"x" * size)})
            assert answer.status_code == status


def test_a_server_that_takes_no_documents_has_no_door_for_them(retriever: Retriever) -> None:
    with running(build_app(retriever)) as address, httpx.Client(trust_env=False) as client:
        for path in ("gradio_api/upload", "gradio_api/upload?upload_id=1", "gradio_api/upload_progress?upload_id=1"):
            assert client.post(address + path, files={"files": ("a.txt", b"x")}).status_code == 404
        assert '"wd-add"' not in client.get(address + "config").text


def test_no_endpoint_for_programs_changes_documents(address: str) -> None:
    with httpx.Client(trust_env=False) as browser:
        assert '"wd-add"' in browser.get(address + "config").text
    client = Client(address, verbose=False)
    endpoints = client.view_api(return_format="dict")
    client.close()
    assert isinstance(endpoints, dict)
    assert (set(endpoints["named_endpoints"]), endpoints["unnamed_endpoints"]) == ({"/ask", "/search"}, {})
