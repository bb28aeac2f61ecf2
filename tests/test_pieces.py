"""SentencePiece cuts by the pieces that it is given, and changes nothing before."""

from __future__ import annotations

import pytest

from qa.pieces import PieceCutter, piece_model

PIECES = [("?", 0.0), ("大会", -1.0), ("大", -3.0), ("会", -3.0), ("Ａ", -2.0), ("长" * 50, -1.0)]


def test_words_are_cut_into_the_likeliest_pieces_and_blanks_are_passed_over() -> None:
    cutter = PieceCutter(piece_model(PIECES, 0))
    assert cutter.ids(["大会", " 大  会大会 ", "", " "]) == [[1], [2, 3, 1], [], []]
    assert cutter.ids(["长" * 50 + "大"]) == [[5, 2]]


def test_nothing_is_normalised() -> None:
    assert PieceCutter(piece_model(PIECES, 0)).ids(["ＡA"]) == [[4, 0]]


def test_what_no_piece_holds_is_one_unknown_a_word() -> None:
    assert PieceCutter(piece_model(PIECES, 0)).ids(["龙龙大会龙", "龙 龙"]) == [[0, 1, 0], [0, 0]]


@pytest.mark.parametrize("piece", ["", "a b", "大"])
def test_pieces_that_cannot_be_told_from_blanks_or_each_other_are_refused(piece: str) -> None:
    with pytest.raises(ValueError, match="cannot be told"):
        piece_model([*PIECES, (piece, -1.0)], 0)
