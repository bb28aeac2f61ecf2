"""What the vocabulary is trained on: a fixed share of every cleaned source."""

import random
from pathlib import Path

from training.clean import read_clean

# Characters taken from each source; whole records in random order until the share is used up.
HAN_SHARES = {
    "docs_xwlb_news_zh": 7_000_000,
    "docs_crud_news_zh": 6_000_000,
    "docs_local_regulations_zh": 1_500_000,
    "docs_abstracts_zh": 2_000_000,
    "qa_cmrc2018_zh": 4_000_000,
    "qa_security_news_zh": 1_000_000,
    "qa_answers_only_zh": 1_000_000,
    "pairs_similar_zh": 1_000_000,
    "parallel_en_zh": 3_000_000,
    "dictionary_cedict_en_zh": 1_000_000,
    "qa_jaquad_ja": 1_000_000,
}
OTHER_SHARES = {
    "parallel_en_zh": 9_000_000,
    "parallel_multi": 18_000_000,
    "qa_medquad_en": 3_000_000,
    "dictionary_cedict_en_zh": 3_000_000,
}
_FIELDS = ("title", "text", "question", "passage", "a", "b", "text1", "text2", "zh", "en")


def vocabulary_texts(cache: Path, shares: dict[str, int], seed: int) -> list[str]:
    """Return texts of the sources, each passage once, up to each source's share of characters."""
    texts = []
    for name, share in shares.items():
        pieces = list(dict.fromkeys(r[f] for r in read_clean(cache, name) for f in _FIELDS if r.get(f)))
        random.Random(seed).shuffle(pieces)  # noqa: S311
        used = 0
        for piece in pieces:
            if used >= share:
                break
            texts.append(piece)
            used += len(piece)
    return texts
