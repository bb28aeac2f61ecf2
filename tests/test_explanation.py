from __future__ import annotations

import pytest

from qa.explanation import explanation_to_html
from qa.search import Retriever
from qa.why import why
from qa.wording import words

QUESTION = "谁主持了大会"
SAID = "大会由党委副书记、纪委书记柴建军主持"


def test_it_first_asks_for_the_words() -> None:
    shown = explanation_to_html("<谁>", "", None, {}, "en")
    assert '<p class="wd-why-question">&#60;谁&#62;</p>' in shown
    assert '<textarea name="expected" rows="3" required maxlength="500"></textarea>' in shown
    assert "wd-trace" not in shown


def test_it_says_the_step_the_ranks_and_where_the_words_stand(retriever: Retriever) -> None:
    trace = why(retriever, QUESTION, SAID)
    [place] = trace.places
    shown = explanation_to_html(QUESTION, SAID, trace, {place.document_id: "协和<1>"}, "en")
    assert "<b>Found, and shown.</b>" in shown
    assert "<th scope='row'>as shown</th><td>1</td>" in shown
    assert f'at&#61;{place.start}-{place.end}">协和&#60;1&#62;</a>' in shown.replace("at=", "at&#61;")
    assert f">{SAID}</textarea>" in shown


@pytest.mark.parametrize(
    ("step", "said"),
    [("从来没有写过的话", "step_not_read"), ("▲", "step_shown")],
)
def test_every_step_has_its_words(retriever: Retriever, step: str, said: str) -> None:
    trace = why(retriever, QUESTION, step)
    assert f"<b>{words('zh-Hans')[said]}</b>" in explanation_to_html(QUESTION, step, trace, {}, "zh-Hans")


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant", "en"])
def test_all_steps_of_a_trace_are_worded(language: str) -> None:
    from qa.why import _SAID

    assert all(words(language)["step_" + step.replace(" ", "_")] for step in _SAID)


def test_a_problem_is_said_in_place_of_a_trace() -> None:
    shown = explanation_to_html(QUESTION, " ", None, {}, "en", "the expected text is <empty>")
    assert '<p class="wd-trace" role="alert">the expected text is &#60;empty&#62;</p>' in shown
