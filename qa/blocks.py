"""What stands on the chat's page: Gradio's components, and the words they show in each language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from qa.desk import Desk
from qa.memory import MOST_SOURCES, Memory, Turn
from qa.show import escape
from qa.trial import Bench, TrialParts, lay_out_trial
from qa.wording import DEFAULT, LANGUAGES, words

if TYPE_CHECKING:
    from qa.search import Retriever

_FILTERED_DOCUMENTS = 500
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Parts:
    """The components that events read or write."""

    memory: gr.BrowserState
    heading: gr.HTML
    new: gr.Button
    language: gr.Dropdown
    talk: gr.Chatbot
    box: gr.Textbox
    asked: gr.JSON
    reply: gr.JSON
    options: gr.Accordion
    k: gr.Slider
    documents: gr.Dropdown
    page: gr.HTML
    left: gr.Column
    trial: TrialParts | None

    @property
    def named(self) -> list[Any]:
        """The components that show words of the interface, in the order of :func:`named`."""
        return [self.heading, self.new, self.box, self.options, self.k, self.documents, self.talk]


def lay_out(desk: Desk, bench: Bench | None) -> Parts:
    """Place the components inside the open ``gr.Blocks``; without a bench there is no evaluation."""
    say = words(DEFAULT)
    # Without a secret Gradio draws a new one each start, which would forget the conversation; nothing is hidden by it.
    memory = gr.BrowserState(Memory().to_json(), storage_key="wenda", secret="wenda")  # noqa: S106
    with gr.Row(elem_id="wd-top"):
        top = gr.HTML(heading(desk, DEFAULT), elem_id="wd-heading", js_on_load=None)
        trying = gr.Button(say["evaluation"], elem_id="wd-try", size="sm", scale=0, visible=bench is not None)
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
        with gr.Column(elem_id="wd-left") as left:
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
            asked, reply = gr.JSON(visible=False), gr.JSON(visible=False)
            with gr.Accordion(say["options"], open=False, elem_id="wd-options") as options, gr.Row():
                k = gr.Slider(1, MOST_SOURCES, value=5, step=1, label=say["sources"], elem_id="wd-k")
                documents = _filter(desk.retriever)
        trial = None if bench is None else lay_out_trial(bench, trying)
        page = gr.HTML(
            "",
            elem_id="wd-reader",
            js_on_load=(_HERE / "page.js").read_text(encoding="utf-8"),
            server_functions=[_judging(desk)],
        )
    return Parts(memory, top, new, language, talk, box, asked, reply, options, k, documents, page, left, trial)


def _judging(desk: Desk) -> Callable[[Any], str]:
    """Return what the page's script calls to have a judgement kept; what it sends may be anything."""

    def judge(sent: Any) -> str:
        named = sent if isinstance(sent, dict) else {}
        return desk.judge(
            *(str(named.get(name, "")) for name in ("question", "address", "verdict", "answer", "language"))
        )

    return judge


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
    return gr.Dropdown(
        **choices(retriever),
        multiselect=True,
        label=words(DEFAULT)["documents"],
        elem_id="wd-documents",
    )


def choices(retriever: Retriever) -> dict[str, Any]:
    """Return the documents that a question can be limited to, as the settings of the filter."""
    known = retriever.documents
    shown = 1 < len(known) <= _FILTERED_DOCUMENTS
    listed = [(document.title or id_, id_) for id_, document in known.items()] if shown else []
    return {"choices": listed, "visible": shown}


def named(desk: Desk, language: str, turns: Sequence[Turn]) -> list[Any]:
    """Return the updates of :attr:`Parts.named` for a language."""
    say = words(language)
    return [
        heading(desk, language),
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


def heading(desk: Desk, language: str) -> str:
    """Return the page's heading, which also carries the words that its script shows."""
    say = words(language)
    indexed = say["indexed"].format(n=len(desk.retriever.documents))
    spoken = {name: say[name] for name in ("copied", "theme", "send", "searching", "stop", "noted")}
    carried = "".join(f' data-{name}="{word}"' for name, word in {**spoken, "back": say["taken_back"]}.items())
    return f'<div id="wd-words" data-language="{language}"{carried}><h1>{say["app"]}</h1><p>{escape(indexed)}</p></div>'
