"""Take out of the training text whatever evaluation text shares, once, into the cache."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.overlap import RunIndex, evaluation_texts
from training.sources import FILES, read_source

_TEXTS = ("question", "passage", "a", "b", "text1", "text2", "zh", "en", "title")


def clean_record(record: dict[str, Any], held: RunIndex) -> dict[str, Any] | None:
    """Return the record without its shared paragraphs, or None where nothing may stay.

    A document loses the paragraphs that share a run; a pair or a question that shares one goes whole.
    """
    if any(record.get(name) and record[name] in held for name in _TEXTS):
        return None
    if "text" not in record:
        return record
    kept = [line for line in record["text"].split("\n") if line.strip() and line not in held]
    return {**record, "text": "\n".join(kept)} if kept else None


def clean_sources(data: Path, cache: Path, held_out: list[Path]) -> dict[str, dict[str, int]]:
    """Write ``clean/NAME.jsonl`` for every source and return what was kept and left out.

    :param held_out: folders of evaluation sets and of documents that are never trained on.
    :return: source name to ``records``, ``kept`` and ``changed`` (lost a paragraph).
    """
    counts_file = cache / "clean" / "counts.json"
    if counts_file.exists():
        return json.loads(counts_file.read_text("utf-8"))
    counts_file.parent.mkdir(parents=True, exist_ok=True)
    held = RunIndex(text for folder in held_out for text in evaluation_texts(folder))
    counts = {}
    for name in FILES:
        count = {"records": 0, "kept": 0, "changed": 0}
        with (counts_file.parent / f"{name}.jsonl").open("w", encoding="utf-8") as out:
            for record in read_source(data, name):
                cleaned = clean_record(record, held)
                count["records"] += 1
                count["kept"] += cleaned is not None
                count["changed"] += cleaned is not None and cleaned != record
                if cleaned is not None:
                    out.write(json.dumps(cleaned, ensure_ascii=False) + "\n")
        counts[name] = count
    counts_file.write_text(json.dumps(counts, indent=1), "utf-8")
    return counts


def read_clean(cache: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the cleaned records of one source."""
    with (cache / "clean" / f"{name}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
