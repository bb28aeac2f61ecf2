"""Organisations that a question names, and what of them a document has."""

import pytest

from qa.named import Organisations


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
    assert Organisations.of(question).in_chinese == names


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Who is the president of the Mayo Clinic?", (("mayo",),)),
        ("When did the Boston Children's Hospital open?", (("boston", "children"),)),
        ("Who presided at the University of Oxford and the Bank of China?", (("oxford", "china"),)),
        ("Who left the University of Oxford for, say, the Bank of China?", (("oxford",), ("china",))),
        ("Quel est le prix d'une consultation à l'hôpital de Beilun ?", (("beilun",),)),
        ("¿Quién dirige la Clínica Universidad de Navarra?", (("navarra",),)),
        ("Who works in the 协和 Hospital?", (("协和",),)),
        ("Mayo Clinic的院长是谁", (("mayo",),)),
        ("Which Hospital is it?", ()),
        ("Welches Museum ist das?", ()),
        ("¿Cuántas universidades tiene?", ()),
        ("Who heads the hospital?", ()),
        ("who is the president of the mayo clinic?", ()),
        ("Who chaired the Meeting?", ()),
        ("", ()),
    ],
)
def test_names_in_latin_letters_are_told_by_their_capitals(question: str, names: tuple[tuple[str, ...], ...]) -> None:
    assert Organisations.of(question).in_latin == names


def test_a_name_is_there_in_full_or_in_short() -> None:
    def missed(names: list[str], told: str) -> float:
        return Organisations(tuple(names), ()).missed([told])

    assert missed(["南昌市第一医院"], "南昌市第一医院召开大会") == 0
    assert missed(["南昌市第一医院"], "南昌一院召开大会") == 0
    assert missed(["南昌市第二医院"], "南昌市第一医院召开大会") == 1
    assert missed(["清华大学", "北京大学"], "北京大学召开大会") == 0.5
    assert missed([], "北京大学召开大会") == 0


def test_a_name_in_latin_letters_is_there_if_any_word_of_its_own_is_as_written_or_translated() -> None:
    names = Organisations((), (("peking", "union", "medical"),))
    assert names.missed(["北京协和医院召开大会"], {"peking"}) == 0
    assert names.missed(["the union met"]) == 0
    assert names.missed(["华西医院召开大会"], {"who"}) == 0.5  # it may stand there in other letters
    assert Organisations(("华西医院",), (("mayo",),)).missed(["华西医院召开大会"]) == 0.25
