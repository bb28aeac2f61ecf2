import pytest

from qa.kinds import holds_kind, kinds_asked
from qa.text import fold


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("谁主持了大会", {"person"}),
        ("誰致閉幕詞?", {"person"}),
        ("会议什么时候召开", {"time"}),
        ("几点开始", {"time"}),
        ("在哪里召开", {"place"}),
        ("有多少人参加", {"number"}),
        ("分几组讨论", {"number"}),
        ("Who chaired it, and when?", {"person", "time"}),
        ("How many people came?", {"number"}),
        ("会議はいつ、どこで開かれましたか", {"time", "place"}),
        ("누가 사회를 보았나요", {"person"}),
        ("¿Cuándo fue?", {"time"}),
        ("Кто председательствовал?", {"person"}),
        ("为什么要改革", set()),
        ("whole", set()),
        ("", set()),
    ],
)
def test_questions_ask_for_kinds(question: str, kinds: set[str]) -> None:
    assert kinds_asked(question) == kinds


@pytest.mark.parametrize(
    ("kind", "held", "not_held"),
    [
        ("person", "大会由纪委书记柴建军主持", "会议开始"),
        ("person", "图片/孙良", "图片"),
        ("time", "3月29日召开", "大会召开"),
        ("time", "上午8时30分", "顺利闭幕"),
        ("place", "在协和学术会堂召开", "圆满召开"),
        ("number", "500余人参会", "全体参会"),
        ("number", "分成六组讨论", "分组讨论"),
    ],
)
def test_texts_hold_kinds(kind: str, held: str, not_held: str) -> None:
    assert holds_kind(fold(held), frozenset({kind}))
    assert not holds_kind(fold(not_held), frozenset({kind}))


def test_nothing_asked_is_nothing_held() -> None:
    assert not holds_kind("2023年", frozenset())
