"""Why a passage was found, or which step lost it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qa.boilerplate import content_spans
from qa.errors import InvalidQuestion
from qa.records import Hit, Passage, Place
from qa.search import RANK_DEPTH, Retriever
from qa.text import fold_offsets

LEG_DEPTH = 1000


@dataclass(frozen=True, slots=True)
class Trace:
    """The way of one expected text through the pipeline.

    ``step`` is where it got to: ``not read`` (no document holds it), ``boilerplate`` (left out as page furniture),
    ``split`` (parted between passages), ``not found`` (neither leg), ``below k`` or ``shown``. ``ranks`` counts
    from 1 in each leg, in their fusion and as shown; None means beyond what was looked at. ``read_as``: what was looked
    for in place of words of the question that no passage holds, likeliest first.
    """

    question: str
    expected: str
    step: str
    places: tuple[Place, ...]
    passage: Passage | None
    ranks: Mapping[str, int | None]
    read_as: Mapping[str, Sequence[str]]


def why(retriever: Retriever, question: str, expected: str, k: int = 5) -> Trace:
    """Follow an expected text through the pipeline.

    :param expected: words of a document, compared after folding; white space counts.
    :raises InvalidQuestion: if either text is blank.
    """
    if not expected.strip():
        raise InvalidQuestion("the expected text is empty")
    places = tuple(_places(retriever, expected))
    passages = [passage for passage in retriever.passages if any(_holds(passage, place) for place in places)]
    legs: dict[str, list[Hit]] = retriever.legs(question, LEG_DEPTH)
    legs["shown"] = retriever.search(question, RANK_DEPTH)
    read_as = {word.word: [target for target, _ in word.targets] for word in retriever.weighed(question).translated}
    if not passages:
        return Trace(question, expected, _lost(retriever, places), places, None, dict.fromkeys(legs), read_as)
    wanted = {passage.id for passage in passages}
    ranks = {name: next((hit.rank for hit in hits if hit.passage.id in wanted), None) for name, hits in legs.items()}
    best = next((hit.passage for hit in legs["shown"] if hit.passage.id in wanted), passages[0])
    shown = ranks["shown"]
    if shown is not None and shown <= k:
        step = "shown"
    else:
        step = "below k" if ranks["dense"] or ranks["lexical"] else "not found"
    return Trace(question, expected, step, places, best, ranks, read_as)


def _places(retriever: Retriever, expected: str) -> Iterator[Place]:
    wanted = fold_offsets(expected.strip())[0]
    for document_id in retriever.documents:
        folded, offsets = fold_offsets(retriever.document(document_id).text)
        at = folded.find(wanted)
        while at >= 0:
            yield Place(document_id, offsets[at], offsets[at + len(wanted) - 1] + 1)
            at = folded.find(wanted, at + 1)


def _holds(passage: Passage, place: Place) -> bool:
    own = Place(passage.document_id, passage.start, passage.end)
    return any(
        at.document_id == place.document_id and at.start <= place.start and place.end <= at.end
        for at in (own, *passage.also_in)
    )


def _lost(retriever: Retriever, places: tuple[Place, ...]) -> str:
    if not places:
        return "not read"
    for place in places:
        spans = content_spans(retriever.document(place.document_id).text)
        if any(start < place.end and place.start < end for start, end in spans):
            return "split"
    return "boilerplate"


def to_json(trace: Trace) -> dict[str, Any]:
    """Return the object that ``qa why --json`` prints."""
    passage = trace.passage
    return {
        "question": trace.question,
        "expected": trace.expected,
        "step": trace.step,
        "ranks": dict(trace.ranks),
        "read_as": {word: list(targets) for word, targets in trace.read_as.items()},
        "places": [{"document": at.document_id, "start": at.start, "end": at.end} for at in trace.places],
        "passage": None
        if passage is None
        else {"document": passage.document_id, "start": passage.start, "end": passage.end, "text": passage.text},
    }


_SAID = {
    "not read": "no indexed document holds these words; was the file left out? See: qa doctor",
    "boilerplate": "the words stand in the document but were left out as page furniture",
    "split": "the words stand in the document but are parted between passages",
    "not found": "a passage holds the words, but neither leg found it",
    "below k": "found, but ranked below what is shown",
    "shown": "shown",
}


def to_text(trace: Trace) -> str:
    """Return the trace for the terminal."""
    lines = [f"{trace.step}: {_SAID[trace.step]}"]
    lines += [f"  in {place.document_id}, characters {place.start} to {place.end}" for place in trace.places]
    if trace.passage is not None:
        lines += [f"  {name:8} rank {'-' if rank is None else rank}" for name, rank in trace.ranks.items()]
    lines += [f"  {word} was read as {', '.join(targets)}" for word, targets in trace.read_as.items()]
    return "\n".join(lines)
