import pytest

from qa.infull import in_full
from qa.search import Retriever

HEADINGS = [
    "南昌市第一医院召开大会",
    "北仑区人民医院工作会议",
    "北京协和医院召开会议",
    "杭州市第一人民医院",
    "北京大学学术年会",
    "国家卫生健康委员会通知",
]


def spelt(question: str, *texts: str) -> str:
    return in_full(question, HEADINGS, texts)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("南昌一院的院长是谁?", "南昌市第一医院的院长是谁?"),
        ("北仑医院和杭州一院", "北仑区人民医院和杭州市第一人民医院"),
        ("國家衛生健康委几号发的", "国家卫生健康委员会几号发的"),
        ("北京医院的院长", "北京医院的院长"),
        ("南昌二院", "南昌二院"),
        ("南昌一院区", "南昌一院区"),
        ("南昌市第一医院", "南昌市第一医院"),
        ("东北大学", "东北大学"),
        ("北大", "北大"),
        ("谁主持了大会", "谁主持了大会"),
        ("", ""),
    ],
)
def test_short_names_are_spelt_out(question: str, found: str) -> None:
    assert spelt(question) == found


def test_a_short_name_that_fits_two_or_that_a_passage_has_stays() -> None:
    two = ["杭州市第一医院召开大会", "杭州市第一人民医院召开大会"]
    assert in_full("杭州一院", two, ()) == "杭州一院"
    assert in_full("杭州一院", two[:1], ()) == "杭州市第一医院"
    assert spelt("南昌一院", "南昌一院今日开诊") == "南昌一院"


def test_a_question_that_names_an_organisation_in_short_finds_its_page(retriever: Retriever) -> None:
    [hit] = retriever.search("南昌一院职代会大概去了多少人?", k=1)
    assert "近200人" in hit.passage.text
