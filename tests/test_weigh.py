import numpy as np
import pytest

from qa.translate import Translated
from qa.weigh import HEARD, cover, meet, saturate, weigh

TEXTS = ["南昌主持", "congress", "主持主持,主办"]


def test_idf_is_bm25s() -> None:
    assert weigh(["a", "b"], [0, 99], 100).idf.tolist() == pytest.approx(
        [np.log(1 + 100.5 / 0.5), np.log(1 + 1.5 / 99.5)]
    )


def test_what_is_held_heard_translated_or_lost_has_its_part_of_the_weight() -> None:
    hosted = Translated("hosted", (("主持", 1.0),))
    found = weigh(["2023", "nanchang", "hosted", "zzz"], [9, 0, 0, 0], 100, [hosted], [9.0])
    assert found.sounds == (None, " nan chang ", None, None)
    held, heard, translated = found.idf[0], found.idf[1], found.idf[0]
    total = held + heard + translated
    assert found.met_share.tolist() == pytest.approx([heard / total, translated / total])
    assert found.found == pytest.approx(total / (total + found.idf[3]))


def test_terms_cover_as_written_words_whole_and_as_they_sound() -> None:
    found = weigh(["主持", "nanchang", "congres", "congress"], [2, 0, 0, 1], 3)
    assert cover(found, TEXTS).tolist() == [[1, np.float32(HEARD), 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]


def test_translations_are_counted_by_their_shares() -> None:
    found = weigh(["hosted"], [0], 3, [Translated("hosted", (("主持", 0.75), ("主办", 0.25)))], [1.0])
    assert meet(found, TEXTS).tolist() == [[0.75], [0], [1.75]]
    assert meet(weigh(["主持"], [2], 3), TEXTS).shape == (3, 0)


def test_counts_saturate_sooner_in_short_texts() -> None:
    long, short = saturate(np.array([[1.0], [1.0]], np.float32), ["甲" * 200, "甲" * 20])[:, 0]
    assert long == pytest.approx(1 / 2.2)
    assert short > long
