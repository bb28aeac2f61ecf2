"""What the README shows is run: the Python lines, the commands, the paths it names."""

import contextlib
import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_lines_print_what_stands_below_them(
    seeds_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index").symlink_to(seeds_index)
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(blocks("python")[0], {})
    assert printed.getvalue() == blocks("text")[0]


def test_the_first_command_answers_from_a_fresh_clone(tmp_path: Path) -> None:
    assert "pip install . && qa ask 谁主持了大会" in blocks("sh")[0]
    (tmp_path / "seeds").symlink_to(ROOT / "seeds")
    command = [sys.executable, "-m", "qa", "ask", "谁主持了大会"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment())
    assert "柴建军" in done.stdout
    assert "no index yet" in done.stderr


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("command", ["index", "ask", "evaluate", "why", "doctor"])
def test_the_table_of_commands_names_every_option(command: str) -> None:
    from qa.__main__ import cli

    [row] = re.findall(rf"^\| `qa {command} (.*?)` \|", README, re.MULTILINE)
    options = {flag for parameter in cli.commands[command].params for flag in parameter.opts if flag.startswith("-")}
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", row)) == options


def test_every_file_that_is_linked_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_test_command_installs_what_the_tests_need() -> None:
    assert "pip install '.[test]' && pytest" in blocks("sh")[1]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert {re.split(r"[<>=]", name)[0] for name in extras["test"]} >= {"pytest", "hypothesis", "playwright"}


def test_the_changelog_has_a_line_for_what_is_new() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
