import json
import re
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (ROOT / "questions" / "seeds.jsonl").read_text(encoding="utf-8").splitlines()
]
README = (ROOT / "questions" / "README.md").read_text(encoding="utf-8")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "seeds").glob("*.txt")}
DECLINED_STYLES = {"near-miss", "other-organisation", "off-topic", "small-talk", "nonsense"}


def split(question_id: str) -> str:
    return "test" if sha256(question_id.encode()).digest()[0] % 2 else "tune"


def counts(value: str) -> tuple[int, int]:
    """Return the answerable and the declined of a row of the README's tables."""
    answerable, declined = re.findall(rf"^\| {value} \| (\d+) \| (\d+) \|$", README, flags=re.MULTILINE)[0]
    return int(answerable), int(declined)


def test_every_quote_stands_in_its_page_word_for_word() -> None:
    quotes = [(row["id"], mark["document"], mark["quote"]) for row in ROWS for mark in row["evidence"]]
    assert [mark for mark in quotes if not mark[2].strip() or mark[2] not in PAGES[mark[1]]] == []
    assert [mark for mark, times in Counter(quotes).items() if times > 1] == []


def test_ids_count_up_and_no_question_stands_twice() -> None:
    numbers = [int(re.fullmatch(r"seed-(\d{4})", row["id"])[1]) for row in ROWS]
    assert numbers == sorted(set(numbers))
    assert [text for text, times in Counter(row["question"] for row in ROWS).items() if times > 1] == []


def test_each_answer_is_part_of_a_quote_and_each_quote_holds_an_answer() -> None:
    wrong = [
        row["id"]
        for row in ROWS
        if row["answers"]
        and not (
            all(any(answer in mark["quote"] for mark in row["evidence"]) for answer in row["answers"])
            and all(any(answer in mark["quote"] for answer in row["answers"]) for mark in row["evidence"])
        )
    ]
    assert wrong == []


def test_without_evidence_means_a_style_that_is_declined() -> None:
    assert [row["id"] for row in ROWS if (not row["evidence"]) != (row["style"] in DECLINED_STYLES)] == []


@pytest.mark.parametrize("field", ["kind", "lang", "style"])
def test_readme_counts_are_those_of_the_file(field: str) -> None:
    found = {
        value: (
            sum(row[field] == value and bool(row["evidence"]) for row in ROWS),
            sum(row[field] == value and not row["evidence"] for row in ROWS),
        )
        for value in {row[field] for row in ROWS}
    }
    assert {value: counts(value) for value in found} == found


def test_split_is_the_one_of_the_readme() -> None:
    assert [split(f"seed-000{number}") for number in range(1, 7)] == ["tune", "tune", "tune", "tune", "test", "test"]
    sizes = Counter((split(row["id"]), bool(row["evidence"])) for row in ROWS)
    for name in ("tune", "test"):
        assert f"*{name}* ({sizes[name, True]} + {sizes[name, False]})" in README
