"""A folder of any number of varied passages, made from a folder of real texts, for measurements at scale.

The texts are ``.txt`` files and JSON Lines (``.jsonl``, ``.jsonl.xz``) whose ``text`` or ``passage`` is used, with its
``title`` where there is one; a ``question`` beside a passage is kept as a question. The first pass over the texts
takes them as they are. Later passes take the sentences of two texts in turn, another pair each pass, so that no
paragraph comes twice while words, lengths and names stay those of real text.
"""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, islice, zip_longest
from pathlib import Path

from qa.text import sentences

PASSAGES_PER_FILE = 10
FILES_PER_FOLDER = 1000
_GOAL = 230  # characters a passage, so that the splitter neither cuts nor joins
_SHORTEST = 60
_HELD_BACK = 997  # how far apart the two texts of the first mixed pass stand


@dataclass(frozen=True, slots=True)
class Text:
    """A source text, and the question that came with it, or neither title nor question."""

    title: str
    body: str
    question: str = ""


def read_texts(folder: Path) -> list[Text]:
    """Return every usable text under a folder, in an order that mixes the files and is always the same."""
    texts = list(_texts(folder))
    random.Random(0).shuffle(texts)
    return texts


def _texts(folder: Path) -> Iterator[Text]:
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".txt":
            yield Text(path.stem, path.read_text("utf-8", errors="replace"))
        elif path.name.endswith((".jsonl", ".jsonl.xz")):
            with (
                lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as file
            ):
                for line in file:
                    item = json.loads(line)
                    body = item.get("text") or item.get("passage") or ""
                    if len(body) >= _SHORTEST:
                        yield Text(str(item.get("title") or ""), body, str(item.get("question") or ""))


def passages(texts: list[Text]) -> Iterator[tuple[str, str]]:
    """Yield (title, passage) without end."""
    for text in texts:
        for passage in _packed(_cut(text.body)):
            yield text.title, passage
    for turn in count(1):
        for n, text in enumerate(texts):
            other = texts[(n + _HELD_BACK * turn) % len(texts)]
            mixed = chain.from_iterable(zip_longest(_cut(text.body), _cut(other.body)))
            for passage in _packed(sentence for sentence in mixed if sentence):
                yield text.title, passage


def write_corpus(texts: list[Text], folder: Path, n: int) -> int:
    """Write about n passages as ``.txt`` files of one title and ten paragraphs; return the number of files.

    The same texts give the same files, so an interrupted run goes on where it stopped.
    """
    stream = islice(passages(texts), n)
    number = 0
    while block := list(islice(stream, PASSAGES_PER_FILE)):
        path = folder / f"{number // FILES_PER_FOLDER:04d}" / f"{number:07d}.txt"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            title = block[0][0] or block[0][1][:20]
            path.write_text("\n\n".join([title, *(passage for _, passage in block)]) + "\n", "utf-8")
        number += 1
    return number


def questions(texts: list[Text], n: int) -> list[str]:
    """Return n distinct questions, evenly from all that came with the texts."""
    found = list(dict.fromkeys(text.question for text in texts if text.question))
    return found[:: max(1, len(found) // n)][:n]


def _cut(body: str) -> list[str]:
    flat = " ".join(body.split())
    return [flat[start:end] for start, end in sentences(flat)]


def _packed(pieces: Iterator[str] | list[str]) -> Iterator[str]:
    held = ""
    for piece in pieces:
        if held and len(held) + len(piece) > _GOAL:
            yield held
            held = ""
        held += piece[: 2 * _GOAL]
    if len(held) >= _SHORTEST:
        yield held
