"""Questions, each with the passage that answers it and passages that nearly do: what ``training/joint.py`` learns from.

Reading-comprehension contexts become pages (:func:`training.rank.page`) in an index of their own; the passages that the
program itself ranks high for a question, and that do not hold its answer, are the near misses.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from qa.embed import Encoder, load_encoder
from qa.rank import Ranked
from qa.search import Retriever
from qa.text import fold, fold_offsets
from training.bylines import asked_about, mentioned
from training.clean import read_clean
from training.cloze import cloze
from training.group import Group, Passage, read_groups, write
from training.meetings import made_of_meetings, rules_met
from training.open_questions import asked_of_terms, open_questions, terms_named
from training.pairs import pivot_pairs
from training.rank import split_index
from training.reports import made_page, questions_on, stock

SAME = 0.95  # texts that lie nearer are the same text
RELATED = 0.75  # of texts that lie nearer, one may answer the other
_MISSES = 4
_PAGES = 3_000  # made by rule
_TERMS = 4_500
_ASKED_BY_PEOPLE = "ncp-policies", "chineseblue-cmedqa"
_SMALL_TALK = (
    "你好", "您好", "你是谁", "谢谢", "今天天气怎么样", "讲个笑话", "1+1等于几", "你能做什么", "早上好", "再见",
    "帮我写一首诗", "现在几点了", "hello", "how are you", "thank you", "who are you", "你叫什么名字", "测试", "test",
    "???", "好的",
    "推荐一部电影", "我饿了", "写一段Python代码", "what is the weather today", "怎么减肥", "法国的首都是哪里",
    "tell me a joke",
)  # fmt: skip
_ASKING = re.compile("[?？吗呢么谁哪几]|怎|多少|如何|为何")


def asked_of_pages(
    records: Iterable[dict[str, Any]], encoder: Encoder, kind: str, most: int, rng: random.Random
) -> Iterator[Group]:
    """Yield up to ``most`` questions on contexts turned into pages, each with a few near misses."""
    records = [record for record in records if record["answer"] and record["answer"] in record["passage"]]
    names: dict[str, str] = {}
    for record in records:
        names.setdefault(record["passage"], f"{len(names):06}")
    rng.shuffle(records)
    with split_index({name: text for text, name in names.items()}, encoder) as retriever:
        found = 0
        for record in records:
            if found == most:
                return
            group = _asked(record, f"{names[record['passage']]}.txt", retriever, kind)
            if group is not None:
                found += 1
                yield group


def _asked(record: dict[str, Any], own: str, retriever: Retriever, kind: str) -> Group | None:
    question, answer = record["question"], fold(record["answer"]).strip()
    ranked = retriever.ranked(question, closely=False)
    right = [item for item in ranked if item.candidate.document_id == own and answer in fold(item.candidate.text)]
    if not right:
        return None
    span = _place(answer, right[0].candidate.text, right[0].sentence)
    others = [item for item in ranked if answer not in fold(item.candidate.text)]
    same = [item for item in others if item.candidate.document_id == own][: _MISSES // 2]
    rest = [item for item in others if item.candidate.document_id != own][: _MISSES - len(same)]
    return span and Group(question, [_shown(item) for item in (right[0], *same, *rest)], *span, kind)


def _shown(item: Ranked) -> Passage:
    return item.candidate.heading, item.candidate.text, *item.sentence


def _place(answer: str, text: str, near: tuple[int, int]) -> tuple[int, int] | None:
    """Return where the folded answer stands in a text, as offsets of the text: nearest to the best sentence."""
    folded, offsets = fold_offsets(text)
    places = []
    at = folded.find(answer)
    while answer and at >= 0:
        places.append((offsets[at], offsets[at + len(answer) - 1] + 1))
        at = folded.find(answer, at + 1)
    return min(places, key=lambda span: abs(span[0] - sum(near) // 2)) if places else None


def made_of_news(records: Iterable[dict[str, Any]], rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield at most one record with a made question for each article."""
    for record in records:
        for question, passage, answer in list(cloze(record["text"][:900], rng))[:1]:
            text = record["text"][:700] if answer in record["text"][:700] else passage
            yield {"question": question, "passage": f"{record['title']}\n{text}", "answer": answer}


