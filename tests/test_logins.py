from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from qa.auth import Accounts, make_line, read_accounts
from qa.logins import SECONDS, Logins, keep_logins, logins_file

ANNA, LEI = make_line("anna", "correct horse"), make_line("李雷", "密码很长很长的密码")
Open = Callable[..., Logins]


@pytest.fixture
def accounts(tmp_path: Path) -> Callable[..., Accounts]:
    def read(*lines: str) -> Accounts:
        path = tmp_path / "accounts"
        path.write_text("\n".join(lines), "utf-8")
        return read_accounts(path)

    return read


@pytest.fixture
def start(tmp_path: Path, accounts: Callable[..., Accounts]) -> Iterator[Open]:
    """Open the same file as another server does, at a time, with the lines of its accounts."""
    opened: list[Logins] = []

    def at(time: float, *lines: str) -> Logins:
        opened.append(Logins(tmp_path / "state" / "logins", accounts(*lines), lambda: time))
        return opened[-1]

    yield at
    for logins in opened:
        logins.close()


def test_a_login_outlives_its_server_and_ends_in_time(start: Open) -> None:
    start(0, ANNA, LEI)["t"] = "李雷"
    again = start(SECONDS - 1, ANNA, LEI)
    assert (again.get("t"), again.get("other"), again.get(None)) == ("李雷", None, None)  # type: ignore[call-overload]
    assert start(SECONDS, ANNA, LEI).get("t") is None


def test_a_new_password_or_a_removed_account_ends_it_and_nobody_elses(start: Open) -> None:
    first = start(0, ANNA, LEI)
    first["a"], first["l"] = "anna", "李雷"
    for line in (make_line("anna", "another horse"), make_line("anna", "correct horse")):
        assert (start(1, line, LEI).get("a"), start(1, line, LEI).get("l")) == (None, "李雷")
    assert (start(1, LEI).get("a"), start(1, LEI).get("l")) == (None, "李雷")


def test_who_logs_out_is_logged_out_everywhere_as_gradio_does_it(start: Open) -> None:
    here, there = start(0, ANNA, LEI), start(0, ANNA, LEI)
    here["a1"], there["a2"], here["l"] = "anna", "anna", "李雷"
    assert len(here) == 3
    for token in list(here.keys()):
        if here[token] == "anna":
            del here[token]
    assert [there.get(token) for token in ("a1", "a2", "l")] == [None, None, "李雷"]


def test_the_file_is_private_and_lets_nobody_in_who_reads_it(start: Open, tmp_path: Path) -> None:
    start(0, ANNA)["secret-token"] = "anna"
    path = tmp_path / "state" / "logins"
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"secret-token" not in path.read_bytes()
    logins = start(1, ANNA)
    [kept] = logins
    assert logins[kept] == "anna"
    assert str(kept).encode() in path.read_bytes()
    assert logins.get("".join(kept)) is None


def test_where_no_file_can_be_logins_are_forgotten_and_that_is_said(
    tmp_path: Path, accounts: Callable[..., Accounts], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "index.logins.sqlite").write_bytes(b"x" * 1000)
    chat = SimpleNamespace(tokens={}, cookie_id="new")
    keep_logins(chat, logins_file(tmp_path / "index"), accounts(ANNA))
    assert chat == SimpleNamespace(tokens={}, cookie_id="new")
    [said] = caplog.messages
    assert said.startswith(
        f"{tmp_path / 'index.logins.sqlite'}: logins are not kept over a restart (file is not a database)"
    )
