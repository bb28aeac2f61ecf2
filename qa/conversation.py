"""What the chat does when a visitor comes, asks, asks again, stops or clears; the components are wired in ``chat``.

A question and its answer travel alone: the page's script (``page.js``) keeps the conversation and puts them into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from qa.blocks import named
from qa.card import failed_to_html
from qa.desk import Desk, Message, message
from qa.memory import LONGEST_QUESTION, Memory, read_memory, turn
from qa.show import question_to_html
from qa.wording import LANGUAGES, language_of, words


@dataclass(frozen=True, slots=True)
class Conversation:
    """The handlers of one desk. Whatever an event or the browser's memory holds was sent by a stranger."""

    desk: Desk

    def opening(self, kept: Any, request: gr.Request) -> list[Any]:
        """Return the page's language, its named components and the memory, with the question that a link asks."""
        memory = read_memory(kept)
        linked = turn(str(request.query_params.get("q", "")))
        if linked.question and (memory.last is None or memory.last.question != linked.question):
            memory = memory.adding(linked)
        browser = language_of(request.headers.get("accept-language", ""))
        language = memory.language if memory.language in LANGUAGES else browser
        return [language, *named(self.desk, language, memory.turns), memory.to_json()]

    def renamed(self, language: str, kept: Any) -> list[Any]:
        """Return the named components in another language, and the memory of that choice."""
        memory = Memory(language, read_memory(kept).turns)
        return [*named(self.desk, language, memory.turns), memory.to_json()]

    def answer(self, asked: Any, k: Any, documents: Any, language: Any, kept: Any) -> tuple[Any, Any]:
        """Answer what the page's script asks; it has shown the question and that an answer is looked for.

        :param asked: ``{"id", "question"}``; asked once more there is also ``"whole"``, what was searched for, and
            ``"latest"``, whether the latest question is replaced.
        :return: ``{"id", "asked", "reply"}`` with the HTML of the question and of the answer, None if nothing is asked;
            what the browser keeps.
        """
        sent = asked if isinstance(asked, dict) else {}
        question, whole = str(sent.get("question") or ""), sent.get("whole")
        memory, one = read_memory(kept), turn(question, k, documents, None if whole == question else whole)
        if not one.question:
            return None, kept
        if whole is None:
            one = self.desk.complete(one, memory.last)
        elif sent.get("latest"):
            memory = memory.without(one.question)
        said = {"asked": question_to_html(one.question), "reply": self.desk.reply(one, str(language))}
        return {"id": str(sent.get("id", "")), **said}, memory.adding(one).to_json()

    def stopped(self, event: gr.EventData, talk: list[Message], language: str) -> list[Message]:
        """Return the conversation with a notice in place of the answer that is no longer waited for."""
        said = failed_to_html(str(event.question)[:LONGEST_QUESTION], words(language)["stopped"], language)
        return [*talk[:-1], message("assistant", said)]

    def cleared(self, kept: Any) -> tuple[list[Message], Any]:
        """Return an empty conversation; the language stays."""
        return [], Memory(read_memory(kept).language).to_json()

    def picked(self, example: gr.SelectData) -> str:
        """Return the question of an example."""
        return str(example.value["text"])

    def read(self, language: str, event: gr.EventData) -> str:
        """Return the page that a link names."""
        return self.desk.page(str(event.address), language)

    def wondered(self, event: gr.EventData, language: str, k: float) -> str:
        """Return the panel that says what became of some words."""
        expected = None if event.expected is None else str(event.expected)
        return self.desk.explain(str(event.question)[:LONGEST_QUESTION], expected, language, int(k))