def answers_alone(
    records: Iterable[dict[str, Any]], encoder: Encoder, most: int, rng: random.Random
) -> Iterator[Group]:
    """Yield up to ``most`` questions of people whose answers are passages of their own; no words of them stand out."""
    wanted = [
        {**record, "answer": record["passage"]}
        for record in records
        if 15 <= len(record["passage"]) <= 400 and len(record["question"]) <= 60
    ]
    for group in asked_of_pages(wanted, encoder, "open", most, rng):
        yield replace(group, start=-1, end=-1)


def across_languages(pairs: Sequence[tuple[str, str]], encoder: Encoder, rng: random.Random) -> Iterator[Group]:
    """Yield texts with their translations, alone or beside others, and what lies near the translations."""
    pairs = [(text.strip(), other.strip()) for text, other in pairs]
    texts = [other for _, other in pairs]
    vectors = encoder.encode_documents(texts)
    for n, (text, own) in enumerate(pairs):
        alike = vectors @ vectors[n]
        nearest = [row for row in np.argsort(-alike)[: 8 * _MISSES] if alike[row] < SAME and texts[row] != own]
        chosen = rng.sample(nearest[: 2 * _MISSES], min(_MISSES, len(nearest)))
        passages = []
        for passage in (own, *(texts[row] for row in chosen)):
            parts = [passage] if rng.random() < 0.5 else [passage, texts[rng.randrange(len(texts))]]
            rng.shuffle(parts)
            joined = " ".join(parts)
            start = joined.index(passage)
            passages.append(("", joined, start, start + len(passage)))
        yield Group(text, passages, -1, -1, "across")


def less_rivals(groups: Iterable[Group]) -> Iterator[Group]:
    """Yield groups without the misses that may answer as well: a rule finds something in them and in what answers."""
    for group in groups:
        own = rules_met(group.passages[0][1])
        misses = [miss for miss in group.passages[1:] if not own & rules_met(miss[1])]
        if misses:
            yield replace(group, passages=[group.passages[0], *misses])


def nothing_answers(
    asked: Sequence[str], passages: Sequence[Passage], encoder: Encoder, rng: random.Random
) -> Iterator[Group]:
    """Yield questions of quite other things, each with passages that lie nearest and do not answer."""
    vectors = encoder.encode_documents([passage[1] for passage in passages])
    for question, alike in zip(asked, encoder.encode_queries(list(asked)) @ vectors.T, strict=True):
        nearest = [row for row in np.argsort(-alike)[: 3 * _MISSES] if alike[row] < RELATED]
        if len(nearest) > _MISSES:
            chosen = rng.sample(nearest[: _MISSES + 2], _MISSES + 1)
            yield Group(question, [passages[row] for row in chosen], -1, -1, "chat")
    for question in _SMALL_TALK * 8:
        yield Group(question, rng.sample(list(passages), _MISSES + 1), -1, -1, "chat")
    for _ in range(200):
        noise = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789 ") for _ in range(rng.randint(4, 14)))
        yield Group(noise, rng.sample(list(passages), _MISSES + 1), -1, -1, "chat")


