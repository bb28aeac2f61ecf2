import pytest

from qa.numbers import Numbers
from qa.search import Retriever


@pytest.mark.parametrize(
    ("question", "years", "others"),
    [
        ("2019年的会有12项", ("2019",), ("12",)),
        ("第八届第一次职代会", ("八届第一次",), ()),
        ("八届职代会开了三次", ("八届",), ("三次",)),
        ("3.5米和１２３４年", ("1234",), ("3.5",)),
        ("一共几个", (), ()),
        ("12345", (), ("12345",)),
        ("", (), ()),
    ],
)
def test_years_are_told_from_other_numbers(question: str, years: tuple[str, ...], others: tuple[str, ...]) -> None:
    assert Numbers.of(question) == Numbers(years, others)


@pytest.mark.parametrize(
    ("question", "text", "missed"),
    [
        ("2019年谁主持", "2023年", (1.0, 0.0)),
        ("2023年谁主持", "2023年3月", (0.0, 0.0)),
        ("2023年谁主持", "12023", (1.0, 0.0)),
        ("2022和2023年", "2023年", (0.5, 0.0)),
        ("第10届", "第十届", (0.0, 0.0)),
        ("第10届", "第二十届", (0.0, 1.0)),
        ("21个", "二十一个", (0.0, 0.0)),
        ("第1医院", "第一医院", (0.0, 0.0)),
        ("八届一次", "九届三次会议在八楼", (1.0, 0.0)),
        ("八届一次", "第八届职代会第一次会议", (0.0, 0.0)),
        ("第八届第一次", "八届一次", (0.0, 0.0)),
        ("八届一次", "十八届一次", (1.0, 0.0)),
        ("八届一次", "第八届第二次会议", (1.0, 0.0)),
        ("第一届", "首届", (0.0, 0.0)),
        ("第十五届", "第15届", (0.0, 0.0)),
        ("十十届", "十届", (1.0, 0.0)),
        ("开了三次", "三次", (0.0, 0.0)),
        ("03号楼", "3号楼", (0.0, 0.0)),
        ("谁主持", "2023年", (0.0, 0.0)),
    ],
)
def test_numbers_that_no_text_has_are_missed(question: str, text: str, missed: tuple[float, float]) -> None:
    assert Numbers.of(question).missed([text, "另一段"]) == missed


def test_another_year_lowers_the_confidence(retriever: Retriever) -> None:
    right, wrong = (retriever.ask(f"协和{year}年的职代会是谁主持的?").confidence for year in (2023, 2019))
    assert wrong < right / 2
