"""The web chat: Gradio Blocks around a retriever, and how they are served.

The conversation's memory is the visitor's questions, kept in their browser; the answers are found again when the
page opens, so they never show what the index no longer holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# After every event Gradio's queue summarises all events since the start with pandas, for a page that is switched off.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**12))
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
# Around each event Gradio asks Matplotlib, where there is one, for its backend; to choose one takes 80 MiB and seconds.
os.environ.setdefault("MPLBACKEND", "agg")

import gradio as gr  # it reads the lines above
from fastapi import FastAPI
from gradio.events import api

from qa.blocks import Parts, lay_out
from qa.conversation import Conversation
from qa.desk import Desk
from qa.documents import lay_out_documents, wire_documents
from qa.errors import ExtraMissing, QAError
from qa.feedback import FeedbackFiles
from qa.live import Live, in_use
from qa.logins import keep_logins
from qa.service import Service, surround
from qa.suggest import suggest
from qa.trial import Bench, wire_trial
from qa.wording import DEFAULT, words

if TYPE_CHECKING:
    from qa.search import Retriever

__all__ = ["Desk", "build_app", "build_chat"]

_KNOWN_NAMES = 2000
# Each answer computes from beginning to end: more at once than there are cores only push each other out of the cache.
_AT_ONCE = max(2, min(4, os.cpu_count() or 2))
_SECONDS_BETWEEN_NEWS = 10
_SECONDS_BETWEEN_LOOKS = 0.01  # a thousand looks a second for a free thread take a twentieth of a core, asked or not
_SESSIONS = 200  # Gradio keeps 100 KB for each page that asked, and for each call of a program
_CACHE = (300, 1800)  # every so many seconds, uploads older than that which never became documents are deleted
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


def build_chat(desk: Desk, service: Service, question_files: Sequence[Path] | None = None) -> gr.Blocks:
    """Return the chat for a desk, with the endpoints ``/ask`` and ``/search``; served by :func:`build_app`.

    :param question_files: labelled questions that the page can be measured with; by default it has no evaluation.
    """
    blocks = gr.Blocks(title=words(DEFAULT)["app"], analytics_enabled=False, fill_width=True, delete_cache=_CACHE)
    with blocks:
        bench = None if question_files is None else Bench(desk.opened, tuple(question_files), desk.feedback)
        parts = lay_out(desk, bench)
        _wire(blocks, desk, parts)
        if bench is not None and parts.trial is not None:
            wire_trial(bench, parts.trial, parts.language)
        if service.library is not None:
            with parts.left:
                shelves = lay_out_documents(service.library)
            wire_documents(service.library, desk, parts, shelves)
        # Queued, MCP's calls would go through a client that calls this server at the address the visitor names.
        api(_in_one_line(desk.ask), api_name="ask", queue=not service.mcp)
        api(_in_one_line(desk.search), api_name="search", queue=not service.mcp)
    # By default each question that is taken up tells all that wait how long they will.
    blocks.queue(_SECONDS_BETWEEN_NEWS, default_concurrency_limit=_AT_ONCE, max_size=service.limits.at_once)
    blocks._queue.sleep_when_free = _SECONDS_BETWEEN_LOOKS
    blocks.state_session_capacity = _SESSIONS
    return blocks


def _desk(opened: Retriever | Live, service: Service, feedback: FeedbackFiles | None) -> Desk:
    retriever = in_use(opened)
    read = (retriever.document(id_) for id_ in retriever.documents)
    examples = suggest(read, lambda question: retriever.ask(question, k=3).answered)
    organisations = dict.fromkeys(one.organisation for one in retriever.documents.values() if one.organisation)
    noted = service.log.answer if service.log is not None else None
    return Desk(opened, tuple(examples), tuple(islice(organisations, _KNOWN_NAMES)), feedback, noted)


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
    blocks.load(do.opening, parts.memory, [parts.language, *parts.named, parts.memory], **quiet)
    parts.language.input(do.renamed, [parts.language, parts.memory], [*parts.named, parts.memory], **quiet)
    picking = parts.talk.example_select(do.picked, None, parts.box, queue=False, **quiet)
    waiting = [_asking(do, begin, parts, quiet) for begin in (parts.box.submit, picking.then, parts.page.retry)]
    parts.page.stop(do.stopped, [parts.talk, parts.language], parts.talk, cancels=waiting, queue=False, **quiet)
    parts.new.click(do.cleared, parts.memory, [parts.talk, parts.memory], cancels=waiting, queue=False, **quiet)
    parts.page.open(do.read, parts.language, parts.page, queue=False, **quiet)
    # It reads every document, so one at a time.
    parts.page.submit(do.wondered, [parts.language, parts.k], parts.page, concurrency_limit=1, **quiet)


def _asking(do: Conversation, begin: Callable[..., Any], parts: Parts, quiet: dict[str, Any]) -> Any:
    """Have an event ask: the page's script shows the question, the server answers, the script shows the answer."""
    here = {"show_progress": "hidden", "api_visibility": "private"}
    shown = [parts.talk, parts.box]
    asking = begin(None, shown, [*shown, parts.asked], js="(...sent) => wenda.begin(...sent)", **here)
    settings = [parts.k, parts.documents, parts.language, parts.memory]
    # As they come: Gradio would take each value to a thread of its own, and nothing here trusts them anyway.
    as_it_is = {"preprocess": False, "postprocess": False}
    answered = asking.then(do.answer, [parts.asked, *settings], [parts.reply, parts.memory], **as_it_is, **quiet)
    answered.success(None, [parts.talk, parts.reply], parts.talk, js="(...sent) => wenda.show(...sent)", **here)
    answered.failure(None, shown, shown, js="(...sent) => wenda.fail(...sent)", **here)
    return answered


