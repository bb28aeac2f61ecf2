from pathlib import Path

import pytest

from qa import errors
from qa.errors import (
    DimensionMismatch,
    IndexLocked,
    IndexMissing,
    InvalidQuestions,
    NoDocuments,
    QAError,
    QuoteNotFound,
)


def tree() -> list[type[QAError]]:
    return [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, QAError)]


def test_every_error_stands_in_the_drawing() -> None:
    assert errors.__doc__ is not None
    drawn = {word for line in errors.__doc__.splitlines() for word in line.split() if word[0].isalpha()}
    assert {error.__name__ for error in tree()} <= drawn


def test_the_name_comes_first_so_that_one_line_says_it_all() -> None:
    assert str(IndexMissing(Path("index"))) == (
        "IndexMissing: index: no index was built here. Run: qa index --index index"
    )


@pytest.mark.parametrize(
    ("error", "attributes"),
    [
        (NoDocuments(Path("d"), "empty"), {"folder": Path("d")}),
        (IndexLocked(Path("i"), "process 7"), {"folder": Path("i"), "command": "qa doctor --index i"}),
        (DimensionMismatch("m", 3, 4), {"model": "m", "got": 3, "expected": 4}),
        (InvalidQuestions(Path("q"), "bad", 7), {"path": Path("q"), "line": 7, "message": "q:7: bad"}),
        (QuoteNotFound(Path("q"), "1", "d", "x"), {"question_id": "1", "document_id": "d", "quote": "x"}),
    ],
)
def test_errors_carry_their_data(error: QAError, attributes: dict[str, object]) -> None:
    assert {name: getattr(error, name) for name in attributes} == attributes
