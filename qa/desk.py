"""The desk: a retriever, and what the chat says about it as HTML. No Gradio."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from qa.card import failed_to_html, turn_to_html
from qa.errors import InvalidQuestion, QAError
from qa.explanation import LONGEST_EXPECTED, explanation_to_html
from qa.feedback import VERDICTS, FeedbackFiles, Judgement, Verdict, keep
from qa.followup import means_the_answer, resolve
from qa.lately import Lately
from qa.live import Live, in_use
from qa.memory import LONGEST_QUESTION, Turn
from qa.records import Answer, Place, Quote
from qa.show import (
    hits_to_json,
    notice_to_html,
    page_to_html,
    question_to_html,
    read_page_link,
    to_html,
    to_json,
)
from qa.why import why
from qa.wording import words

if TYPE_CHECKING:
    from qa.search import Retriever

_MOST_HITS = 100
_log = logging.getLogger(__name__)

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Desk:
    """A retriever and what the chat says about it; its HTML never holds a traceback.

    :ivar examples: questions to begin with.
    :ivar names: names that the documents know, for questions that lean on the one before.
    :ivar feedback: where to keep what people say about answers; nobody is asked if it is None.
    :ivar noted: told each question, its answer and the seconds it took.
    """

    opened: Retriever | Live
    examples: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    feedback: FeedbackFiles | None = None
    noted: Callable[[str, Answer, float], None] | None = None
    _lately: Lately = field(default_factory=Lately)

    @property
    def retriever(self) -> Retriever:
        """The retriever to answer one question with."""
        return in_use(self.opened)

    def ask(self, question: str, k: int = 5, documents: list[str] | None = None) -> dict[str, Any]:
        """Answer a question from the documents: the object that `qa ask --json` prints."""
        return to_json(self._answer(question, _limited(k), documents))

    def search(self, question: str, k: int = 5, documents: list[str] | None = None) -> list[dict[str, Any]]:
        """Find the passages that answer best: the `hits` of `qa ask --json`, without a verdict."""
        return hits_to_json(self.retriever.search(question, _limited(k), documents or None))

    def complete(self, asked: Turn, before: Turn | None) -> Turn:
        """Return a turn with what it is to search for, if it leans on the turn before."""
        if before is None:
            return asked
        answer = self._answer_words(before) if means_the_answer(asked.question) else ""
        whole = resolve(asked.question, before.whole, answer, self.names)
        return asked if whole == asked.question else replace(asked, searched=whole)

    def _answer_words(self, asked: Turn) -> str:
        try:
            span = self._lately.ask(self.retriever, asked.whole, asked.k, asked.documents).span
        except QAError:
            return ""
        return "" if span is None else span.text

    def reply(self, asked: Turn, language: str) -> str:
        """Return the answer to a turn as HTML; whatever goes wrong becomes a polite message."""
        say = words(language)
        if len(asked.question) > LONGEST_QUESTION:
            return notice_to_html(say["long_question"].format(most=LONGEST_QUESTION))
        try:
            answer = self._answer(asked.whole, asked.k, asked.documents)
            others = [place.document_id for hit in answer.hits for place in hit.passage.also_in]
            titles = {id_: one.title for id_, one in self.retriever.passages.headings(others).items()}
        except QAError as error:
            return failed_to_html(asked.question, f"{say['problem']}{error.message}", language)
        except Exception:
            _log.exception("no answer to a question of %d characters", len(asked.question))
            return failed_to_html(asked.question, say["unexpected"], language)
        judged = self.feedback is not None
        return turn_to_html(asked.question, asked.searched, to_html(answer, titles, language, judged), language, judged)

    def explain(self, question: str, expected: str | None, language: str, k: int = 5) -> str:
        """Return the panel that says what became of some words of a document; None asks for them first."""
        titles: dict[str, str] = {}
        trace, problem = None, ""
        if expected is not None:
            try:
                trace = why(self.retriever, question, expected[:LONGEST_EXPECTED], k)
                named = self.retriever.passages.headings([place.document_id for place in trace.places])
                titles = {id_: one.title for id_, one in named.items()}
            except QAError as error:
                problem = error.message
        return explanation_to_html(question, expected or "", trace, titles, language, problem)

    def judge(self, question: str, address: str, verdict: str, answer: str, language: str) -> str:
        """Keep what somebody says about an answer.

        :param address: the link of the passage that is judged; empty for ``declined`` and its withdrawal.
        :return: what went wrong, in one line; empty if it is kept.
        """
        say = words(language)
        if self.feedback is None or verdict not in VERDICTS or not 0 < len(question.strip()) <= LONGEST_QUESTION:
            return say["not_kept"]
        quote = self._quoted(address) if address else None
        if quote is None and (address or verdict in {"right", "wrong"}):
            return say["document_gone"]
        try:
            keep(self.feedback, Judgement(question.strip(), cast(Verdict, verdict), quote, answer))
        except QAError as error:
            _log.warning("%s", error)
            return say["not_kept"]
        return ""

    def _quoted(self, address: str) -> Quote | None:
        """Return the words that a link of a hit marks: its evidence, or else the passage."""
        target = read_page_link(address)
        if target is None:
            return None
        place, evidence = target
        try:
            text = self.retriever.document(place.document_id).text
        except KeyError:
            return None
        start, end = evidence or (place.start, place.end)
        return Quote(place.document_id, text[start:end]) if text[start:end].strip() else None

    def _answer(self, question: str, k: int, documents: Sequence[str] | None) -> Answer:
        start = time.perf_counter()
        answer = self._lately.ask(self.retriever, question, k, documents)
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
