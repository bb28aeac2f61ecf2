from __future__ import annotations

import pytest

from qa.records import Document
from qa.suggest import suggest


def yes(question: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("大会由党委副书记王一主持。", "大会由谁主持？"),
        ("校长王一作了《年度工作报告》。", "谁作了《年度工作报告》？"),
        ("院长王一主持了座谈会。", "谁主持座谈会？"),
        ("主席王一致闭幕词。", "谁致闭幕词？"),
        ("3月2日，职工代表大会在报告厅召开。", "职工代表大会在哪里召开？"),
        ("市图书馆成立于1958年。", "市图书馆什么时候成立？"),
        ("共有500余人参加。", "有多少人参加？"),
        ("The City Library was founded in 1958.", "When was The City Library founded?"),
        ("The Museum is located in Leeds.", "Where is The Museum?"),
    ],
)
def test_a_sentence_makes_the_question_that_it_answers(text: str, question: str) -> None:
    assert suggest([Document("a", "", f"开头。\n{text}")], yes) == [question]


def test_each_document_gives_one_question_and_none_comes_twice() -> None:
    first = Document("a", "", "大会由王一主持。主席王一致闭幕词。")
    second = Document("b", "", "大会由李二主持。主席李二致闭幕词。")
    assert suggest([first, second, second], yes) == ["大会由谁主持？", "谁致闭幕词？"]


def test_a_question_that_finds_no_answer_is_not_suggested() -> None:
    document = Document("a", "", "大会由王一主持。主席王一致闭幕词。")
    assert suggest([document], lambda question: "闭幕" in question) == ["谁致闭幕词？"]


def test_there_are_at_most_so_many_and_asking_is_bounded() -> None:
    documents = [
        Document(str(n), "", f"{'甲乙丙丁戊己庚辛壬癸'[n % 10] * (n // 10 + 1)}会由王一主持。") for n in range(50)
    ]
    assert len(suggest(documents, yes, most=3)) == 3
    asked: list[str] = []
    assert suggest(documents, lambda question: bool(asked.append(question))) == []
    assert len(asked) == 24


@pytest.mark.parametrize(
    ("title", "question"),
    [
        ("春天", "《春天》讲了什么？"),
        ("Spring", "What does “Spring” say?"),
        ("spring-07", None),
        ("", None),
        ("长" * 41, None),
    ],
)
def test_without_such_sentences_the_title_makes_a_question(title: str, question: str | None) -> None:
    document = Document("a", title, f"春天 Spring {'长' * 41}\n天气很好。")
    assert suggest([document], yes) == ([question] if question else [])


def test_text_without_such_sentences_suggests_nothing() -> None:
    assert suggest([Document("a", "标题", "天气很好。"), Document("b", "", "")], yes) == []
