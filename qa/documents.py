"""The panel of documents: list them, add some by drag and drop, remove some. Only there where the server allows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from qa.blocks import Parts, choices, heading
from qa.desk import Desk
from qa.errors import QAError, UploadRefused
from qa.formats import READERS
from qa.live import Library
from qa.reasons import reason_in
from qa.records import Skipped
from qa.show import escape, notice_to_html
from qa.uploads import Incoming
from qa.wording import DEFAULT, words

_LISTED = 500
_ONE_AT_A_TIME: dict[str, Any] = {"concurrency_id": "library", "concurrency_limit": 1}
_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}


@dataclass(frozen=True, slots=True)
class Shelves:
    """The components of the panel."""

    panel: gr.Accordion
    added: gr.File
    result: gr.HTML
    listing: gr.HTML
    chosen: gr.Dropdown
    remove: gr.Button
    confirm: gr.Column
    question: gr.HTML
    yes: gr.Button
    no: gr.Button

    @property
    def named(self) -> list[Any]:
        """The components that show words of the interface, in the order of :func:`_named`."""
        return [self.panel, self.added, self.chosen, self.remove, self.yes, self.no]


def lay_out_documents(library: Library) -> Shelves:
    """Place the panel inside the open ``gr.Blocks``."""
    panel, added, chosen, remove, yes, no = _named(library, DEFAULT)
    with gr.Accordion(**panel, open=False, elem_id="wd-shelves") as accordion:
        file = gr.File(**added, file_count="multiple", file_types=list(READERS), height=160, elem_id="wd-add")
        result = gr.HTML("", elem_id="wd-changed", js_on_load=None)
        with gr.Column(visible=False, elem_id="wd-confirm") as confirm:
            question = gr.HTML("", js_on_load=None)
            with gr.Row():
                agree = gr.Button(**yes, variant="stop", size="sm", elem_id="wd-yes")
                keep = gr.Button(**no, size="sm", elem_id="wd-no")
        with gr.Row(elem_id="wd-removing"):
            dropdown = gr.Dropdown([], **chosen, multiselect=True, elem_id="wd-chosen")
            button = gr.Button(**remove, size="sm", elem_id="wd-remove")
        listing = gr.HTML("", elem_id="wd-listing", js_on_load=None)
    return Shelves(accordion, file, result, listing, dropdown, button, confirm, question, agree, keep)


def wire_documents(library: Library, desk: Desk, parts: Parts, shelves: Shelves) -> None:
    """Connect the panel's events; none of them is an endpoint for programs."""

    def add(files: list[str] | None, language: str, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008
        incoming = [Incoming(Path(path).name, Path(path)) for path in files or ()]
        try:
            admission = library.add(incoming, _shown(progress, language))
            said = _said(language, "documents_added", admission.added, admission.refused)
        except QAError as error:
            said = _problem(language, error)
        finally:
            for file in incoming:
                file.path.unlink(missing_ok=True)
        return [None, said, *contents(language)]

    def ask_first(chosen: Sequence[str], language: str) -> list[Any]:
        sure = words(language)["remove_sure"].format(n=len(chosen))
        return [gr.update(visible=bool(chosen)), f'<p class="wd-sure" role="alert">{escape(sure)}</p>']

    def remove(chosen: Sequence[str], language: str, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008
        try:
            removed = library.remove(chosen, _shown(progress, language))
            said = _said(language, "documents_removed", removed, ())
        except QAError as error:
            said = _problem(language, error)
        return [gr.update(visible=False), said, *contents(language)]

    def contents(language: str) -> list[Any]:
        retriever = desk.retriever
        known = list(retriever.documents.items())
        listed = [(f"{document.title or id_} · {id_}", id_) for id_, document in known]
        items = "".join(
            f'<li><span dir="auto">{escape(document.title or id_)}</span> <small dir="auto">{escape(id_)}</small></li>'
            for id_, document in known[:_LISTED]
        )
        more = f"<li>… {len(known)}</li>" if len(known) > _LISTED else ""
        return [
            f'<ul class="wd-listing" tabindex="0" aria-label="{escape(words(language)["documents_there"])}">'
            f"{items}{more}</ul>",
            gr.update(choices=listed, value=[]),
            heading(desk, language),
            gr.update(**choices(retriever)),
        ]

    there = [shelves.listing, shelves.chosen, parts.heading, parts.documents]
    changing: dict[str, Any] = {"api_visibility": "private", "show_progress_on": [shelves.result], **_ONE_AT_A_TIME}
    shelves.panel.expand(contents, parts.language, there, **_QUIET)
    shelves.added.upload(add, [shelves.added, parts.language], [shelves.added, shelves.result, *there], **changing)
    shelves.remove.click(ask_first, [shelves.chosen, parts.language], [shelves.confirm, shelves.question], **_QUIET)
    shelves.yes.click(remove, [shelves.chosen, parts.language], [shelves.confirm, shelves.result, *there], **changing)
    shelves.no.click(lambda: gr.update(visible=False), None, shelves.confirm, **_QUIET)
    parts.language.change(
        lambda language: [gr.update(**one) for one in _named(library, language)],
        parts.language,
        shelves.named,
        **_QUIET,
    )


def _named(library: Library, language: str) -> list[dict[str, Any]]:
    say = words(language)
    limits = library.shelf.limits
    allowed = say["add_documents"].format(types=" ".join(READERS), most=limits.file_bytes >> 20, n=limits.files)
    return [
        {"label": say["manage_documents"]},
        {"label": allowed},
        {"label": say["documents_chosen"]},
        {"value": say["remove_documents"]},
        {"value": say["remove_yes"]},
        {"value": say["remove_no"]},
    ]


def _shown(progress: gr.Progress, language: str) -> Any:
    indexing = words(language)["indexing"]
    progress(0, desc=indexing)
    return lambda done, total: progress((done, total), desc=indexing)


def _said(language: str, key: str, done: Sequence[str], refused: Iterable[Skipped]) -> str:
    say = words(language)
    lines = [say[key].format(n=len(done))] if done else []
    lines += [
        say["document_refused"].format(name=item.path, reason=reason_in(language, item.reason)) for item in refused
    ]
    return "".join(notice_to_html(line) for line in lines)


def _problem(language: str, error: QAError) -> str:
    said = f"{error.name}: {reason_in(language, error.reason)}" if isinstance(error, UploadRefused) else error.message
    return notice_to_html(f"{words(language)['change_failed']}{said}")
