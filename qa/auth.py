"""Who may come in: names and hashed passwords, one a line, as ``qa password NAME`` makes them.

::

    anna:scrypt:15:8:1:SALT:HASH        cost 2**15, block size 8, parallelism 1; salt and hash in URL-safe base64

A password is never kept, only its scrypt hash (Percival 2009, RFC 7914), whose cost stands beside it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qa.errors import InvalidAccounts

VARIABLE = "QA_ACCOUNTS"
SHORTEST_PASSWORD = 8
_LONGEST_PASSWORD = 1000
_COST, _BLOCK, _PARALLEL = 15, 8, 1
_SALT_BYTES, _HASH_BYTES = 16, 32
_NAME = re.compile(r"[^\s:]{1,64}")
_LINE = re.compile(
    r"scrypt:(1[0-9]|20):([1-9]|[12][0-9]|3[0-2]):([1-9]|1[0-6]):([\w-]{20,128}={0,2}):([\w-]{40,90}={0,2})"
)


@dataclass(frozen=True, slots=True)
class Hashed:
    """A password's scrypt hash and what it was made with; the cost is 2**cost."""

    cost: int
    block: int
    parallel: int
    salt: bytes
    digest: bytes

    def matches(self, password: str) -> bool:
        """Tell whether a password has this hash, in a time that does not depend on how it differs."""
        made = _scrypt(password, self.salt, self.cost, self.block, self.parallel, len(self.digest))
        return hmac.compare_digest(made, self.digest)


class Accounts:
    """Names with their hashed passwords."""

    def __init__(self, hashed: Mapping[str, Hashed]) -> None:
        self._hashed = dict(hashed)
        self._nobody = next(iter(self._hashed.values()))
        self._one_at_a_time = asyncio.Semaphore(1)  # each takes 32 MiB and tens of milliseconds

    def __len__(self) -> int:
        return len(self._hashed)

    def verify(self, name: str, password: str) -> bool:
        """Tell whether a name has this password; an unknown name takes as long as a wrong password."""
        if len(password) > _LONGEST_PASSWORD:
            return False
        known = self._hashed.get(name)
        return (known or self._nobody).matches(password) and known is not None

    def sign(self, name: str, text: str) -> bytes:
        """Return a signature that holds for as long as the account has this very line.

        :raises KeyError: if there is no such account.
        """
        account = self._hashed[name]
        return hmac.digest(account.salt + account.digest, f"{name} {text}".encode(), hashlib.sha256)

    async def verify_aside(self, name: str, password: str) -> bool:
        """As :meth:`verify`, in another thread, so that nobody else waits."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self.verify, name, password)


def make_line(name: str, password: str) -> str:
    """Return the line of an account.

    :raises InvalidAccounts: if the name is empty or has spaces or colons, or the password is too short or too long.
    """
    if not _NAME.fullmatch(name):
        raise InvalidAccounts(repr(name), "a name has 1 to 64 characters, none of them a space or a colon")
    if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        reason = f"the password has {len(password)} characters, {SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} are taken"
        raise InvalidAccounts(name, reason)
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = _scrypt(password, salt, _COST, _BLOCK, _PARALLEL, _HASH_BYTES)
    return f"{name}:scrypt:{_COST}:{_BLOCK}:{_PARALLEL}:{_encode(salt)}:{_encode(digest)}"


def read_accounts(path: Path | None) -> Accounts:
    """Read accounts from a file, or from the environment variable :data:`VARIABLE`.

    :param path: None reads the variable. Blank lines and lines that begin with # are passed over.
    :raises InvalidAccounts: if there is nothing, or a line is not one that :func:`make_line` makes.
    """
    where = str(path) if path is not None else f"the environment variable {VARIABLE}"
    try:
        text = path.read_text("utf-8") if path is not None else os.environ.get(VARIABLE, "")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidAccounts(where, f"cannot be read ({error})") from error
    hashed: dict[str, Hashed] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        match = _LINE.fullmatch(rest)
        if match is None or not _NAME.fullmatch(name):
            raise InvalidAccounts(f"{where}:{number}", "this is not NAME:scrypt:COST:BLOCK:PARALLEL:SALT:HASH")
        if name in hashed:
            raise InvalidAccounts(f"{where}:{number}", f"{name} stands here twice")
        cost, block, parallel = (int(figure) for figure in match.group(1, 2, 3))
        hashed[name] = Hashed(cost, block, parallel, *(_decode(part) for part in match.group(4, 5)))
    if not hashed:
        raise InvalidAccounts(where, "no account is there")
    return Accounts(hashed)


def read_basic(header: str) -> tuple[str, str] | None:
    """Return name and password of an ``Authorization: Basic`` header, or None if it is something else."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError:
        return None
    return (name, password) if colon else None


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int, length: int) -> bytes:
    n = 1 << cost
    memory = 128 * block * (n + parallel + 2) + (1 << 20)
    text = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=n, r=block, p=parallel, maxmem=memory, dklen=length)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
