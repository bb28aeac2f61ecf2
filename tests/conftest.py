from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")

import pytest

from qa.build import build_index
from qa.embed import Encoder, load_encoder
from qa.search import Retriever

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "seeds"


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The built-in model."""
    return load_encoder()


@pytest.fixture(scope="session")
def seeds_index(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    """An index of the real seeds, with the built-in model."""
    index = tmp_path_factory.mktemp("seeds-index")
    build_index(SEEDS, index, model=encoder)
    return index


@pytest.fixture(scope="session")
def retriever(seeds_index: Path, encoder: Encoder) -> Iterator[Retriever]:
    opened = Retriever.open(seeds_index, encoder=encoder)
    yield opened
    opened.passages.close()


@pytest.fixture
def documents(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a new folder: ``documents(**{"a.txt": "…"})``."""

    def write(**files: str) -> Path:
        folder = tmp_path / "documents"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
        return folder

    return write
