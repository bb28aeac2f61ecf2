"""The evaluation view of the chat: choose a question set, run it with progress, see the figures.

Files are read in the visitor's browser and sent as text, so no door for uploads is opened.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from qa.errors import InvalidQuestions, QAError
from qa.evaluation import measure
from qa.feedback import FeedbackFiles
from qa.live import Live, in_use
from qa.questions import parse_questions, read_questions
from qa.records import QuestionSet, Report
from qa.report import Figures, compare
from qa.scorecard import progress_to_html, scorecard_to_html
from qa.show import escape, notice_to_html
from qa.wording import DEFAULT, words

if TYPE_CHECKING:
    from qa.search import Retriever

MOST_QUESTIONS = 2000
LARGEST_SET = 1 << 20
LARGEST_REPORT = 16 << 20
_SECONDS_BETWEEN = 0.25
_HERE = Path(__file__).parent
_FILE = "file"
_FEEDBACK = "feedback"


class _Stopped(Exception):
    """Nobody waits for the run any more."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What can be measured: an index, question files on this machine, what people said about answers."""

    opened: Retriever | Live
    question_files: tuple[Path, ...] = ()
    feedback: FeedbackFiles | None = None

    def form(self, language: str) -> str:
        """Return the form that chooses what is run."""
        say = words(language)
        sets = [(str(number), path.name) for number, path in enumerate(self.question_files)]
        if self.feedback is not None:
            sets.append((_FEEDBACK, say["set_feedback"]))
        sets.append((_FILE, say["set_file"]))
        options = "".join(f'<option value="{value}">{escape(label)}</option>' for value, label in sets)
        return (
            f'<form class="wd-trial" data-too-large="{say["file_too_large"]}" data-most="{LARGEST_SET}" '
            f'data-most-report="{LARGEST_REPORT}"><h2>{say["evaluation"]}</h2><p>{say["evaluation_more"]}</p>'
            f'<label>{say["question_set"]}<select name="set">{options}</select></label>'
            f'<label class="wd-own-set">{say["set_file_label"]}'
            f'<input type="file" name="own" accept=".jsonl,.json,.txt"></label>'
            f'<label>{say["earlier_report"]}<input type="file" name="earlier" accept=".json"></label>'
            f'<button type="submit" class="wd-run">{say["run"]}</button>'
            f'<button type="button" class="wd-stop-run">{say["stop"]}</button></form>'
        )

    def run(self, chosen: str, text: str, earlier: str, language: str) -> Iterator[str]:
        """Measure a question set; yields its progress as HTML, then the scorecard or a polite message.

        :param chosen: the value of an option of :meth:`form`.
        :param text: the visitor's own question file, if that is chosen.
        :param earlier: an earlier report as JSON, or empty.
        """
        say = words(language)
        try:
            question_set, path = self._read(chosen, text, say)
            old = _report(earlier, say) if earlier else None
            for step in _measuring(question_set, in_use(self.opened), path):
                if isinstance(step, Report):
                    comparison = _compared(old, step, say) if old is not None else None
                    yield scorecard_to_html(step.figures, question_set, comparison, language)
                else:
                    yield progress_to_html(*step, language)
        except QAError as error:
            yield notice_to_html(error.message)

    def _read(self, chosen: str, text: str, say: Mapping[str, str]) -> tuple[QuestionSet, Path]:
        if chosen == _FILE:
            path = Path(say["set_file"])
            if not text.strip() or len(text) > LARGEST_SET:
                raise InvalidQuestions(path, say["file_too_large" if text.strip() else "file_missing"])
            question_set = parse_questions(text, path)
        else:
            path = self._known(chosen)
            question_set = read_questions(path)
        if question_set.kind != "jsonl":
            raise InvalidQuestions(path, say["not_jsonl"])
        if len(question_set.questions) > MOST_QUESTIONS:
            said = say["too_many_questions"].format(most=MOST_QUESTIONS, n=len(question_set.questions))
            raise InvalidQuestions(path, said)
        return question_set, path

    def _known(self, chosen: str) -> Path:
        if chosen == _FEEDBACK and self.feedback is not None:
            return self.feedback.known
        known = {str(number): path for number, path in enumerate(self.question_files)}
        if chosen not in known:
            raise InvalidQuestions(Path(chosen[:40]), "there is no such question set")
        return known[chosen]


def _report(text: str, say: Mapping[str, str]) -> Figures:
    try:
        old = json.loads(text) if len(text) <= LARGEST_REPORT else None
    except (ValueError, RecursionError):
        old = None
    if not isinstance(old, dict):
        raise InvalidQuestions(Path(say["earlier_report"]), say["not_a_report"])
    return old


def _compared(old: Figures, report: Report, say: Mapping[str, str]) -> Figures:
    """Compare with what the visitor says is a report; it may be any JSON at all."""
    try:
        return compare(old, report)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidQuestions(Path(say["earlier_report"]), say["not_a_report"]) from error


def _measuring(question_set: QuestionSet, retriever: Retriever, path: Path) -> Iterator[tuple[int, int] | Report]:
    """Measure in a thread; yield how far it is, then the report. Closing the iterator stops it after a question."""
    halted = threading.Event()
    at = (0, len(question_set.questions))

    def step(done: int, total: int) -> None:
        nonlocal at
        at = (done, total)
        if halted.is_set():
            raise _Stopped

    with ThreadPoolExecutor(1) as pool:
        running: Future[Report] = pool.submit(measure, question_set, retriever, path=path, progress=step)
        try:
            while not running.done():
                yield at
                time.sleep(_SECONDS_BETWEEN)
            yield running.result()
        finally:
            halted.set()


@dataclass(frozen=True, slots=True)
class TrialParts:
    """The components of the view, and the button that opens it."""

    opener: gr.Button
    form: gr.HTML
    results: gr.HTML


def lay_out_trial(bench: Bench, opener: gr.Button) -> TrialParts:
    """Place the view inside an open row of ``gr.Blocks``."""
    with gr.Column(elem_id="wd-trial"):
        form = gr.HTML(
            bench.form(DEFAULT), elem_id="wd-trial-form", js_on_load=(_HERE / "trial.js").read_text(encoding="utf-8")
        )
        results = gr.HTML("", elem_id="wd-trial-results", js_on_load=None)
    return TrialParts(opener, form, results)


def wire_trial(bench: Bench, parts: TrialParts, language: gr.Dropdown) -> None:
    """Connect the events of the view; none is an endpoint for programs."""

    def run(event: gr.EventData, chosen_language: str) -> Iterator[str]:
        yield from bench.run(str(event.set), str(event.own), str(event.earlier), chosen_language)

    def stopped(chosen_language: str) -> str:
        time.sleep(2 * _SECONDS_BETWEEN)  # a last step that is on its way would replace the notice
        return notice_to_html(words(chosen_language)["run_stopped"])

    def renamed(chosen_language: str) -> tuple[str, str]:
        return words(chosen_language)["evaluation"], bench.form(chosen_language)

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    started = parts.form.submit(run, language, parts.results, concurrency_limit=1, **quiet)
    halted = parts.form.stop(None, cancels=[started], queue=False, **quiet)
    halted.then(stopped, language, parts.results, queue=False, **quiet)
    language.change(renamed, language, [parts.opener, parts.form], queue=False, **quiet)
