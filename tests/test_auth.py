from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from pathlib import Path

import pytest

from qa.auth import VARIABLE, make_line, read_accounts, read_basic
from qa.errors import InvalidAccounts

REST = f":8:1:{'a' * 22}:{'b' * 43}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "accounts"
    lines = ["# people", "", make_line("anna", "correct horse"), "  " + make_line("李雷", "密码很长很长的密码")]
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_a_name_comes_in_with_its_own_password_alone(path: Path) -> None:
    accounts = read_accounts(path)
    assert len(accounts) == 2
    assert accounts.verify("anna", "correct horse")
    assert accounts.verify("李雷", "密码很长很长的密码")
    for name, password in (
        ("anna", "Correct horse"),
        ("anna", ""),
        ("anna", "密码很长很长的密码"),
        ("nobody", "correct horse"),
        ("", ""),
        ("anna", "\ud800"),
        ("anna", "x" * 100_000),
    ):
        assert not accounts.verify(name, password)
    assert asyncio.run(read_accounts(path).verify_aside("anna", "correct horse")) is True


def test_a_line_holds_the_scrypt_hash_that_rfc_7914_defines() -> None:
    name, kind, cost, block, parallel, salt, digest = make_line("anna", "correct horse").split(":")
    assert (name, kind, cost, block, parallel) == ("anna", "scrypt", "15", "8", "1")
    raw = base64.urlsafe_b64decode(salt + "==")
    made = hashlib.scrypt(b"correct horse", salt=raw, n=2**15, r=8, p=1, maxmem=2**26, dklen=32)
    assert base64.urlsafe_b64decode(digest + "=") == made
    assert make_line("anna", "correct horse") != make_line("anna", "correct horse")


def test_a_weaker_or_stronger_line_from_elsewhere_is_read_with_its_own_cost(tmp_path: Path) -> None:
    salt, made = (
        b"s" * 16,
        hashlib.scrypt("pa:ss wörd".encode(), salt=b"s" * 16, n=2**12, r=4, p=2, maxmem=2**26, dklen=64),
    )
    encoded = [base64.urlsafe_b64encode(data).decode() for data in (salt, made)]
    (tmp_path / "accounts").write_text(f"eva:scrypt:12:4:2:{encoded[0]}:{encoded[1]}", "utf-8")
    accounts = read_accounts(tmp_path / "accounts")
    assert accounts.verify("eva", "pa:ss wörd")
    assert not accounts.verify("eva", "pa:ss word")


def test_an_unknown_name_takes_as_long_as_a_wrong_password(path: Path) -> None:
    accounts = read_accounts(path)
    times: dict[str, list[float]] = {"anna": [], "nobody": []}
    for name in ["anna", "nobody"] * 5:
        start = time.perf_counter()
        accounts.verify(name, "wrong password")
        times[name].append(time.perf_counter() - start)
    assert 0.5 < min(times["nobody"]) / min(times["anna"]) < 2


def test_accounts_may_stand_in_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, path.read_text("utf-8"))
    assert read_accounts(None).verify("anna", "correct horse")
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(InvalidAccounts, match=r"QA_ACCOUNTS: no account is there\. Make a line with: qa password NAME"):
        read_accounts(None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("anna:correct horse", ":1: this is not NAME:scrypt"),
        (f"# c\nanna:scrypt:99{REST}", ":2: this is not"),
        (f"an na:scrypt:15{REST}", ":1: this is not"),
        (f"a:scrypt:15{REST}\na:scrypt:15{REST}", ":2: a stands here twice"),
        ("", "no account"),
        ("\n# nobody\n", "no account"),
    ],
)
def test_a_file_that_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "accounts").write_text(text, "utf-8")
    with pytest.raises(InvalidAccounts, match=said) as caught:
        read_accounts(tmp_path / "accounts")
    assert "correct horse" not in str(caught.value)
    with pytest.raises(InvalidAccounts, match="cannot be read"):
        read_accounts(tmp_path / "missing")


@pytest.mark.parametrize(("name", "password"), [("", "long enough"), ("a:b", "long enough"), ("a b", "long enough")])
def test_a_line_is_only_made_of_what_can_be_read_again(name: str, password: str) -> None:
    with pytest.raises(InvalidAccounts, match="none of them a space or a colon"):
        make_line(name, password)
    with pytest.raises(InvalidAccounts, match="a: the password has 5 characters, 8 to 1000 are taken"):
        make_line("a", "short")


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        ("Basic " + base64.b64encode("李:a:b".encode()).decode(), ("李", "a:b")),
        ("basic YTpi", ("a", "b")),
        ("Bearer YTpi", None),
        ("Basic", None),
        ("Basic YQ==", None),
        ("Basic ???", None),
        ("Basic //79", None),
        ("", None),
    ],
)
def test_basic_headers_are_read(header: str, pair: tuple[str, str] | None) -> None:
    assert read_basic(header) == pair
