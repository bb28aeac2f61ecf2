"""Times, amounts and names by rules."""

import pytest

from qa.candidates import of_kind

ENGLISH = "The meeting was held in Lecture Hall on 20 March 2023. It was chaired by Chai Jianjun; 500 people came."


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("when", "2023年3月20日上午9时30分召开", ["2023年3月20日上午9时30分"]),
        ("when", "9月21日下午,2024-04-22 10:02", ["9月21日下午", "2024-04-22 10:02"]),
        ("when", ENGLISH, ["20 March 2023"]),
        ("count", "近200人参加,3月20日分成十五个小组,增长30%", ["近200人", "十五个", "30%"]),
        ("count", ENGLISH, ["500"]),
        ("who", ENGLISH, ["Lecture Hall", "Chai Jianjun"]),
        ("who", "由柴建军主持,张萍代表学校致辞", ["柴建军", "张萍"]),
        ("where", ENGLISH, ["Lecture Hall", "Chai Jianjun"]),
        ("why", ENGLISH, []),
    ],
)
def test_rules_find_what_can_answer(kind: str, text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in of_kind(kind, text, text.lower())] == words
