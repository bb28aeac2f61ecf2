"""The comparison with others: what is measured, on which passages, and how figures become tables."""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

from benchmarks.peers.__main__ import PASSAGE, Child, _filler, _report, _success
from benchmarks.peers.systems import DENSE, HYBRID, LEXICAL, _terms


def test_a_system_answers_orders_from_its_own_process(tmp_path: Path) -> None:
    passages = ["食堂六点开饭。", "大会由张立东主持。", "电梯停运检修。"]
    file = tmp_path / "passages.json"
    file.write_text(json.dumps(passages), "utf-8")
    child = Child("wenda", sys.executable, file)
    try:
        built = child.do("build")
        assert built["peak"] >= built["memory"] > 0
        for mode in (DENSE, LEXICAL, HYBRID):
            assert [ranking[0] for ranking in child.do("rank", mode=mode, questions=["谁主持大会"], k=2)] == [1]
        assert len(child.do("time", mode=DENSE, questions=["谁", "几点开饭"], k=2)) == 2
    finally:
        child.close()


def test_success_counts_questions_whose_first_or_first_ten_hold_a_right_passage() -> None:
    assert _success([[3, 1], [2, 9], [5, 6]], [{3}, {9}, {7}]) == (1 / 3, 2 / 3)


def test_more_passages_come_from_texts_without_repeats(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("甲" * PASSAGE + "乙" * PASSAGE + "丙", "utf-8")
    with lzma.open(tmp_path / "b.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"text": "甲" * PASSAGE + "丁" * PASSAGE}) + "\n")
    assert [passage[0] for passage in _filler(tmp_path, 9, {"乙" * PASSAGE})] == ["甲", "丁"]
    assert len(list(_filler(tmp_path, 1, set()))) == 1


def test_terms_are_pairs_of_chinese_characters_and_words() -> None:
    assert _terms("主持大会 Room 12") == ["主持", "持大", "大会", "room", "12"]


def test_the_tables_set_each_system_beside_the_first() -> None:
    def system(milliseconds: float) -> dict[str, object]:
        modes = {DENSE: {"times": [[milliseconds] * 3] * 2, "success": (0.5, 1.0)}}
        built = {"build": [milliseconds, 4.0, 9.0], "processor": [1.0, 2.0, 3.0]}
        return {"start": 1.0, **built, "memory": 100.0, "own memory": 10.0, "modes": modes}

    figures = {"wenda": system(2.0), "other": system(5.0)}
    limits = {"product": 0.5, "tokenise": 2.0, "write": 0.25}
    lines = list(_report(figures, limits, 1000, 2, {"peer": "1.2"}))
    assert "; peer 1.2." in lines[0]
    assert "| other | 1.0 s | 200 | 1.00 | 500 | 100 MiB | 10 MiB |" in lines
    assert "| other | 5.0 ms | 5.0 ms | 2.50 | 0.500 | 1.000 |" in lines
    assert "tokenising all passages 500 passages/s" in lines[-1]
