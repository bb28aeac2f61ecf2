"""The desk: a retriever, and what the chat says about it as HTML. No Gradio."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qa.errors import InvalidQuestion, QAError
from qa.live import Live
from qa.memory import LONGEST_QUESTION, Turn
from qa.records import Answer, Place
from qa.show import (
    hits_to_json,
    notice_to_html,
    page_to_html,
    question_to_html,
    read_page_link,
    to_html,
    to_json,
)
from qa.wording import words

if TYPE_CHECKING:
    from qa.search import Retriever

_MOST_HITS = 100
_log = logging.getLogger(__name__)

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Desk:
    """A retriever and what the chat says about it; its HTML never holds a traceback.

    ``noted`` is told each question, its answer and the seconds it took.
    """

    opened: Retriever | Live
    examples: tuple[str, ...] = ()
    noted: Callable[[str, Answer, float], None] | None = None

    @property
    def retriever(self) -> Retriever:
        """The retriever to answer one question with."""
        return self.opened.now if isinstance(self.opened, Live) else self.opened

    def ask(self, question: str, k: int = 5, documents: list[str] | None = None) -> dict[str, Any]:
        """Answer a question from the documents: the object that `qa ask --json` prints."""
        return to_json(self._answer(question, _limited(k), documents))

    def search(self, question: str, k: int = 5, documents: list[str] | None = None) -> list[dict[str, Any]]:
        """Find the passages that answer best: the `hits` of `qa ask --json`, without a verdict."""
        return hits_to_json(self.retriever.search(question, _limited(k), documents or None))

    def reply(self, asked: Turn, language: str) -> str:
        """Return the answer to a turn as HTML; whatever goes wrong becomes a polite message."""
        say = words(language)
        if len(asked.question) > LONGEST_QUESTION:
            return notice_to_html(say["long_question"].format(most=LONGEST_QUESTION))
        try:
            answer = self._answer(asked.question, asked.k, asked.documents)
            others = [place.document_id for hit in answer.hits for place in hit.passage.also_in]
            titles = {id_: one.title for id_, one in self.retriever.passages.headings(others).items()}
        except QAError as error:
            return notice_to_html(f"{say['problem']}{error.message}")
        except Exception:
            _log.exception("no answer to a question of %d characters", len(asked.question))
            return notice_to_html(say["unexpected"])
        return to_html(answer, titles, language)

    def _answer(self, question: str, k: int, documents: Sequence[str] | None) -> Answer:
        start = time.perf_counter()
        answer = self.retriever.ask(question, k, documents or None)
        if self.noted is not None:
            self.noted(question, answer, time.perf_counter() - start)
        return answer

    def messages(self, turns: Sequence[Turn], language: str) -> list[Message]:
        """Return a conversation as the chat component wants it."""
        return [
            spoken
            for one in turns
            for spoken in (
                message("user", question_to_html(one.question)),
                message("assistant", self.reply(one, language)),
            )
        ]

    def page(self, address: str, language: str) -> str:
        """Return the page that a link names, its passage and evidence marked, what is never searched greyed."""
        target = read_page_link(address)
        retriever = self.retriever
        try:
            document = retriever.document(target[0].document_id if target else "")
        except KeyError:
            return notice_to_html(words(language)["document_gone"])
        passages = retriever.passages
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


def message(role: str, html: str) -> Message:
    """Return one message as the chat component wants it; ``role`` is ``user`` or ``assistant``."""
    return {"role": role, "content": html}
