"""Organisations that a question names, and what of them a document has."""

import pytest

from qa.named import missed, organisations_named


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("华西医院的院长是谁?", ("华西医院",)),
        ("台大醫院的院長是誰?", ("台大医院",)),
        ("4月20日南昌市第一医院开了什么会?", ("南昌市第一医院",)),
        ("清华大学和北京大学哪个先成立?", ("清华大学", "北京大学")),
        ("每家医院的大会分别是谁主持的?", ()),
        ("该校何时建立医学院?", ()),
        ("他哪年创立大学?", ()),
        ("谁主持了大会?", ()),
        ("Who heads the Mayo Clinic?", ()),
        ("", ()),
    ],
)
def test_names_are_taken_out_of_a_question(question: str, names: tuple[str, ...]) -> None:
    assert organisations_named(question) == names


def test_a_name_is_there_in_full_or_in_short() -> None:
    assert missed(["南昌市第一医院"], "南昌市第一医院召开大会") == 0
    assert missed(["南昌市第一医院"], "南昌一院召开大会") == 0
    assert missed(["南昌市第二医院"], "南昌市第一医院召开大会") == 1
    assert missed(["清华大学", "北京大学"], "北京大学召开大会") == 0.5
    assert missed([], "北京大学召开大会") == 0
