from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from qa.reasons import reason_in

QA = Path(__file__).parents[1] / "qa"
# What cannot come out of the chat: said when a server starts, or by the operating system.
ELSEWHERE = {
    "these documents are",
    "there is no such folder",
    "the folder cannot be written to",
    "not a regular",
    "too large",
}


def reasons() -> list[str]:
    """Every reason in the code that reads files and takes them in, with a 7 for each blank."""
    found = []
    for room, position in (("uploads", 1), ("formats", 0), ("decode", 0)):
        for node in ast.walk(ast.parse((QA / f"{room}.py").read_text("utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and len(node.exc.args) > position:
                given = node.exc.args[position]
                if isinstance(given, ast.JoinedStr):
                    parts = [str(one.value) if isinstance(one, ast.Constant) else "7" for one in given.values]
                    found.append("".join(parts))
                elif isinstance(given, ast.Constant) and isinstance(given.value, str):
                    found.append(given.value)
    return [one for one in found if " " in one and not one.startswith(tuple(ELSEWHERE))]


def test_the_reasons_were_found() -> None:
    assert len(reasons()) >= 14
    assert "the PDF is encrypted" in reasons()


@pytest.mark.parametrize("reason", [*reasons(), "larger than 20 MiB", "it is larger than 64 MiB"])
def test_every_reason_is_said_in_both_scripts(reason: str) -> None:
    simplified, traditional = reason_in("zh-Hans", reason), reason_in("zh-Hant", reason)
    assert re.search("[\u4e00-\u9fff]", simplified)
    assert re.search("[\u4e00-\u9fff]", traditional)
    assert re.findall(r"\d+", simplified) == re.findall(r"\d+", traditional) == re.findall(r"\d+", reason)
    assert reason_in("en", reason) == reason


def test_what_a_reason_names_stays_and_an_unknown_one_is_left_alone() -> None:
    assert reason_in("zh-Hans", "the same document is there as {0} 年假.txt") == "内容与 {0} 年假.txt 完全相同"
    assert reason_in("zh-Hant", "No space left on device") == "No space left on device"
