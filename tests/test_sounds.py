import pytest

from qa.sounds import names, sound, spelt


@pytest.mark.parametrize(
    ("word", "heard"),
    [
        ("爱萍", " ai ping "),
        ("爱平", " ai ping "),
        ("nanchang", " nan chang "),
        ("xian", None),
        ("绿", None),
        ("hospital", None),
        ("爱p", None),
        ("ban", None),
        ("", None),
        ("liu jian", " liu jian "),
        ("liu who", None),
    ],
)
def test_words_are_spelt_as_they_sound(word: str, heard: str | None) -> None:
    assert spelt(word) == heard


def test_a_text_sounds_character_by_character() -> None:
    assert sound("乐爱平,1") == " le ai ping | | "
    assert sound("") == "  "


def test_syllables_match_whole() -> None:
    assert " nan chan " not in sound("南昌市")
    assert " nan chang " in sound("到南昌市")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What did Wu Peixin say?", ["wu peixin"]),
        ("Liu Jian's report, Li Na", ["liu jian", "li na"]),
        ("can he", []),
        ("Nanchang", []),
        ("Wu, Peixin", []),
        ("Ma Ma Ma Ma", []),
        ("", []),
    ],
)
def test_names_of_several_latin_words_are_found(text: str, found: list[str]) -> None:
    assert names(text) == found
