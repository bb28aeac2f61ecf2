"""Take the README's pictures of the chat: ``python -m benchmarks.screenshots [FOLDER]`` (needs Chromium)."""

from __future__ import annotations

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from qa import Retriever, build_index
from qa.chat import build_app
from qa.feedback import FeedbackFiles
from qa.web import running

ROOT = Path(__file__).parents[1]
QUESTION = "谁主持了大会？"
NEXT = "协和的呢？"
MEASURED = 40  # questions of the evaluation's picture
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


def main(folder: Path) -> None:
    """Write one PNG for each size, colour scheme and moment."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        sys.exit("Chromium is not installed. Install the package chromium and run this again.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        index, few = Path(scratch) / "index", Path(scratch) / "seeds.jsonl"
        build_index(ROOT / "seeds", index)
        lines = (ROOT / "questions" / "seeds.jsonl").read_text("utf-8").splitlines()
        few.write_text("\n".join(lines[:: len(lines) // MEASURED]), "utf-8")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        app = build_app(Retriever.open(index), feedback=FeedbackFiles(index), question_files=[few])
        with running(app) as address:
            for size in SIZES:
                for scheme in ("light", "dark"):
                    _take(browser, address, folder, size, scheme)
        browser.close()


def _take(browser: Browser, address: str, folder: Path, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale="zh-CN",
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(300_000)  # a busy machine is slow, not wrong

    def save(moment: str) -> None:
        page.wait_for_timeout(400)
        picture = Image.open(BytesIO(page.screenshot()))
        picture.quantize(128).save(folder / f"{size}-{scheme}-{moment}.png", optimize=True)

    page.goto(address)
    page.fill("#wd-box textarea", QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".wd-answer")
    save("answer")
    page.locator(".wd-answer .wd-open").click()
    page.wait_for_selector("#wd-here")
    save("page")
    page.click(".wd-close")
    page.fill("#wd-box textarea", NEXT)
    page.keyboard.press("Enter")
    page.wait_for_selector(".wd-leaned")
    save("followup")
    page.click("#wd-try")
    page.click(".wd-run")
    page.wait_for_selector(".wd-scorecard")
    page.locator(".wd-about").evaluate("about => about.scrollIntoView()")
    save("evaluation")
    context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots")
