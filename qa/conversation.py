"""What the chat does when a visitor comes, asks, asks again, stops or clears; the components are wired in ``chat``.

A handler that streams yields the conversation, the question box and what the browser keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qa.blocks import named
from qa.card import failed_to_html, waiting_to_html
from qa.desk import Desk, Message, message
from qa.memory import KEPT_TURNS, LONGEST_QUESTION, Memory, Turn, read_memory, turn
from qa.show import question_to_html
from qa.wording import LANGUAGES, language_of, words

Shown = Iterator[tuple[Any, Any, Any]]


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

    def send(
        self, question: str, talk: list[Message], k: float, documents: list[str], language: str, kept: Any
    ) -> Shown:
        """Answer what stands in the question box, if anything does."""
        memory, asked = read_memory(kept), turn(question or "", k, documents)
        if not asked.question:
            yield gr.skip(), gr.skip(), gr.skip()
            return
        yield from self._answered(self.desk.complete(asked, memory.last), talk, language, memory)

    def again(
        self, event: gr.EventData, talk: list[Message], k: float, documents: list[str], language: str, kept: Any
    ) -> Shown:
        """Ask once more, with the settings of now: what was searched for before, or the question as it stands.

        The latest question is replaced; an earlier one is asked anew at the end.
        """
        question, whole = str(event.question), event.whole
        memory, asked = read_memory(kept), turn(question, k, documents, None if whole == question else whole)
        if event.latest:
            talk, memory = talk[:-2], memory.without(asked.question)
        yield from self._answered(asked, talk, language, memory)

    def _answered(self, asked: Turn, talk: list[Message], language: str, memory: Memory) -> Shown:
        shown = [*talk[-2 * (KEPT_TURNS - 1) :], message("user", question_to_html(asked.question))]
        yield [*shown, message("assistant", waiting_to_html(language))], "", gr.skip()
        replied = message("assistant", self.desk.reply(asked, language))
        yield [*shown, replied], gr.skip(), memory.adding(asked).to_json()

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
