"""The web chat: Gradio Blocks around a retriever, and how they are served.

The conversation's memory is the visitor's questions, kept in their browser; the answers are found again when the
page opens, so they never show what the index no longer holds.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# After every event Gradio's queue summarises all events since the start with pandas, for a page that is switched off.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**12))

import gradio as gr  # it reads the lines above
from fastapi import FastAPI
from gradio.events import api

from qa.errors import InvalidQuestion, QAError
from qa.memory import KEPT_TURNS, LONGEST_QUESTION, MOST_SOURCES, Memory, Turn, read_memory, turn
from qa.records import Place
from qa.show import (
    escape,
    hits_to_json,
    notice_to_html,
    page_to_html,
    question_to_html,
    read_page_link,
    to_html,
    to_json,
)
from qa.suggest import suggest
from qa.web import Guard
from qa.wording import DEFAULT, LANGUAGES, language_of, words

if TYPE_CHECKING:
    from qa.search import Retriever

_FILTERED_DOCUMENTS = 500
_AT_ONCE = 4
_WAITING = 200
_MOST_HITS = 100
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
_log = logging.getLogger(__name__)

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Desk:
    """A retriever and what the chat says about it; its HTML never holds a traceback."""

    retriever: Retriever
    examples: tuple[str, ...] = ()

    def ask(self, question: str, k: int = 5, documents: list[str] | None = None) -> dict[str, Any]:
        """Answer a question from the documents: the object that `qa ask --json` prints."""
        try:
            return to_json(self.retriever.ask(question, _limited(k), documents or None))
        except QAError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def search(self, question: str, k: int = 5, documents: list[str] | None = None) -> list[dict[str, Any]]:
        """Find the passages that answer best: the `hits` of `qa ask --json`, without a verdict."""
        try:
            return hits_to_json(self.retriever.search(question, _limited(k), documents or None))
        except QAError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def reply(self, asked: Turn, language: str) -> str:
        """Return the answer to a turn as HTML; whatever goes wrong becomes a polite message."""
        say = words(language)
        if len(asked.question) > LONGEST_QUESTION:
            return notice_to_html(say["long_question"].format(most=LONGEST_QUESTION))
        try:
            answer = self.retriever.ask(asked.question, asked.k, asked.documents or None)
            others = [place.document_id for hit in answer.hits for place in hit.passage.also_in]
            titles = {id_: one.title for id_, one in self.retriever.passages.headings(others).items()}
        except QAError as error:
            return notice_to_html(f"{say['problem']}{error.message}")
        except Exception:
            _log.exception("no answer to a question of %d characters", len(asked.question))
            return notice_to_html(say["unexpected"])
        return to_html(answer, titles, language)

    def messages(self, turns: Sequence[Turn], language: str) -> list[Message]:
        """Return a conversation as the chat component wants it."""
        return [
            message
            for one in turns
            for message in (
                _message("user", question_to_html(one.question)),
                _message("assistant", self.reply(one, language)),
            )
        ]

    def page(self, address: str, language: str) -> str:
        """Return the page that a link names, its passage and evidence marked, what is never searched greyed."""
        target = read_page_link(address)
        try:
            document = self.retriever.document(target[0].document_id if target else "")
        except KeyError:
            return notice_to_html(words(language)["document_gone"])
        passages = self.retriever.passages
        searched = [
            place
            for passage in passages.at(passages.rows_of([document.id]))
            for place in (Place(passage.document_id, passage.start, passage.end), *passage.also_in)
            if place.document_id == document.id
        ]
        place, evidence = target or (None, None)
        return page_to_html(document, place, evidence, searched, language)


def _limited(k: int) -> int:
    if not isinstance(k, int) or k > _MOST_HITS:
        raise InvalidQuestion(f"k is {k!r}, a whole number of at most {_MOST_HITS} is taken here")
    return k


def _message(role: str, html: str) -> Message:
    return {"role": role, "content": html}


@dataclass(frozen=True, slots=True)
class _Parts:
    """The components that events read or write."""

    memory: gr.BrowserState
    heading: gr.HTML
    new: gr.Button
    language: gr.Dropdown
    talk: gr.Chatbot
    box: gr.Textbox
    options: gr.Accordion
    k: gr.Slider
    documents: gr.Dropdown
    page: gr.HTML

    @property
    def named(self) -> list[Any]:
        """The components that show words of the interface, in the order of :func:`_named`."""
        return [self.heading, self.new, self.box, self.options, self.k, self.documents, self.talk]


def build_chat(retriever: Retriever) -> gr.Blocks:
    """Return the chat for a retriever, with the endpoints ``/ask`` and ``/search``; served by :func:`build_app`."""
    read = (retriever.document(id_) for id_ in retriever.documents)
    desk = Desk(retriever, tuple(suggest(read, lambda question: retriever.ask(question, k=3).answered)))
    blocks = gr.Blocks(title=words(DEFAULT)["app"], analytics_enabled=False, fill_width=True)
    with blocks:
        parts = _lay_out(desk)
        _wire(blocks, desk, parts)
        api(desk.ask, api_name="ask")
        api(desk.search, api_name="search")
    blocks.queue(default_concurrency_limit=_AT_ONCE, max_size=_WAITING)
    return blocks


def _lay_out(desk: Desk) -> _Parts:
    say = words(DEFAULT)
    # Without a secret Gradio draws a new one each start, which would forget the conversation; nothing is hidden by it.
    memory = gr.BrowserState(Memory().to_json(), storage_key="wenda", secret="wenda")  # noqa: S106
    with gr.Row(elem_id="wd-top"):
        heading = gr.HTML(_heading(desk, DEFAULT), elem_id="wd-heading", js_on_load=None)
        new = gr.Button(say["new_chat"], elem_id="wd-new", size="sm", scale=0)
        language = gr.Dropdown(
            [(name, tag) for tag, name in LANGUAGES.items()],
            value=DEFAULT,
            label=say["language"],
            elem_id="wd-language",
            filterable=False,
            container=False,
            scale=0,
        )
        gr.Button("◐", elem_id="wd-theme", size="sm", scale=0)
    with gr.Row(elem_id="wd-desk"):
        with gr.Column(elem_id="wd-left"):
            talk = _conversation(desk)
            box = gr.Textbox(
                lines=1,
                max_lines=6,
                submit_btn=True,
                interactive=False,  # until the memory is read: its answer would replace what was asked meanwhile
                show_label=False,
                label=say["question"],
                placeholder=say["placeholder"],
                elem_id="wd-box",
            )
            with gr.Accordion(say["options"], open=False, elem_id="wd-options") as options, gr.Row():
                k = gr.Slider(1, MOST_SOURCES, value=5, step=1, label=say["sources"], elem_id="wd-k")
                documents = _filter(desk.retriever)
        page = gr.HTML("", elem_id="wd-reader", js_on_load=(_HERE / "page.js").read_text(encoding="utf-8"))
    return _Parts(memory, heading, new, language, talk, box, options, k, documents, page)


def _conversation(desk: Desk) -> gr.Chatbot:
    return gr.Chatbot(
        elem_id="wd-talk",
        latex_delimiters=[],
        sanitize_html=True,
        allow_tags=False,
        buttons=[],
        feedback_options=None,
        layout="panel",
        height=None,
        show_label=False,
        container=False,
        autoscroll=False,
        **_empty(desk, DEFAULT),
    )


def _filter(retriever: Retriever) -> gr.Dropdown:
    known = retriever.documents
    shown = 1 < len(known) <= _FILTERED_DOCUMENTS
    return gr.Dropdown(
        [(document.title or id_, id_) for id_, document in known.items()] if shown else [],
        multiselect=True,
        label=words(DEFAULT)["documents"],
        visible=shown,
        elem_id="wd-documents",
    )


def _wire(blocks: gr.Blocks, desk: Desk, parts: _Parts) -> None:
    """Connect the events; none of them is an endpoint for programs."""

    def opening(kept: Any, request: gr.Request) -> list[Any]:
        memory = read_memory(kept)
        linked = turn(str(request.query_params.get("q", "")))
        if linked.question and (not memory.turns or memory.turns[-1].question != linked.question):
            memory = memory.adding(linked)
        browser = language_of(request.headers.get("accept-language", ""))
        language = memory.language if memory.language in LANGUAGES else browser
        return [language, *_named(desk, language, memory.turns), memory.to_json()]

    def renamed(language: str, kept: Any) -> list[Any]:
        memory = Memory(language, read_memory(kept).turns)
        return [*_named(desk, language, memory.turns), memory.to_json()]

    def send(
        question: str, talk: list[Message], k: float, documents: list[str], language: str, kept: Any
    ) -> Iterator[tuple[Any, Any, Any]]:
        asked = turn(question or "", k, documents)
        if not asked.question:
            yield gr.skip(), gr.skip(), gr.skip()
            return
        memory = read_memory(kept).adding(asked)
        shown = [*talk[-2 * (KEPT_TURNS - 1) :], _message("user", question_to_html(asked.question))]
        yield shown, "", gr.skip()
        yield [*shown, _message("assistant", desk.reply(asked, language))], gr.skip(), memory.to_json()

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


def _named(desk: Desk, language: str, turns: Sequence[Turn]) -> list[Any]:
    say = words(language)
    return [
        _heading(desk, language),
        say["new_chat"],
        gr.update(label=say["question"], placeholder=say["placeholder"], interactive=True),
        gr.update(label=say["options"]),
        gr.update(label=say["sources"]),
        gr.update(label=say["documents"]),
        gr.update(value=desk.messages(turns, language), **_empty(desk, language)),
    ]


def _empty(desk: Desk, language: str) -> Mapping[str, Any]:
    """Return what the chat component shows before the first question."""
    say = words(language)
    return {
        "label": say["conversation"],
        "placeholder": f'<p class="wd-welcome">{say["welcome"]}</p><p class="wd-more">{say["welcome_more"]}</p>',
        "examples": [{"text": question} for question in desk.examples],
    }


def _heading(desk: Desk, language: str) -> str:
    say = words(language)
    indexed = say["indexed"].format(n=len(desk.retriever.documents))
    return (
        f'<div id="wd-words" data-language="{language}" data-copied="{say["copied"]}" data-theme="{say["theme"]}" '
        f'data-send="{say["send"]}">'
        f"<h1>{say['app']}</h1><p>{escape(indexed)}</p></div>"
    )


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
