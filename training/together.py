"""Fit how sure both readers together are of an answer's words: ``python -m training.together --data DIR``.

The character reader and the joint reader were each trained on most of the public training sets, so this is fitted on
the half of the development sets' questions whose text hashes to an even number. Writes into ``qa/span.json`` and prints
the figures of both readers over the whole sets, with the right passage given.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qa.closely import read_on
from qa.joint import JointReader, shipped_joint_reader
from qa.packer import Shown
from qa.reader import Reader, shipped_reader
from qa.span import SIGNALS, Chosen, read_spans
from qa.text import sentence_at
from training.span import (
    DEVELOPMENT,
    Labelled,
    chosen_span,
    figures,
    fitted_chance,
    is_right,
    met,
    squad,
    write_chance,
)

Found = tuple[Chosen | None, str, tuple[int, int], float]


def is_fitted_on(item: Labelled) -> bool:
    """Return whether a question is fitted on."""
    return zlib.crc32(item.question.encode()) % 2 == 0


def found_together(reader: Reader, joint: JointReader, question: str, passage: str, *, foreign: bool = False) -> Found:
    """Return both readers' choice, its words, their offsets in the passage, and the joint reader's score of it.

    :param foreign: let the character reader read the question as if it were in a script that it does not know.

    Of a long passage the joint reader is shown what lies around the other reader's choice, and then what else may be.
    """
    if foreign:
        _, _, span = chosen_span(reader, question, passage, foreign=True)
        seen = None
    else:
        (read,) = read_spans(question, [passage], reader=reader)
        span, seen = read.span or (0, 0), read.seen
    shown = [Shown("", passage, sentence_at(passage, span[0]) or (0, 0))]
    readings = read_on(question, shown, joint.read(question, shown), [seen], joint)
    return *chosen_span(reader, question, passage, foreign=foreign, readings=readings), readings[0].score


def calibrate(reader: Reader, joint: JointReader, held: Sequence[Labelled]) -> dict[str, float]:
    """Fit the probability that a span of both readers is right; every fourth question is foreign to one of them."""
    signals, right = [], []
    for n, (item, passage) in enumerate(met(held)):
        chosen, words, _, judged = found_together(reader, joint, item.question, passage, foreign=n % 4 > 2)
        if chosen is not None:
            signals.append([*chosen.signals, judged])
            right.append(is_right(item, passage, words))
    return fitted_chance([*SIGNALS, "judged"], np.array(signals), np.array(right))


def main() -> None:
    """Fit, write and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds dev/")
    parser.add_argument("--measure", action="store_true", help="only print the figures")
    options = parser.parse_args()
    reader, joint = shipped_reader(), shipped_joint_reader()
    sets = {name: squad(options.data / "dev" / f"{name}.squad.json") for name in DEVELOPMENT}
    if not options.measure:
        held = [item for items in sets.values() for item in items if is_fitted_on(item)]
        provenance = "python -m training.together: public development sets, the half whose questions hash to even"
        write_chance("together", calibrate(reader, joint, held), provenance)
    for name, items in sets.items():
        found = [found_together(reader, joint, item.question, item.passage)[1:3] for item in items]
        print(name, figures(items, found), flush=True)


if __name__ == "__main__":
    main()
