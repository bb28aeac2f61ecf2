"""Find training text that shares runs of characters with evaluation text."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from training.folding import fold

RUN = 30
_BASE = np.uint64(0x9E3779B97F4A7C15)
_BITS = 27


def _squeeze(text: str) -> np.ndarray:
    letters = "".join(c for c in fold(text) if c.isalnum())
    return np.frombuffer(letters.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)


def run_hashes(text: str, run: int = RUN) -> np.ndarray:
    """Return a 64-bit hash of each run of ``run`` letters and digits of the folded text.

    :return: uint64, shape (letters - run + 1,); empty for shorter text.

    Windows are doubled (1, 2, 4, 8, 16 characters) and joined, so no loop runs over characters.
    """
    codes = _squeeze(text)
    if len(codes) < run:
        return np.empty(0, np.uint64)
    result, taken, block, width, power = None, 0, codes * _BASE + np.uint64(1), 1, _BASE
    while True:
        if run & width:
            part = block[taken : taken + len(codes) - run + 1]
            result = part if result is None else result * power + part
            taken += width
        if taken == run:
            return result ^ (result >> np.uint64(29))
        block = block[:-width] * power + block[width:]
        width = 2 * width
        with np.errstate(over="ignore"):
            power = power * power


class RunIndex:
    """The runs of evaluation text; ``in`` asks whether a text shares one.

    :param texts: everything that must not be trained on.
    """

    def __init__(self, texts: Iterable[str]):
        """Hash every run of the texts."""
        self.hashes = np.unique(np.concatenate([np.empty(0, np.uint64), *(run_hashes(text) for text in texts)]))
        self._filter = np.zeros(1 << _BITS, dtype=bool)
        self._filter[self.hashes & np.uint64((1 << _BITS) - 1)] = True

    def __contains__(self, text: str) -> bool:
        """Tell whether the text shares a run."""
        hashes = run_hashes(text)
        near = hashes[self._filter[hashes & np.uint64((1 << _BITS) - 1)]]
        if not len(near):
            return False
        at = np.searchsorted(self.hashes, near)
        return bool((self.hashes[np.minimum(at, len(self.hashes) - 1)] == near).any())


def evaluation_texts(folder: Path) -> Iterator[str]:
    """Yield every passage and question of the SQuAD files, BEIR folders and plain text files below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".txt":
            yield path.read_text("utf-8")
        elif path.name.endswith(".squad.json"):
            for article in json.loads(path.read_text("utf-8"))["data"]:
                for paragraph in article["paragraphs"]:
                    yield paragraph["context"]
                    yield from (question["question"] for question in paragraph["qas"])
        elif path.suffix == ".jsonl":
            with path.open(encoding="utf-8") as lines:
                yield from (json.loads(line)["text"] for line in lines)
