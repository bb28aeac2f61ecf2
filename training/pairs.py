"""Turn cleaned records into pairs of a question and the passage it belongs to, one kind a list."""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from training.clean import read_clean
from training.questions import make_question

Pair = tuple[str, str]
LONGEST = 400
_SENTENCE = re.compile(r"[^。！？!?；;\n]+[。！？!?；;]*[”’」』）)]*")


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text, at least four characters each."""
    return [s for s in (match[0].strip() for match in _SENTENCE.finditer(text)) if len(s) >= 4]


def window(sentences: list[str], at: int, rng: random.Random, longest: int = LONGEST) -> tuple[int, int]:
    """Return the span of sentences around one of them that makes a passage of random length.

    :return: first and past-the-last index; the sentence itself always lies inside.
    """
    target = rng.randint(80, longest)
    first, last, size = at, at + 1, len(sentences[at])
    while True:
        sides = [s for s in (first - 1, last) if 0 <= s < len(sentences) and size + len(sentences[s]) <= target]
        if not sides:
            return first, last
        side = rng.choice(sides)
        first, last, size = min(first, side), max(last, side + 1), size + len(sentences[side])


def rest_pair(sentences: list[str], title: str, rng: random.Random) -> Pair | None:
    """Return a sentence and the passage it was taken out of."""
    if len(sentences) < 3:
        return None
    at = rng.randrange(len(sentences))
    first, last = window(sentences, at, rng)
    rest = "".join(sentences[first:at] + sentences[at + 1 : last])
    if not 8 <= len(sentences[at]) <= 120 or len(rest) < 30:
        return None
    return sentences[at], titled(title, rest, rng)


def question_pair(sentences: list[str], title: str, rng: random.Random) -> Pair | None:
    """Return a rule-made question and the passage that answers it."""
    if not sentences:
        return None
    at = rng.randrange(len(sentences))
    question = make_question(sentences[at], rng)
    if question is None:
        return None
    first, last = window(sentences, at, rng)
    return question, titled(title, "".join(sentences[first:last]), rng)


def titled(title: str, text: str, rng: random.Random, share: float = 0.5) -> str:
    """Put the title before the text, as passages are embedded, for a share of them."""
    return f"{title}\n{text}" if title and rng.random() < share else text


def title_pairs(record: dict[str, Any], rng: random.Random) -> Iterator[Pair]:
    """Yield a document's title with its opening and with a passage from anywhere in it."""
    if not record["title"] or len(record["text"]) < 30:
        return
    yield record["title"], record["text"][:LONGEST]
    sentences = split_sentences(record["text"])
    if len(sentences) > 4:
        first, last = window(sentences, rng.randrange(len(sentences)), rng)
        yield record["title"], "".join(sentences[first:last])


def document_pairs(
    records: Iterable[dict[str, Any]], make: Callable[..., Pair | None], tries: int, rng: random.Random
) -> list[Pair]:
    """Return what ``make`` finds in ``tries`` random places of every document."""
    pairs = []
    for record in records:
        sentences = split_sentences(record["text"])
        pairs += [p for p in (make(sentences, record.get("title", ""), rng) for _ in range(tries)) if p]
    return pairs


def qa_pairs(records: Iterable[dict[str, Any]]) -> list[Pair]:
    """Return question and passage; a long passage is cut to a window that holds the answer."""
    return [(r["question"], cut(r["passage"], r.get("answer", ""))) for r in records]