def build_app(
    opened: Retriever | Live,
    service: Service | None = None,
    *,
    feedback: FeedbackFiles | None = None,
    question_files: Sequence[Path] | None = None,
) -> FastAPI:
    """Return the chat as a web application: the page at ``/``; ``/health`` and ``/ready`` for those who watch over it.

    :param feedback: where to keep what people say about answers; nobody is asked by default.
    :param question_files: as in :func:`build_chat`.

    Nothing that the page shows is loaded from, or sent to, another machine.

    :raises ExtraMissing: if MCP is wanted and its packages are not installed.
    """
    service = service or Service()
    if service.mcp and find_spec("mcp") is None:
        raise ExtraMissing("mcp", "--mcp")
    # Not `Blocks.launch`: it asks its own address through the proxy that the environment names, if there is one.
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    surround(app, service)
    desk = _desk(opened, service, feedback)

    def state() -> dict[str, Any]:
        manifest = desk.retriever.manifest
        return {"generation": manifest.generation, "passages": manifest.passages}

    app.get("/health")(state)
    app.get("/ready")(lambda: {"ready": True, **state()})
    look = gr.themes.Base(
        primary_hue="teal", neutral_hue="stone", font=list(_FONTS), font_mono=["ui-monospace", "Menlo", "monospace"]
    )
    # As `css` Gradio would rewrite every selector to stand inside its container, where body and .dark are not.
    rules = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "trial.css"))
    # The link keeps browsers from asking for an icon above the path below which a proxy offers the chat.
    style = f"<link rel='icon' href='favicon.ico' /><style>{rules}</style>"
    chat = build_chat(desk, service, question_files)
    gr.mount_gradio_app(
        app,
        chat,
        path="/",
        footer_links=[],
        run_history=False,
        auth=service.accounts.verify_aside if service.accounts is not None else None,
        root_path=service.root_path or None,
        favicon_path=str(_HERE / "favicon.svg"),
        show_error=False,
        max_file_size=service.library.shelf.limits.file_bytes if service.library is not None else 1,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=service.mcp,
        theme=look,
        head=style,
    )
    if service.mcp:
        _speak_json(chat)
    if service.accounts is not None and service.logins is not None:
        mounted: Any = app.routes[-1]
        keep_logins(mounted.app, service.logins, service.accounts)
    return app


def _speak_json(chat: gr.Blocks) -> None:
    """Have MCP tools answer JSON: Gradio answers Python's notation, which no other program reads."""
    server: Any = chat.mcp_server_obj

    def to_content(data: list[Any], _: str) -> list[Any]:
        return [server.types.TextContent(type="text", text=json.dumps(one, ensure_ascii=False)) for one in data]

    server.postprocess_output_data = to_content
