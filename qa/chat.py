"""The web chat: Gradio Blocks around a retriever, and how they are served.

The conversation's memory is the visitor's questions, kept in their browser; the answers are found again when the
page opens, so they never show what the index no longer holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# After every event Gradio's queue summarises all events since the start with pandas, for a page that is switched off.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**12))

import gradio as gr  # it reads the lines above
from fastapi import FastAPI
from gradio.events import api

from qa.conversation import Conversation
from qa.desk import Desk
from qa.errors import QAError
from qa.feedback import FeedbackFiles
from qa.layout import Parts, lay_out
from qa.suggest import suggest
from qa.trial import Bench, wire_trial
from qa.web import Guard
from qa.wording import DEFAULT, words

if TYPE_CHECKING:
    from qa.search import Retriever

__all__ = ["Desk", "build_app", "build_chat"]

_KNOWN_NAMES = 2000
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


def build_chat(
    retriever: Retriever, feedback: FeedbackFiles | None = None, question_files: Sequence[Path] | None = None
) -> gr.Blocks:
    """Return the chat for a retriever, with the endpoints ``/ask`` and ``/search``; served by :func:`build_app`.

    :param feedback: where to keep what people say about answers; nobody is asked by default.
    :param question_files: labelled questions that the page can be measured with; by default it has no evaluation.
    """
    read = (retriever.document(id_) for id_ in retriever.documents)
    examples = suggest(read, lambda question: retriever.ask(question, k=3).answered)
    organisations = dict.fromkeys(one.organisation for one in retriever.documents.values() if one.organisation)
    desk = Desk(retriever, tuple(examples), tuple(islice(organisations, _KNOWN_NAMES)), feedback)
    blocks = gr.Blocks(title=words(DEFAULT)["app"], analytics_enabled=False, fill_width=True)
    with blocks:
        bench = None if question_files is None else Bench(retriever, tuple(question_files), feedback)
        parts = lay_out(desk, bench)
        _wire(blocks, desk, parts)
        if bench is not None and parts.trial is not None:
            wire_trial(bench, parts.trial, parts.language)
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
    do = Conversation(desk)
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    settings = [parts.talk, parts.k, parts.documents, parts.language, parts.memory]
    inputs, outputs = [parts.box, *settings], [parts.talk, parts.box, parts.memory]
    blocks.load(do.opening, parts.memory, [parts.language, *parts.named, parts.memory], **quiet)
    parts.language.input(do.renamed, [parts.language, parts.memory], [*parts.named, parts.memory], **quiet)
    sent = parts.box.submit(do.send, inputs, outputs, **quiet)
    picking = parts.talk.example_select(do.picked, None, parts.box, queue=False, **quiet)
    chosen = picking.then(do.send, inputs, outputs, **quiet)
    repeated = parts.page.retry(do.again, settings, outputs, **quiet)
    waiting = [sent, chosen, repeated]
    parts.page.stop(do.stopped, [parts.talk, parts.language], parts.talk, cancels=waiting, queue=False, **quiet)
    parts.new.click(do.cleared, parts.memory, [parts.talk, parts.memory], queue=False, **quiet)
    parts.page.open(do.read, parts.language, parts.page, queue=False, **quiet)
    # It reads every document, so one at a time.
    parts.page.submit(do.wondered, [parts.language, parts.k], parts.page, concurrency_limit=1, **quiet)


def build_app(
    retriever: Retriever, *, feedback: FeedbackFiles | None = None, question_files: Sequence[Path] | None = None
) -> FastAPI:
    """Return the chat as a web application: the page at ``/``, whether it is well at ``/health``.

    :param feedback: as in :func:`build_chat`.
    :param question_files: likewise.

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
    rules = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "trial.css"))
    style = f"<style>{rules}</style>"
    gr.mount_gradio_app(
        app,
        build_chat(retriever, feedback, question_files),
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