def cut(passage: str, answer: str, longest: int = 600) -> str:
    """Return the passage, or the part of ``longest`` characters around its answer."""
    if len(passage) <= longest:
        return passage
    at = max(passage.find(answer), 0) if answer else 0
    start = max(0, min(at - longest // 2, len(passage) - longest))
    return passage[start : start + longest]


def unique_passages(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each passage once, as an untitled document."""
    return [{"title": "", "text": text} for text in dict.fromkeys(r["passage"] for r in records)]


def similar_pairs(records: Iterable[dict[str, Any]]) -> list[Pair]:
    """Return the texts that mean the same: label 1 of 0/1 sets, 4 and more of 0–5, 2 and more of graded queries."""
    least = {
        "chinese-sts-b": 4,
        "qbqtc-dev": 2,
        "qbqtc-test_public": 2,
        "chineseblue-cmedir-dev": 2,
        "chineseblue-cmedir-test": 2,
    }
    return [(r["a"], r["b"]) for r in records if float(r["label"]) >= least.get(r["source"], 1)]


def entailed_pairs(records: Iterable[dict[str, Any]]) -> list[Pair]:
    """Return premise and conclusion of the entailed ones."""
    return [(r["a"], r["b"]) for r in records if r["label"] == "entailment"]


def parallel_pairs(records: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[Pair]]:
    """Return the text pairs by their two languages, in the order of the records."""
    pairs = defaultdict(list)
    for r in records:
        pairs[r["lang1"], r["lang2"]].append((r["text1"], r["text2"]))
    return dict(pairs)


def pivot_pairs(chinese: Iterable[dict[str, Any]], other: Iterable[dict[str, Any]]) -> list[Pair]:
    """Join both files on equal English text: a text of another language and its Chinese translation."""
    by_english = defaultdict(list)
    for r in chinese:
        by_english[r["text1"].strip()].append(r["text2"])
    pairs = []
    for r in other:
        english, text = (r["text1"], r["text2"]) if r["lang1"] == "en" else (r["text2"], r["text1"])
        pairs += [(text, zh) for zh in by_english.get(english.strip(), ())]
    return pairs


def gloss_pairs(records: Iterable[dict[str, Any]]) -> list[Pair]:
    """Return a Chinese word with its English gloss, and with its first sense alone where there are several."""
    pairs = []
    for r in records:
        pairs.append((r["en"], r["zh"]))
        senses = [s.strip() for s in r["en"].split(";") if s.strip()]
        if len(senses) > 1:
            pairs += [(sense, r["zh"]) for sense in senses[:3]]
    return pairs


def taught_pairs(parallel: Iterable[dict[str, Any]], words: Iterable[dict[str, Any]], seed: int = 5) -> list[Pair]:
    """Return short English texts and dictionary glosses with their Chinese, for which the teacher is asked.

    Sentences of 12 to 110 characters outside software manuals, and glosses of at most 45 a sense; a fixed sample.
    """
    sentences = [
        (r["text1"], r["text2"])
        for r in parallel
        if not r["source"].startswith("python-docs") and 12 <= len(r["text1"]) <= 110
    ]
    glosses = []
    for r in words:
        senses = [s.strip() for s in r["en"].split(";") if s.strip()]
        senses = [
            s for s in senses if len(s) <= 45 and not s.startswith(("variant of", "old variant", "see ", "surname"))
        ]
        if senses:
            glosses.append(("; ".join(senses[:2]), r["zh"]))
    rng = random.Random(seed)  # noqa: S311
    return rng.sample(sentences, min(36_000, len(sentences))) + rng.sample(glosses, min(24_000, len(glosses)))


def make_pairs(cache: Path, seed: int = 1) -> dict[str, list[Pair]]:
    """Return every kind of pair from the cleaned sources; the seed fixes all choices."""
    rng = random.Random(seed)  # noqa: S311
    read = {
        name: list(read_clean(cache, name))
        for name in (
            "qa_cmrc2018_zh",
            "qa_security_news_zh",
            "qa_jaquad_ja",
            "qa_jsquad_ja",
            "docs_xwlb_news_zh",
            "docs_crud_news_zh",
            "docs_local_regulations_zh",
            "docs_abstracts_zh",
            "parallel_en_zh",
            "parallel_multi",
        )
    }
    zh_passages = unique_passages(read["qa_cmrc2018_zh"]) + unique_passages(read["qa_security_news_zh"])
    ja_passages = unique_passages(read["qa_jaquad_ja"])
    xwlb, crud, law = read["docs_xwlb_news_zh"], read["docs_crud_news_zh"], read["docs_local_regulations_zh"]
    return {
        "qa_zh": qa_pairs(read["qa_cmrc2018_zh"] + read["qa_security_news_zh"]),
        "qa_answers_zh": qa_pairs(read_clean(cache, "qa_answers_only_zh")),
        "qa_ja": qa_pairs(read["qa_jaquad_ja"] + read["qa_jsquad_ja"]),
        "qa_en": qa_pairs([*read_clean(cache, "qa_medquad_en"), *read_clean(cache, "qa_covid_faq_multi")]),
        "wiki_rest": document_pairs(zh_passages, rest_pair, 5, rng),
        "wiki_question": document_pairs(zh_passages, question_pair, 8, rng),
        "ja_rest": document_pairs(ja_passages, rest_pair, 2, rng),
        "news_title": [pair for r in xwlb for pair in title_pairs(r, rng)],
        "news_rest": document_pairs(xwlb + crud, rest_pair, 1, rng),
        "news_question": document_pairs(xwlb + crud, question_pair, 3, rng),
        "law_title": [(r["title"], r["text"][:LONGEST]) for r in law],
        "law_rest": document_pairs(law, rest_pair, 1, rng),
        "law_question": document_pairs(law, question_pair, 1, rng),
        "abstract_rest": document_pairs(read["docs_abstracts_zh"], rest_pair, 2, rng),
        "similar": similar_pairs(read_clean(cache, "pairs_similar_zh")),
        "entailed": entailed_pairs(read_clean(cache, "pairs_nli_zh")),
        "en_zh": [(r["text1"], r["text2"]) for r in read["parallel_en_zh"]],
        "multi": [(r["text1"], r["text2"]) for r in read["parallel_multi"]],
        "pivot_zh": pivot_pairs(read["parallel_en_zh"], read["parallel_multi"]),
        "gloss": gloss_pairs(read_clean(cache, "dictionary_cedict_en_zh")),
    }
