"""The web chat: Gradio Blocks around a retriever, and how they are served.

The conversation's memory is the visitor's questions, kept in their browser; the answers are found again when the
page opens, so they never show what the index no longer holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# After every event Gradio's queue summarises all events since the start with pandas, for a page that is switched off.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**12))

import gradio as gr  # it reads the lines above
from fastapi import FastAPI
from gradio.events import api

from qa.desk import Desk, Message, message
from qa.errors import QAError
from qa.layout import Parts, lay_out, named
from qa.memory import KEPT_TURNS, Memory, read_memory, turn
from qa.show import question_to_html
from qa.suggest import suggest
from qa.web import Guard
from qa.wording import DEFAULT, LANGUAGES, language_of, words

if TYPE_CHECKING:
    from qa.search import Retriever

__all__ = ["Desk", "build_app", "build_chat"]

_AT_ONCE = 4
_WAITING = 200
_FONTS = (
    "system-ui",
    "-apple-system",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei UI",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "sans-serif",
)
_HERE = Path(__file__).parent

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def build_chat(retriever: Retriever) -> gr.Blocks:
    """Return the chat for a retriever, with the endpoints ``/ask`` and ``/search``; served by :func:`build_app`."""
    read = (retriever.document(id_) for id_ in retriever.documents)
    desk = Desk(retriever, tuple(suggest(read, lambda question: retriever.ask(question, k=3).answered)))
    blocks = gr.Blocks(title=words(DEFAULT)["app"], analytics_enabled=False, fill_width=True)
    with blocks:
        parts = lay_out(desk)
        _wire(blocks, desk, parts)
        api(_in_one_line(desk.ask), api_name="ask")
        api(_in_one_line(desk.search), api_name="search")
    blocks.queue(default_concurrency_limit=_AT_ONCE, max_size=_WAITING)
    return blocks


def _in_one_line(endpoint: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Return an endpoint whose ``QAError`` reaches the caller as its message, not as a traceback."""

    @wraps(endpoint)
    def answered(*given: _Given.args, **settings: _Given.kwargs) -> _Result:
        try:
            return endpoint(*given, **settings)
        except QAError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return answered


def _wire(blocks: gr.Blocks, desk: Desk, parts: Parts) -> None:
    """Connect the events; none of them is an endpoint for programs."""

    def opening(kept: Any, request: gr.Request) -> list[Any]:
        memory = read_memory(kept)
        linked = turn(str(request.query_params.get("q", "")))
        if linked.question and (not memory.turns or memory.turns[-1].question != linked.question):
            memory = memory.adding(linked)
        browser = language_of(request.headers.get("accept-language", ""))
        language = memory.language if memory.language in LANGUAGES else browser
        return [language, *named(desk, language, memory.turns), memory.to_json()]

    def renamed(language: str, kept: Any) -> list[Any]:
        memory = Memory(language, read_memory(kept).turns)
        return [*named(desk, language, memory.turns), memory.to_json()]

    def send(
        question: str, talk: list[Message], k: float, documents: list[str], language: str, kept: Any
    ) -> Iterator[tuple[Any, Any, Any]]:
        asked = turn(question or "", k, documents)
        if not asked.question:
            yield gr.skip(), gr.skip(), gr.skip()
            return
        memory = read_memory(kept).adding(asked)
        shown = [*talk[-2 * (KEPT_TURNS - 1) :], message("user", question_to_html(asked.question))]
        yield shown, "", gr.skip()
        yield [*shown, message("assistant", desk.reply(asked, language))], gr.skip(), memory.to_json()

    def cleared(kept: Any) -> tuple[list[Message], Any]:
        return [], Memory(read_memory(kept).language).to_json()

    def picked(example: gr.SelectData) -> str:
        return str(example.value["text"])

    def read(language: str, event: gr.EventData) -> str:
        return desk.page(str(event.address), language)

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    inputs = [parts.box, parts.talk, parts.k, parts.documents, parts.language, parts.memory]
    outputs = [parts.talk, parts.box, parts.memory]
    blocks.load(opening, parts.memory, [parts.language, *parts.named, parts.memory], **quiet)
    parts.language.input(renamed, [parts.language, parts.memory], [*parts.named, parts.memory], **quiet)
    parts.box.submit(send, inputs, outputs, **quiet)
    parts.talk.example_select(picked, None, parts.box, queue=False, **quiet).then(send, inputs, outputs, **quiet)
    parts.new.click(cleared, parts.memory, [parts.talk, parts.memory], queue=False, **quiet)
    parts.page.open(read, parts.language, parts.page, queue=False, **quiet)


def build_app(retriever: Retriever) -> FastAPI:
    """Return the chat as a web application: the page at ``/``, whether it is well at ``/health``.

    Nothing that the page shows is loaded from, or sent to, another machine.
    """
    # Not `Blocks.launch`: it asks its own address through the proxy that the environment names, if there is one.
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(Guard)
    app.get("/health")(lambda: {"generation": retriever.manifest.generation, "passages": retriever.manifest.passages})
    look = gr.themes.Base(
        primary_hue="teal", neutral_hue="stone", font=list(_FONTS), font_mono=["ui-monospace", "Menlo", "monospace"]
    )
    # As `css` Gradio would rewrite every selector to stand inside its container, where body and .dark are not.
    style = f"<style>{(_HERE / 'page.css').read_text(encoding='utf-8')}</style>"
    gr.mount_gradio_app(
        app,
        build_chat(retriever),
        path="/",
        footer_links=[],
        run_history=False,
        favicon_path=str(_HERE / "favicon.svg"),
        show_error=False,
        max_file_size=1,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=look,
        head=style,
    )
    return app
