"""First hits in small collections of organisations' pages, for the confidence: who is asked about may not be there.

Six organisations of one kind, a page of each (:mod:`training.reports`). Asked is what a page tells, what it does not
tell, and what another organisation's would: one of the same kind, of which there is no page. Public sets hardly name
organisations, and never one that the collection does not know.
"""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qa.build import build_index
from qa.embed import Encoder
from qa.gist import gist
from qa.rank import signals
from qa.search import Retriever
from qa.text import fold
from training.reports import Page, asked_of, made_page, stock

NAME = "small collections"
PAGES, OTHERS = 6, 3  # organisations with a page and without
_TOLD = 2  # questions on what each page tells
_KIND = 2  # last characters that organisations of one kind share
_READ = 8_000  # records of news


@contextmanager
def indexed(texts: Mapping[str, str], encoder: Encoder) -> Iterator[Retriever]:
    """Index texts as files of these names, read and split by the program itself."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "documents")
        files.mkdir()
        for name, text in texts.items():
            (files / f"{name}.txt").write_text(text, "utf-8")
        build_index(files, Path(folder, "index"), model=encoder)
        yield Retriever.open(Path(folder, "index"), encoder=encoder)


@dataclass(frozen=True, slots=True)
class Aimed:
    """A question, the number of the page that answers it or -1, and the answer."""

    question: str
    page: int
    answer: str


def first_hits(
    records: Sequence[Mapping[str, Any]], encoder: Encoder, collections: int, rng: random.Random
) -> Iterator[tuple[str, bool, dict[str, float], bool]]:
    """Yield rows as :func:`training.rank.confidence_rows` does, of so many collections made of news."""
    known = stock(records, min(_READ, len(records)), rng)
    kinds = defaultdict(list)
    for organisation in known.organisations:
        kinds[organisation[-_KIND:]].append(organisation)
    large = [some for some in kinds.values() if len(some) >= 2 * PAGES]
    for n in range(collections):
        some = rng.sample(rng.choice(large), PAGES + OTHERS)
        pages = [made_page(replace(known, organisations=[one]), rng) for one in some[:PAGES]]
        aimed = questions_on(pages, some[PAGES:], rng)
        yield from ((NAME, n % 2 == 0, told, right) for told, right in _asked(pages, aimed, encoder))


def questions_on(pages: Sequence[Page], others: Sequence[str], rng: random.Random) -> list[Aimed]:
    """Return questions on what pages tell, on what they leave open, and on organisations that have no page."""
    found = []
    for n, page in enumerate(pages):
        for name in rng.sample(sorted(page.facts), min(_TOLD, len(page.facts))):
            _, answer, words = page.facts[name]
            found.append(Aimed(asked_of(name, page, words, rng, nameless=False), n, answer))
        left = sorted({name for one in pages for name in one.facts} - set(page.facts))
        if left:
            name = rng.choice(left)
            telling = rng.choice([one for one in pages if name in one.facts])
            found.append(Aimed(asked_of(name, page, telling.facts[name][2], rng, nameless=False), -1, ""))
    for organisation in others:
        page = rng.choice(pages)
        name = rng.choice(sorted(page.facts))
        asked = asked_of(name, replace(page, organisation=organisation), page.facts[name][2], rng, nameless=False)
        found.append(Aimed(asked, -1, ""))
    return found


def _asked(pages: Sequence[Page], aimed: Sequence[Aimed], encoder: Encoder) -> Iterator[tuple[dict[str, float], bool]]:
    texts = {str(n): "\n\n".join([page.heading, *page.paragraphs]) for n, page in enumerate(pages)}
    with indexed(texts, encoder) as retriever:
        for one in aimed:
            for first in retriever.ranked(gist(one.question) or one.question)[:1]:
                own = first.candidate.document_id == f"{one.page}.txt"
                yield signals(first), own and fold(one.answer) in fold(first.candidate.text)
