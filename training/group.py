"""A question with the passage that answers it and passages that nearly do, and files of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from qa.text import sentence_at

KINDS = ("zh", "news", "ja", "across", "chat", "meeting", "report", "absent", "open")

Passage = tuple[str, str, int, int]  # heading, text, and the sentence in it that the ranking takes for the best


@dataclass(frozen=True, slots=True)
class Group:
    """A question; ``passages[0]`` answers it by its characters ``start`` to ``end`` (-1: the words are not known)."""

    question: str
    passages: list[Passage]
    start: int
    end: int
    kind: str


def passage_at(heading: str, text: str, at: int) -> Passage:
    """Return a text as a passage of which the sentence at a place is shown; the whole where none stands there."""
    return heading, text, *(sentence_at(text, at) or (0, len(text)))


def write(groups: Iterable[Group], file: Path) -> int:
    """Write groups as JSON Lines; return how many."""
    count = 0
    with file.with_suffix(".part").open("w", encoding="utf-8") as out:
        for group in groups:
            out.write(json.dumps(asdict(group), ensure_ascii=False) + "\n")
            count += 1
    file.with_suffix(".part").replace(file)
    return count


def read_groups(folder: Path, kind: str) -> list[Group]:
    """Return the groups of a kind."""
    with (folder / f"{kind}.jsonl").open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return [Group(**{**one, "passages": [tuple(passage) for passage in one["passages"]]}) for one in found]
