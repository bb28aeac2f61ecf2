from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from qa.build import build_index
from qa.chat import build_app
from qa.desk import Desk
from qa.embed import Encoder
from qa.errors import IndexDamaged
from qa.feedback import Feedback, FeedbackFiles, read_feedback
from qa.memory import LONGEST_QUESTION, Turn
from qa.search import Retriever
from qa.show import hits_to_json, to_json
from qa.web import HEADERS, SHUT, running

QUESTION = "谁主持了大会"


@pytest.fixture(scope="module")
def address(retriever: Retriever) -> Iterator[str]:
    with running(build_app(retriever)) as served:
        yield served


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Client]:
    opened = Client(address, verbose=False)
    yield opened
    opened.close()


# --- endpoints


def test_ask_answers_what_the_command_line_prints(client: Client, retriever: Retriever) -> None:
    assert client.predict(QUESTION, api_name="/ask") == to_json(retriever.ask(QUESTION))
    assert client.predict(question=QUESTION, k=2, api_name="/ask") == to_json(retriever.ask(QUESTION, k=2))


def test_search_answers_the_hits(client: Client, retriever: Retriever) -> None:
    assert client.predict(QUESTION, 3, api_name="/search") == hits_to_json(retriever.search(QUESTION, k=3))


def test_documents_can_be_chosen(client: Client, retriever: Retriever) -> None:
    chosen = list(retriever.documents)[1:3]
    found = client.predict(QUESTION, 9, chosen, api_name="/search")
    assert {hit["document"] for hit in found} == set(chosen)
    assert client.predict(QUESTION, 9, ["no such"], api_name="/ask")["answered"] is False


def test_nothing_else_can_be_called(client: Client) -> None:
    endpoints = cast(dict[str, Any], client.view_api(return_format="dict"))
    assert (set(endpoints["named_endpoints"]), endpoints["unnamed_endpoints"]) == ({"/ask", "/search"}, {})
    with pytest.raises(ValueError, match="Cannot find a function"):
        client.predict(QUESTION, api_name="/send")


@pytest.mark.parametrize("endpoint", ["/ask", "/search"])
@pytest.mark.parametrize(
    ("question", "k"), [("  ", 5), ("长" * 6000, 5), (QUESTION, 0), (QUESTION, 101), (QUESTION, "x")]
)
def test_what_cannot_be_asked_is_said_in_one_line(client: Client, endpoint: str, question: str, k: Any) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(question, k, api_name=endpoint)
    assert str(caught.value).startswith("InvalidQuestion: ")
    assert "\n" not in str(caught.value)


def test_many_may_ask_at_once(address: str, retriever: Retriever) -> None:
    questions = [f"{QUESTION}{'？' * n}" for n in range(3)]

    def ask(client: Client) -> list[object]:
        # One after the other: a client whose stream of answers has just ended may lose one that it still waits for.
        return [client.predict(question, api_name="/ask") for question in questions]

    with ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(lambda _: Client(address, verbose=False), range(8)))
        answers = list(pool.map(ask, clients))
    for client in clients:
        client.close()
    assert answers == [[to_json(retriever.ask(question)) for question in questions]] * 8


# --- the web application


def test_health_names_the_index(address: str, retriever: Retriever) -> None:
    manifest = retriever.manifest
    with httpx.Client(trust_env=False) as browser:
        answer = browser.get(address + "health")
    assert answer.json() == {"generation": manifest.generation, "passages": manifest.passages}


def test_the_page_carries_the_security_headers_and_shuts_unused_doors(address: str) -> None:
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(address)
        assert {name: page.headers[name] for name in HEADERS} == HEADERS
        assert [browser.post(address + door[1:]).status_code for door in SHUT] == [404] * len(SHUT)
        assert "server" not in page.headers


# --- the desk


