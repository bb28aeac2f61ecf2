"""Who has logged in, in a file of its own, so that a restart of the server asks nobody for the password again.

Gradio keeps a table of tokens and names in memory; :class:`Logins` is that table in SQLite. No token lies in the file,
only its SHA-256, with the name, when it ends, and a signature whose key is the account's own line: a new password or a
removed account ends the login.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from qa.auth import Accounts

SECONDS = 30 * 86_400
_TABLE = "CREATE TABLE IF NOT EXISTS logins (digest TEXT PRIMARY KEY, name TEXT, until REAL, signature BLOB)"
_log = logging.getLogger(__name__)


class _Digest(str):
    """What a token is kept as; a token that looks like one is a token all the same."""

    __slots__ = ()


class Logins(MutableMapping[str, str]):
    """Tokens and the names that they were given to; may be shared by several servers."""

    def __init__(self, path: Path, accounts: Accounts, clock: Callable[[], float] = time.time) -> None:
        """Open a file, or make one that nobody else may read.

        :raises OSError, sqlite3.Error: if that cannot be.
        """
        self._accounts, self._clock, self._turn = accounts, clock, threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._run(_TABLE)
            self._run("DELETE FROM logins WHERE until <= ?", clock())
        except sqlite3.Error:
            self._file.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _run(self, statement: str, *values: object) -> list[Any]:
        with self._turn:
            return self._file.execute(statement, values).fetchall()

    def __getitem__(self, token: str) -> str:
        digest = _digest(token)
        for name, until, signature in self._run("SELECT name, until, signature FROM logins WHERE digest = ?", digest):
            if until > self._clock() and hmac.compare_digest(signature, self._sign(name, digest, until)):
                return str(name)
        raise KeyError(token)

    def __setitem__(self, token: str, name: str) -> None:
        digest, until = _digest(token), float(self._clock() + SECONDS)
        signature = self._sign(name, digest, until)
        self._run("INSERT OR REPLACE INTO logins VALUES (?, ?, ?, ?)", digest, name, until, signature)

    def __delitem__(self, token: str) -> None:
        self._run("DELETE FROM logins WHERE digest = ?", _digest(token))

    def __iter__(self) -> Iterator[str]:
        return (digest for row in self._run("SELECT digest FROM logins") if (digest := _Digest(row[0])) in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _sign(self, name: str, digest: str, until: float) -> bytes:
        return self._accounts.sign(name, f"{digest} {until!r}")


def _digest(token: str) -> str:
    return token if isinstance(token, _Digest) else hashlib.sha256(str(token).encode()).hexdigest()


def logins_file(index: Path, state: Path | None = None) -> Path:
    """Return the file of an index's logins: beside the index, or in the folder that several servers share."""
    beside = index.absolute()
    return (state or beside.parent) / f"{beside.name}.logins.sqlite"


def keep_logins(chat: Any, path: Path, accounts: Accounts) -> None:
    """Have Gradio's application keep its logins in a file; where none can be, say so and have it forget them."""
    try:
        chat.tokens = Logins(path, accounts)
    except (OSError, sqlite3.Error) as error:
        _log.warning("%s: logins are not kept over a restart (%s)", path, error)
    else:  # browsers know their token under a name that is otherwise new with each start
        chat.cookie_id = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]
