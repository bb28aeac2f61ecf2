from pathlib import Path

import pytest

from qa.text import fold
from qa.translate import Lexicon, Translated, among, shipped_lexicon, stem, translations

TOLD = {
    "hospital": {"医院": 1.0},
    "hosted": {"主持": 0.75, "主办": 0.25},
    "больницей": {"医院": 1.0},
    "會": {"会": 1.0},
    "主持": {"host": 0.5, "preside": 0.5},
    "主": {"main": 1.0},
    "bệnh viện": {"医院": 1.0},
    "مستشفي": {"医院": 1.0},
    "병원": {"医院": 1.0},
}
SMALL = Lexicon.of(TOLD)


def words(question: str) -> list[str]:
    return [found.word for found in translations(question, SMALL)]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("who hosted it in the hospital? the hospital!", ["hosted", "hospital"]),
        ("больнице", ["больнице"]),
        ("боль", []),
        ("谁主持了", ["主持"]),
        ("主a持", ["主"]),
        ("hospitals", ["hospitals"]),
        ("hospitalised", []),
        ("hosting", ["hosting"]),
        ("hospital bệnh viện bệnh", ["hospital", "bệnh viện"]),
        ("viện bệnh", []),
        ("والمستشفى", ["والمستشفى"]),
        ("인민병원은", ["병원"]),
        ("", []),
    ],
)
def test_known_words_are_found_once_and_the_longest_of_scripts_without_blanks(question: str, found: list[str]) -> None:
    assert words(question) == found


def test_a_word_that_is_not_known_means_what_the_one_that_begins_most_alike_means() -> None:
    assert translations("больница", SMALL) == [Translated("больница", (("医院", 1.0),))]


def test_a_chinese_name_in_latin_letters_is_no_form_of_another_word() -> None:
    lexicon = Lexicon.of({"nanchal": {"别的": 1.0}})
    assert translations("nanchan", lexicon) == []
    assert [found.word for found in translations("nanchax", lexicon)] == ["nanchax"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("والمستشفى", "مستشفي"),
        ("للأطباء", "اطباء"),
        ("مُدِير", "مدير"),
        ("الى", "الي"),
        ("وقت", "وقت"),
        ("hospital", "hospital"),
    ],
)
def test_an_arabic_word_loses_what_is_written_on_to_it(word: str, found: str) -> None:
    assert stem(word) == found


def test_only_what_a_collection_holds_is_kept_and_shares_sum_to_one() -> None:
    hosted, hospital = translations("hosted hospital", SMALL)
    kept, expected = among([hosted, hospital], {"主持": 4, "主办": 0, "医院": 0})
    assert kept == [Translated("hosted", (("主持", 1.0),))]
    assert expected == pytest.approx([4.0])
    kept, expected = among([hosted], {"主持": 4, "主办": 8})
    assert kept == [hosted]
    assert expected == pytest.approx([5.0], abs=0.02)


def test_a_saved_lexicon_is_the_same_to_a_hundredth(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.npz"
    SMALL.save(path)
    found = Lexicon.load(path)
    assert found.words == sorted(TOLD)
    assert all(found.get(word) == pytest.approx(told, abs=0.01) for word, told in TOLD.items())
    assert not found.get("hospita")
    assert not found.get("zzz")


@pytest.mark.parametrize(
    ("word", "translation"),
    [
        ("hospital", "医院"),
        ("bệnh viện", "医院"),
        ("المستشفى", "医院"),
        ("병원", "医院"),
        ("beijing", "北京"),
        ("больница", "医院"),
        ("krankenhaus", "医院"),
        ("医院", "hospital"),
    ],
)
def test_the_shipped_lexicon_knows_common_words(word: str, translation: str) -> None:
    [found] = translations(word)
    assert translation in dict(found.targets)


def test_all_translations_are_folded_and_shares_are_shares() -> None:
    lexicon = shipped_lexicon()
    for word in lexicon.words[::500]:
        told = lexicon.get(word)
        assert all(target == fold(target) for target in told)
        assert all(0 < share <= 1 for share in told.values())
