"""Read the training folder: one JSON Lines file a source, compressed with xz."""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILES = (
    "qa_cmrc2018_zh",
    "qa_security_news_zh",
    "qa_jaquad_ja",
    "qa_jsquad_ja",
    "qa_medquad_en",
    "qa_covid_faq_multi",
    "qa_answers_only_zh",
    "pairs_similar_zh",
    "pairs_nli_zh",
    "docs_xwlb_news_zh",
    "docs_crud_news_zh",
    "docs_local_regulations_zh",
    "docs_abstracts_zh",
    "parallel_en_zh",
    "parallel_multi",
    "dictionary_cedict_en_zh",
)


def read_source(data: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the records of one training file, in file order.

    :param data: folder that holds ``train/``.
    :param name: one of :data:`FILES`.
    :raises FileNotFoundError: names the file.
    """
    path = data / "train" / f"{name}.jsonl.xz"
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def english_texts(data: Path) -> list[str]:
    """Return the English sides of the parallel text, each once, in file order."""
    seen: dict[str, None] = {}
    for name in ("parallel_en_zh", "parallel_multi"):
        for record in read_source(data, name):
            for side in "12":
                if record[f"lang{side}"] == "en":
                    seen.setdefault(record[f"text{side}"])
    return list(seen)