class Broken:
    """A retriever that always fails the same way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def ask(self, *_: object) -> None:
        raise self.error


def test_an_error_of_the_engine_is_a_polite_message() -> None:
    desk = Desk(cast(Retriever, Broken(IndexDamaged(Path("index"), "<cut short>"))))
    shown = desk.reply(Turn(QUESTION), "en")
    assert '<div class="wd-notice" role="status">This cannot be answered now: index: the index is' in shown
    assert "&#60;cut short&#62;" in shown


def test_an_unexpected_error_is_logged_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    shown = Desk(cast(Retriever, Broken(RuntimeError("secret detail")))).reply(Turn(QUESTION), "zh-Hans")
    assert '<div class="wd-notice" role="status">出了一点问题，已记入日志。请稍后再试。</div>' in shown
    assert f'<a class="wd-again" href="?q={quote(QUESTION)}">' in shown.replace("&#95;", "_")
    assert "secret detail" not in shown
    assert "secret detail" in caplog.text
    assert QUESTION not in caplog.text


def test_a_question_that_is_too_long_is_turned_down_before_the_engine() -> None:
    desk = Desk(cast(Retriever, Broken(AssertionError())))
    assert "最多 1000 个字" in desk.reply(Turn("长" * (LONGEST_QUESTION + 1)), "zh-Hans")


def test_a_conversation_is_a_question_and_an_answer_each(retriever: Retriever) -> None:
    shown = Desk(retriever).messages([Turn(QUESTION), Turn("<b>", 1)], "en")
    assert [message["role"] for message in shown] == ["user", "assistant"] * 2
    assert shown[0]["content"] == f'<div class="wd-asked">{QUESTION}</div>'
    assert shown[2]["content"] == '<div class="wd-asked">&#60;b&#62;</div>'
    assert shown[1]["content"].count('class="wd-card"') == 5
    assert shown[3]["content"].count('class="wd-card"') <= 1


def test_a_page_opens_at_its_passage_and_greys_only_what_is_never_searched(tmp_path: Path, encoder: Encoder) -> None:
    shared = "这一段在两页里一字不差地出现，足够长，不会与别的段落并在一起，因此只收录一次，却在两处都可以找到。" * 2
    menu = "您现在的位置: 首页 > 新闻中心 > 重大新闻"
    for name, own in (("a.txt", "甲页自己的内容在这里。"), ("b.txt", "乙页自己的内容在这里。")):
        (tmp_path / name).write_text(f"{menu}\n{name}的标题\n\n{own * 12}\n\n{shared}\n", "utf-8")
    build_index(tmp_path, tmp_path / "index", model=encoder)
    opened = Retriever.open(tmp_path / "index", encoder=encoder)
    desk = Desk(opened)
    for name in ("a.txt", "b.txt"):
        start = opened.document(name).text.index(shared)
        shown = desk.page(f"#page={name}&at={start}-{start + len(shared)}-{start}-{start + 5}", "zh-Hans")
        assert f'id="wd-here" tabindex="-1"><mark class="wd-evidence">{shared[:5]}</mark>' in shown
        assert shown.count("wd-left-out") == 1
        assert f'<p class="wd-left-out" dir="auto">{menu.replace(">", "&#62;")}</p>' in shown
    opened.passages.close()


@pytest.mark.parametrize("link", ["", "#page=gone.txt&at=1-2", "javascript:alert(1)"])
def test_a_page_that_is_not_there_is_said_plainly(retriever: Retriever, link: str) -> None:
    assert "no longer in the index" in Desk(retriever).page(link, "en")


def test_a_turn_leans_on_the_one_before_and_he_is_its_answer(retriever: Retriever) -> None:
    desk = Desk(retriever, names=("北京协和医院",))
    assert desk.complete(Turn("协和的呢"), None) == Turn("协和的呢")
    assert desk.complete(Turn("协和的呢"), Turn(QUESTION)) == Turn("协和的呢", searched=f"协和，{QUESTION}")
    span = retriever.ask(QUESTION).span
    assert span is not None
    assert desk.complete(Turn("他还说了什么"), Turn(QUESTION)).searched == f"{span.text}还说了什么"
    shown = desk.reply(Turn("协和的呢", searched=f"协和，{QUESTION}"), "en")
    assert f'<span class="wd-whole">协和，{QUESTION}</span>' in shown
    assert "协和" in shown[shown.index("wd-reply") :]


def test_a_judgement_is_kept_with_the_words_at_its_place(retriever: Retriever, tmp_path: Path) -> None:
    files = FeedbackFiles(tmp_path / "index")
    desk = Desk(retriever, feedback=files)
    passage = retriever.search(QUESTION)[0].passage
    link = f"#page={passage.document_id}&at={passage.start}-{passage.end}"
    assert desk.judge(QUESTION, link, "right", "", "en") == ""
    assert desk.judge(QUESTION, f"{link}-{passage.start}-{passage.start + 3}", "wrong", "", "en") == ""
    [row] = read_feedback(files).known.values()
    assert row["evidence"] == [{"document": passage.document_id, "quote": passage.text}]
    assert row["wrong"] == [{"document": passage.document_id, "quote": passage.text[:3]}]


@pytest.mark.parametrize(
    ("question", "link", "verdict"),
    [
        (QUESTION, "", "right"),
        (QUESTION, "#page=gone.txt&at=1-2", "right"),
        (QUESTION, "javascript:alert(1)", "wrong"),
        (QUESTION, "#page=000_e1c267786c071a21.txt&at=9-9", "right"),
        (QUESTION, "#page=000_e1c267786c071a21.txt&at=999999-9999999", "right"),
        (QUESTION, "", "excellent"),
        ("  ", "", "declined"),
        ("长" * (LONGEST_QUESTION + 1), "", "declined"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    retriever: Retriever, tmp_path: Path, question: str, link: str, verdict: str
) -> None:
    files = FeedbackFiles(tmp_path / "index")
    assert Desk(retriever, feedback=files).judge(question, link, verdict, "", "en") != ""
    assert read_feedback(files) == Feedback({}, {})


def test_why_is_said_or_asked(retriever: Retriever) -> None:
    desk = Desk(retriever)
    assert "wd-trace" not in desk.explain(QUESTION, None, "en")
    assert "<b>Found, and shown.</b>" in desk.explain(QUESTION, "柴建军主持", "en")
    assert "the expected text is empty" in desk.explain(QUESTION, "  ", "en")
