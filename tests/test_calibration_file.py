import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from qa import calibration_file
from qa.calibration_file import (
    calibrated_weights,
    is_fitted_to,
    objection,
    read_calibration,
    shipped_checksum,
    write_calibration,
)
from qa.errors import CalibrationDamaged, UnreadableFile
from qa.records import Calibration, Fit

FIGURES = {"ece": 0.25, "intervals": {"ece": [0.125, 0.5]}}
FIT = Fit({"intercept": -1.0, "late": 2.0, "threshold": 0.25}, 0.5, -0.5, 1 / 3, FIGURES, FIGURES)
CALIBRATION = Calibration(FIT, "f" * 64, shipped_checksum(), "问题.jsonl", "a" * 64, 40, 25, 78, "2025-01-02")


def written(folder: Path) -> Path:
    return write_calibration(folder, CALIBRATION)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert written(tmp_path) == tmp_path / "calibration.json"
    assert read_calibration(tmp_path) == CALIBRATION
    assert "问题.jsonl" in (tmp_path / "calibration.json").read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]


def test_a_second_one_replaces_the_first(tmp_path: Path) -> None:
    written(tmp_path)
    write_calibration(tmp_path, replace(CALIBRATION, date="2026-01-02"))
    assert read_calibration(tmp_path) == replace(CALIBRATION, date="2026-01-02")


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None
    assert calibrated_weights(tmp_path, "f" * 64) is None


def test_it_holds_for_its_own_model_and_shipped_confidence_only(tmp_path: Path) -> None:
    written(tmp_path)
    assert calibrated_weights(tmp_path, "f" * 64) == FIT.weights
    assert calibrated_weights(tmp_path, "e" * 64) is None
    assert objection(CALIBRATION, "f" * 64) is None
    assert objection(CALIBRATION, "e" * 64) == "fitted to another model (ffffffffffff, the index has eeeeeeeeeeee)"
    older = replace(CALIBRATION, shipped="b" * 64)
    assert objection(older, "f" * 64) == "fitted to the confidence of another version of this program"


def test_it_knows_the_questions_that_it_was_fitted_to(tmp_path: Path) -> None:
    questions = tmp_path / "q.jsonl"
    questions.write_text("问")
    assert not is_fitted_to(tmp_path, "f" * 64, questions)
    write_calibration(tmp_path, replace(CALIBRATION, sha256=hashlib.sha256("问".encode()).hexdigest()))
    assert is_fitted_to(tmp_path, "f" * 64, questions)
    assert not is_fitted_to(tmp_path, "e" * 64, questions)
    questions.write_text("问题")
    assert not is_fitted_to(tmp_path, "f" * 64, questions)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"late": 2.0', '"late": 2.5', "altered after it was written"),
        ("{", "", "JSONDecodeError"),
        ('"checksum"', '"sum"', "KeyError"),
    ],
)
def test_an_altered_file_is_an_error_with_two_ways_out(tmp_path: Path, before: str, after: str, told: str) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text("utf-8").replace(before, after, 1), "utf-8")
    with pytest.raises(CalibrationDamaged) as damaged:
        calibrated_weights(tmp_path, "f" * 64)
    assert told in str(damaged.value)
    assert "remove the file to go back to the shipped confidence" in str(damaged.value)
    assert str(damaged.value).endswith(f"Run: qa evaluate QUESTIONS --calibrate --index {tmp_path}")


@pytest.mark.parametrize("cut", [0, 1, 200, -3])
def test_a_file_cut_short_is_an_error(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CalibrationDamaged):
        read_calibration(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"fit": {"weights": {}}},
        {"fit": "nothing"},
        {"unheard": 1},
    ],
)
def test_a_consistent_file_with_other_contents_is_an_error(tmp_path: Path, change: dict) -> None:
    path = written(tmp_path)
    body = json.loads(path.read_text("utf-8")) | change
    body.pop("checksum")
    path.write_text(json.dumps({**body, "checksum": calibration_file._checksum(body)}), "utf-8")
    with pytest.raises(CalibrationDamaged):
        read_calibration(tmp_path)


@pytest.mark.parametrize(
    "weights",
    [
        {"threshold": 0.5},
        {"intercept": 0.0},
        {"intercept": 0.0, "threshold": 1.5},
        {"intercept": float("nan"), "threshold": 0.5},
        {"intercept": 0.0, "late": "2", "threshold": 0.5},
    ],
)
def test_weights_that_are_no_confidence_are_an_error(tmp_path: Path, weights: dict) -> None:
    write_calibration(tmp_path, replace(CALIBRATION, fit=replace(FIT, weights=weights)))
    with pytest.raises(CalibrationDamaged):
        read_calibration(tmp_path)


def test_a_file_that_never_ends_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "calibration.json").open("wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(CalibrationDamaged, match="more than 1048576 bytes"):
        read_calibration(tmp_path)


def test_a_folder_that_cannot_be_written_is_named_and_left_clean(tmp_path: Path) -> None:
    (tmp_path / "calibration.json" / "in the way").mkdir(parents=True)
    with pytest.raises(UnreadableFile, match=r"calibration.json: the calibration cannot be written: "):
        written(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]
    with pytest.raises(UnreadableFile, match="nowhere"):
        written(tmp_path / "nowhere")
