"""Files of an index cut, flipped, exchanged, or written by a newer version: a ``QAError`` or the right answer."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.faults.trial import (
    AFTER,
    BEFORE,
    RIGHT,
    TOLD,
    WRONG,
    Fault,
    Outcome,
    answers,
    collection,
    encoder,
    expected,
    judge,
    rebuilt,
    worst,
)
from qa.build import build_index
from qa.doctor import examine

Harm = Callable[[Path, random.Random, Path], None]


def _cut(path: Path, chance: random.Random, _: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data))])


def _flip(path: Path, chance: random.Random, _: Path) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def _blank(path: Path, chance: random.Random, _: Path) -> None:
    data = bytearray(path.read_bytes())
    start = chance.randrange(len(data))
    end = min(len(data), start + chance.randrange(1, 4096))
    data[start:end] = bytes(end - start)
    path.write_bytes(data)


def _grow(path: Path, chance: random.Random, _: Path) -> None:
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.randrange(1, 100)))


def _scramble(path: Path, chance: random.Random, _: Path) -> None:
    path.write_bytes(chance.randbytes(path.stat().st_size))


def _remove(path: Path, _: random.Random, __: Path) -> None:
    path.unlink()


def _make_folder(path: Path, _: random.Random, __: Path) -> None:
    path.unlink()
    path.mkdir()


def _make_loop(path: Path, _: random.Random, __: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _make_pipe(path: Path, _: random.Random, __: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _make_huge(path: Path, _: random.Random, __: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1 << 40)


def _exchange(path: Path, chance: random.Random, _: Path) -> None:
    """Exchange the file with another one of the same index."""
    others = [other for other in files(_root(path)) if other != path]
    other = chance.choice(others)
    own, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(own)


def _take_foreign(path: Path, chance: random.Random, sound: Path) -> None:
    """Put the same file of another collection's index in the place."""
    others = [other for other in files(sound) if other.suffix == path.suffix]
    shutil.copyfile(chance.choice(others), path)


HARMS: dict[str, Harm] = {
    "cut short": _cut,
    "a bit flipped": _flip,
    "a stretch of zeros": _blank,
    "bytes appended": _grow,
    "other bytes": _scramble,
    "removed": _remove,
    "a folder in its place": _make_folder,
    "a link loop in its place": _make_loop,
    "a pipe in its place": _make_pipe,
    "grown to 1 TB": _make_huge,
    "exchanged with another": _exchange,
    "another index's": _take_foreign,
}
_VALUES: tuple[Any, ...] = (None, -1, 0, 2**70, 1.5, True, "", "../../..", "\ud800", [], {}, [[]], {"": None})


def files(index: Path) -> list[Path]:
    """Return the files of an index that a reader opens, in a fixed order."""
    return sorted(path for path in index.rglob("*") if path.is_file() and "lock" not in path.name)


def _root(path: Path) -> Path:
    return next(parent for parent in path.parents if (parent / "generations").is_dir())


def damage(n: int, folder: Path) -> Outcome:
    """Harm one file: readers, ``qa doctor`` and the next build must cope."""
    index = _copy(folder, n)
    names = list(HARMS)
    harm = names[n % len(names)]
    paths = files(index)
    path = paths[n // len(names) % len(paths)]
    where = f"{path.name} {harm}"
    if path.stat().st_size:
        HARMS[harm](path, random.Random(n), folder / f"sound-{AFTER}")
    return _survives(where, folder, index, more=n % 4 == 0)


def forge(n: int, folder: Path) -> Outcome:
    """Write a manifest that this version would not write, with its right checksum, as a newer version might."""
    index = _copy(folder, n)
    chance = random.Random(n)
    pointer = (index / "current").read_text("utf-8")
    manifest = next(path for path in files(index) if path.name == "manifest.json")
    data = json.loads(manifest.read_text("utf-8"))
    places = list(_places(data))
    owner, key = chance.choice(places) if n else (data, "format")
    kind = chance.choice(("removed", "changed", "changed", "added"))
    where = f"manifest: {key!r} {kind}"
    if n == 0:
        data["format"] += 1
    elif kind == "removed":
        del owner[key]
    elif kind == "changed":
        owner[key] = chance.choice(_VALUES)
    elif isinstance(owner, dict):
        owner["new in a later version"] = chance.choice(_VALUES)
    manifest.write_text(json.dumps(data), "utf-8")
    checksum = hashlib.sha256(manifest.read_bytes()).hexdigest()
    (index / "current").write_text(f"{pointer.split()[0]} {checksum}\n", "utf-8")
    return _survives(where, folder, index, more=n % 4 == 0)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every (container, key) in a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def _copy(folder: Path, n: int) -> Path:
    expected(folder, BEFORE), expected(folder, AFTER)
    index = folder / f"index-{n}"
    shutil.copytree(folder / f"sound-{BEFORE}", index)
    return index


def _survives(where: str, folder: Path, index: Path, *, more: bool) -> Outcome:
    """Read a harmed index; with ``more`` let ``qa doctor`` look at it too, and the next build cope with it."""
    before, after = expected(folder, BEFORE), expected(folder, AFTER)
    read = judge(lambda: answers(index), [before])
    if not more:
        shutil.rmtree(index)
        return Outcome(read.verdict, f"{where}: {read.detail or RIGHT}")
    examined = judge(lambda: len(list(examine(index))) > 0, [True])
    built = judge(lambda: rebuilt(folder, AFTER, index), [after])
    found = worst([read, examined])
    if built.verdict == TOLD and not _is_blocked(index):
        built = Outcome(WRONG, f"cannot be built again: {built.detail}")
    if built.verdict == WRONG:
        found = worst([found, built])
    shutil.rmtree(index)
    return Outcome(found.verdict, f"{where}: {found.detail or RIGHT}")


def _is_blocked(index: Path) -> bool:
    """Tell whether something that the program may not remove stands in the way of a build."""
    return (index / "current").is_dir()


def mtime(n: int, folder: Path) -> Outcome:
    """Change a document while its time and size say that nothing changed: the next build must see it."""
    before, after = expected(folder, BEFORE), expected(folder, AFTER)
    documents, index = folder / f"documents-{n}", folder / f"index-{n}"
    chance = random.Random(n)
    shutil.copytree(collection(folder, BEFORE), documents)
    times = [0, 1, 2**31, 2**33, *(int(chance.uniform(0, 2**32)) for _ in range(2))]
    for path in _documents(documents):
        moment = chance.choice(times)
        os.utime(path, (moment, moment))
    build_index(documents, index, model=encoder())
    first = judge(lambda: answers(index), [before])
    for path in _documents(documents):
        kept = path.stat()
        text = (collection(folder, AFTER) / path.relative_to(documents)).read_bytes()
        path.write_bytes(text)
        if len(text) == kept.st_size or chance.random() < 0.5:
            os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    build_index(documents, index, model=encoder())
    second = judge(lambda: answers(index), [after])
    shutil.rmtree(documents)
    shutil.rmtree(index)
    return worst([first, second])


def _documents(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


FAULTS = (
    Fault("a file of the index harmed", damage, 600, 24),
    Fault("a manifest from elsewhere", forge, 200, 12),
    Fault("clock jumps", mtime, 40, 2),
)
