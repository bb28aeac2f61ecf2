"""Print what docs/scale.md reckons with: bytes and processor seconds a passage, in a folder and in Milvus Lite.

Run: ``python -m benchmarks.scale_costs [--texts FOLDER] [-n PASSAGES]``. Seconds are processor seconds of this
process, which hardly change when others use the machine too; the Milvus Lite server is a process of its own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.corpus import read_texts, write_corpus
from qa.build import build_index
from qa.embed import load_encoder
from qa.search import Retriever
from qa.store import open_generation
from qa.stores import publish

QUESTIONS = ("谁主持了大会", "会议在哪里召开", "有多少人参加会议", "Who gave the closing speech?", "何时举行开幕式")


def size(folder: Path) -> dict[str, int]:
    """Return the bytes of each file or folder right under a folder."""
    return {
        path.name: sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
        for path in folder.iterdir()
    }


def seconds_a_question(place: str | Path) -> float:
    """Return processor seconds of this process a question, after a first round."""
    retriever = Retriever.open(place)
    for question in QUESTIONS:
        retriever.ask(question)
    start = time.process_time()
    for question in QUESTIONS:
        retriever.ask(question)
    retriever.passages.close()
    return (time.process_time() - start) / len(QUESTIONS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=Path("seeds"))
    parser.add_argument("-n", type=int, default=5_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        folder = Path(name)
        write_corpus(read_texts(options.texts), folder / "documents", options.n)
        start = time.process_time()
        built = build_index(folder / "documents", folder / "index")
        spent = time.process_time() - start
        n = built.passages
        written = sum(size(folder / "documents").values())
        print(f"{n} passages, {built.documents} documents, {written / n:.0f} bytes of text each")
        print(f"build: {n / spent:,.0f} passages a processor second")
        generation = open_generation(folder / "index")
        texts = [passage.text for passage in generation.passages]
        generation.passages.close()
        encoder = load_encoder()
        start = time.process_time()
        encoder.encode_documents(texts)
        print(f"  of which embedding: {n / (time.process_time() - start):,.0f} passages a processor second")
        for part, held in sorted(size(folder / "index" / "generations" / built.generation).items()):
            print(f"  {part}: {held / n:.0f} bytes a passage")
        print(f"ask in the folder: {1000 * seconds_a_question(folder / 'index'):.0f} ms of processor")
        start = time.process_time()
        store = f"milvus+file:{folder / 'store.db'}"
        publish(folder / "index", store)
        print(f"publish: {n / (time.process_time() - start):,.0f} passages a processor second, server and all")
        for part, held in sorted(size(folder / "store.db").items()):
            print(f"  {part}: {held / n:.0f} bytes a passage")
        print(f"ask in the store: {1000 * seconds_a_question(store):.0f} ms of processor, server and all")


if __name__ == "__main__":
    main()
