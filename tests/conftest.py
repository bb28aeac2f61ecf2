from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")
# As app.py has it: the last bits of a product depend on the threads, and a child process's are compared with ours.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from servers import free_port, stop, wait_for_port

from qa.build import build_index
from qa.embed import Encoder, Floats, load_encoder
from qa.lock import writing
from qa.passages import Entry
from qa.records import Document, FileState, Passage
from qa.search import Retriever
from qa.stack import hasten
from qa.staging import Staging
from qa.store import publish

Pages = Sequence[tuple[Document, str, Sequence[tuple[int, int, str]]]]

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "seeds"


@pytest.fixture(scope="session", autouse=True)
def hastened() -> None:
    """Have torch compute from the first test on: what is answered twice is compared to the last digit."""
    hasten()


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


@pytest.fixture
def write_small() -> Callable[[Path], str]:
    """Write an index of two documents, one of which repeats a passage of the other; return its generation's name."""
    told = {"fingerprint": "f" * 64, "folder": "/x", "reading": "r"}
    first = Document("a.txt", "甲", "大会由柴建军主持。", "2023-03-21", "本报", "/x/a.txt", "协和医院")
    second = Document("目录/b.txt", "乙", "会议圆满结束。大会由柴建军主持。")

    def write(folder: Path) -> str:
        with writing(folder):
            staging = Staging.begin(folder, 4, told)
            staging.add_file("a.txt", FileState("s", 1, 2))
            staging.add(first, [Entry(Passage("a.txt#0-9", "a.txt", 0, 9, first.text), "甲 协和医院", "h0", b"k0")])
            staging.add_file("c.pdf", FileState("t", 3, 4, "encrypted"))
            cut = [("h1", b"k1", 0, 7), ("h0", b"k0", 7, 16)]
            entries = [
                Entry(Passage(f"{second.id}#{start}-{end}", second.id, start, end, second.text[start:end]), "乙", h, k)
                for h, k, start, end in cut
            ]
            staging.add_file(second.id, FileState("u", 5, 6))
            staging.add(second, entries)
            staging.add_vectors(np.eye(2, 4, dtype=np.float32))
            staging.finish(scan=False)
            found = {"model": "builtin", "dimension": 4, "files": 3, "listing": "l", "skipped": ()}
            return publish(folder, staging, {**told, **found, "search": "exact", "recall": 1.0}).generation

    return write


@pytest.fixture
def small_index(tmp_path: Path, write_small: Callable[[Path], str]) -> Path:
    """What ``write_small`` writes, in a folder with an awkward name."""
    folder = tmp_path / "索引 100%"
    write_small(folder)
    return folder


@pytest.fixture(scope="session")
def write_pages() -> Callable[..., str]:
    """Write an index of documents, each with its heading and its passages' (start, end, key); name its generation."""

    def write(folder: Path, pages: Pages, vectors: Floats) -> str:
        told = {"fingerprint": "f" * 64, "folder": "", "reading": "r"}
        with writing(folder):
            staging = Staging.begin(folder, vectors.shape[1], told)
            for document, heading, cuts in pages:
                passages = [
                    Passage(f"{document.id}#{start}-{end}", document.id, start, end, document.text[start:end])
                    for start, end, _ in cuts
                ]
                entries = [Entry(p, heading, "", cut[2].encode()) for p, cut in zip(passages, cuts, strict=True)]
                staging.add(document, entries)
            staging.add_vectors(vectors)
            staging.finish(scan=False)
            found = {"model": "builtin", "dimension": vectors.shape[1], "files": 0, "listing": "", "skipped": ()}
            return publish(folder, staging, {**told, **found, "search": "exact", "recall": 1.0}).generation

    return write


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Milvus Lite server, which speaks the real protocol; add ``/collection``."""
    pytest.importorskip("pymilvus", reason="needs the extra milvus: pip install '.[milvus]'")
    pytest.importorskip("milvus_lite", reason="needs the extra milvus: pip install '.[milvus]'")
    port, folder = free_port(), tmp_path_factory.mktemp("milvus")
    command = [str(Path(sys.executable).with_name("milvus-lite")), "server", "--host", "127.0.0.1"]
    with (folder / "log").open("wb") as log:
        arguments = [*command, "--port", str(port), "--data-dir", str(folder / "data")]
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
    try:
        wait_for_port(port, process)
        yield f"milvus+http://127.0.0.1:{port}"
    finally:
        stop(process)