def write_all(cache: Path) -> None:
    """Write ``groups/KIND.jsonl`` for each kind that is not there yet."""
    encoder = load_encoder()
    out = cache / "groups"
    out.mkdir(exist_ok=True)
    rng = random.Random(0)  # noqa: S311

    def records(*names: str) -> list[dict[str, Any]]:
        return [record for name in names for record in read_clean(cache, name)]

    def keep(kind: str, groups: Callable[[], Iterator[Group]]) -> None:
        if not (out / f"{kind}.jsonl").exists():
            print(kind, write(groups(), out / f"{kind}.jsonl"), flush=True)

    broadcasts, press = records("docs_xwlb_news_zh"), records("docs_crud_news_zh")

    def news() -> Iterator[Group]:
        made = list(made_of_news(rng.sample(broadcasts, min(len(broadcasts), 30_000)), rng))[:21_000]
        return asked_of_pages(made, encoder, "news", 20_000, rng)

    def meetings() -> Iterator[Group]:
        told = [*broadcasts, *press]
        rng.shuffle(told)
        made = list(made_of_meetings(told, 900, rng))
        return less_rivals(asked_of_pages(made, encoder, "meeting", len(made), rng))

    def chat() -> Iterator[Group]:
        asked = sorted(
            {r["a"] for r in records("pairs_similar_zh") if _ASKING.search(r["a"]) and 4 <= len(r["a"]) <= 30}
        )
        near = [
            passage for kind in ("zh", "news") for group in read_groups(out, kind) for passage in group.passages[:3]
        ]
        return nothing_answers(rng.sample(asked, 5_000), rng.sample(sorted(set(near)), 30_000), encoder, rng)

    @lru_cache
    def made() -> list[Group]:
        drawn = random.Random(5)  # noqa: S311
        known = stock([*press, *broadcasts], 30_000, drawn)
        pages = [made_page(known, drawn) for _ in range(_PAGES)]
        return [*questions_on(pages, drawn), *asked_about(pages, known, drawn), *mentioned(pages, known, drawn)]

    @lru_cache
    def of_terms() -> list[Group]:
        drawn = random.Random(6)  # noqa: S311
        return list(asked_of_terms(list(terms_named(news_of_both(drawn))), _TERMS, drawn))

    def news_of_both(drawn: random.Random) -> list[dict[str, Any]]:
        return drawn.sample([*broadcasts, *press], len(broadcasts))

    def open_() -> Iterator[Group]:
        drawn = random.Random(7)  # noqa: S311
        asked = list(open_questions(news_of_both(drawn), drawn))
        yield from (group for group in of_terms() if group.kind == "open")
        yield from asked_of_pages(asked[:9_500], encoder, "open", 9_000, drawn)
        yield from answers_alone(
            (one for one in records("qa_answers_only_zh") if one["source"].startswith(_ASKED_BY_PEOPLE)),
            encoder,
            5_500,
            drawn,
        )

    chinese, japanese = ("qa_cmrc2018_zh", "qa_security_news_zh"), ("qa_jsquad_ja", "qa_jaquad_ja")
    keep("zh", lambda: asked_of_pages(records(*chinese), encoder, "zh", 12_600, rng))
    keep("ja", lambda: asked_of_pages(records(*japanese), encoder, "ja", 20_000, rng))
    keep("across", lambda: across_languages(_pairs(records, rng), encoder, rng))
    keep("news", news)
    keep("meeting", meetings)
    keep("chat", chat)
    keep("open", open_)
    for kind in ("report", "absent"):
        keep(kind, lambda kind=kind: (group for group in (*made(), *of_terms()) if group.kind == kind))


def _pairs(records: Callable[..., list[dict[str, Any]]], rng: random.Random) -> list[tuple[str, str]]:
    english, other = records("parallel_en_zh"), records("parallel_multi")
    kept = [r for r in english if 12 <= len(r["text2"]) <= 90 and len(r["text1"]) <= 200]
    pairs = [(r["text1"], r["text2"]) for r in rng.sample(kept, 12_000)]
    pairs += [(r["text2"], r["text1"]) for r in rng.sample(kept, 4_000)]
    pivot = [pair for pair in pivot_pairs(english, other) if 12 <= len(pair[1]) <= 90 and len(pair[0]) <= 200]
    return pairs + rng.sample(pivot, 20_000)
