from __future__ import annotations

import pytest

from qa.text import fold
from qa.wording import LANGUAGES, language_of, words


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-TW,zh;q=0.9", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("ZH-MO", "zh-Hant"),
        ("zh", "zh-Hans"),
        ("en-GB,zh-CN", "en"),
        ("fr-FR, zh-HK;q=0.5", "zh-Hant"),
        ("fr,de", "en"),
        ("", "zh-Hans"),
    ],
)
def test_the_interface_follows_the_browser(header: str, language: str) -> None:
    assert language_of(header) == language


def test_every_language_has_every_string_with_the_same_blanks() -> None:
    simplified, traditional, english = (words(language) for language in LANGUAGES)
    for key, text in simplified.items():
        assert all(other[key].strip() for other in (traditional, english))
        assert len({text.count("{"), traditional[key].count("{"), english[key].count("{")}) == 1


def test_an_unknown_language_reads_as_the_default() -> None:
    assert words("tlh") == words("zh-Hans")
    assert words("zh-Hans")["new_chat"] == "新对话"


def test_each_column_is_written_in_its_own_characters() -> None:
    simplified = "".join(words("zh-Hans").values())
    traditional = "".join(words("zh-Hant").values())
    assert fold(simplified) == simplified.lower().translate(
        {0xFF0C: ",", 0xFF1A: ":", 0xFF1F: "?", 0xFF08: "(", 0xFF09: ")"}
    )
    assert "对" not in traditional
    assert "对" in simplified
