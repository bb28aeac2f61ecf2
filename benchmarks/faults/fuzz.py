"""Random and repetitive text through the rooms: offsets that hold, no exception but ``QAError``, bounded time."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.faults.trial import QUESTIONS, RIGHT, WRONG, Fault, Outcome, encoder, judge
from qa.build import build_index
from qa.errors import QAError
from qa.formats import READERS
from qa.questions import read_questions
from qa.read import read_document
from qa.records import Document, Passage, QuestionSet
from qa.search import Retriever
from qa.split import split_document

_REPEATED = 1 << 20  # characters
_SECONDS = 20  # of processor, for so many characters
PIECES = (
    *"。，、；：？！…—“”‘’「」『』《》（）()[]{}<>\"'|/·-_=+*#~`^%$&@\\.,;:!? \t\n\r\f\v\x00\x1b\x85\u2028\u3000",
    *"会议由主持人在年月日时甲一二三十百千万亿省市县院长科室0123456789aAzZéßİıﬀﷺ①㈱㎏ﾊﾟ裡後",
    *"\u200b\u200c\u200d\u200e\u200f\u202e\u2066\u2069\u00ad\ufeff\ufe0f\u0301\u0345\u0e33\u1100\u1161\u11a8\uac00",
    *"\ud800\udc00\udfff\ufffd\ufffe\uffff\U0001f468\U0001f3fd\U000e0101\U0010ffff\U00020000אبहিไ",
    *("\n\n", "\r\n", "……", "——", "。”他说，", " > ", "首页 > 新闻", "来源:", "时间:2024-04-01", "点击:3", "版权所有"),
    *(
        "http://a.b/c",
        "a@b.c",
        "第1号",
        "Mr. ",
        "e.g. ",
        "3.14",
        "二〇二四年",
        "---",
        "```",
        "# ",
        "<p>",
        "</p>",
        "<!--",
    ),
    *(
        "&amp;",
        "&#0;",
        "&#xd800;",
        "<script>",
        "<table><tr><td>",
        "]]>",
        "某某市第一医院",
        "召开",
        "附属",
        "（1）",
        "1. ",
    ),
)


def text_of(chance: random.Random) -> str:
    """Return random text: of one alphabet or several, with stretches that repeat."""
    pool = [chance.choice(PIECES) for _ in range(chance.choice((1, 2, 4, 12, len(PIECES))))]
    parts: list[str] = []
    for _ in range(chance.randrange(1, 60)):
        part = chance.choice(pool) if chance.random() < 0.8 else chr(chance.randrange(0x110000))
        parts.append(part * chance.choice((1, 1, 1, 2, 3, 50, 400)))
    return "".join(parts)


def wrong_passages(document: Document, passages: Iterable[Passage]) -> list[str]:
    """Return what is wrong with the passages of a document: they rise, do not overlap, hold the document's words."""
    found, end = [], 0
    for passage in passages:
        if not end <= passage.start < passage.end <= len(document.text):
            found.append(f"{passage.id} lies outside, or before its neighbour's end at {end}")
        if passage.text != document.text[passage.start : passage.end]:
            found.append(f"{passage.id} is not what stands there")
        if not passage.text.strip():
            found.append(f"{passage.id} is blank")
        end = passage.end
    return found


def _unwritable(values: Iterable[str]) -> list[str]:
    """Return the strings that cannot be written as UTF-8."""
    return [ascii(value)[:80] for value in values if re.search("[\ud800-\udfff]", value)]


def read_and_split(data: bytes, suffix: str, folder: Path) -> list[str]:
    """Return what is wrong with reading and splitting a file with these bytes; a ``QAError`` is not."""
    path = folder / f"x{suffix}"
    path.write_bytes(data)
    try:
        document = read_document(path, folder)
    except QAError:
        return []
    passages = split_document(document)
    texts = (document.text, document.title, document.date, document.source, document.organisation)
    return wrong_passages(document, passages) + _unwritable(texts)


def fuzz_files(n: int, folder: Path) -> Outcome:
    """Read and split files of random text or bytes in random formats and encodings."""
    chance = random.Random(n)
    wrong: list[str] = []
    for _ in range(40):
        text = text_of(chance)
        encoding = chance.choice(("utf-8", "utf-8", "utf-16", "utf-16-le", "gb18030", "big5", "utf-32", "cp932"))
        data = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
        if chance.random() < 0.3:
            at = chance.randrange(len(data) + 1)
            data = data[:at] + chance.randbytes(chance.randrange(8)) + data[at + chance.randrange(4) :]
        wrong += read_and_split(data, chance.choice(list(READERS)), folder)
    return _judged(wrong)


def fuzz_repeats(n: int, folder: Path) -> Outcome:
    """Read and split a megabyte of one or two repeated pieces: time must not grow faster than the text."""
    chance = random.Random(n)
    unit = PIECES[n] if n < len(PIECES) else "".join(chance.choices(PIECES, k=chance.randrange(2, 5)))
    text = (unit * (_REPEATED // len(unit)) + chance.choice(PIECES)).encode("utf-8", "replace")
    start = time.process_time()
    wrong = read_and_split(text, chance.choice((".txt", ".txt", ".md", ".html")), folder)
    seconds = time.process_time() - start
    if seconds > _SECONDS:
        wrong.append(f"{seconds:.0f} s for a megabyte")
    return _judged(wrong, ascii(unit))


def fuzz_offsets(n: int, folder: Path) -> Outcome:
    """Index random Unicode documents and ask: every passage, evidence and span equals the document's slice."""
    chance = random.Random(n)
    documents, index = folder / f"documents-{n}", folder / f"index-{n}"
    documents.mkdir()
    for number in range(6):
        text = "\n".join(text_of(chance) + chance.choice(("", "大会由张立东主持。")) for _ in range(3))
        (documents / f"{number}{chance.choice(('.txt', '.md'))}").write_bytes(text.encode("utf-8", "replace"))
    asked = [*QUESTIONS, *(text_of(chance)[: chance.randrange(1, 400)] for _ in range(4))]
    return judge(lambda: wrong_offsets(documents, index, asked), [[]])


def wrong_offsets(documents: Path, index: Path, questions: Iterable[str]) -> list[str]:
    """Return every passage, evidence or span that an index gives and that is not what stands in its document."""
    build_index(documents, index, model=encoder())
    retriever = Retriever.open(index, encoder=encoder())
    wrong: list[str] = []
    texts = {name: retriever.document(name).text for name in retriever.documents}
    wrong += [
        f"passage {passage.id}"
        for passage in retriever.passages
        if passage.text != texts[passage.document_id][passage.start : passage.end]
    ]
    for question in questions:
        try:
            answer = retriever.ask(question, 10)
        except QAError:
            continue
        quotes = [
            (hit.passage.document_id, hit.passage.start, hit.passage.end, hit.passage.text) for hit in answer.hits
        ]
        marks = [hit.evidence for hit in answer.hits] + [answer.evidence]
        quotes += [(mark.document_id, mark.start, mark.end, mark.quote) for mark in marks if mark is not None]
        if answer.span is not None:
            quotes.append((answer.hits[0].passage.document_id, answer.span.start, answer.span.end, answer.span.text))
        for name, start, end, quote in quotes:
            if not 0 <= start < end or texts[name][start:end] != quote:
                wrong.append(f"{name}[{start}:{end}] for {question[:40]!a}")
    retriever.passages.close()
    return wrong


def fuzz_questions(n: int, folder: Path) -> Outcome:
    """Read question sets of all three kinds with random harm done to them."""
    chance = random.Random(n)
    wrong: list[str] = []
    for number in range(40):
        path = folder / f"questions-{number % 3}"
        if number % 3 == 2:
            (path / "qrels").mkdir(parents=True, exist_ok=True)
            for name, text in _beir(chance).items():
                (path / name).write_bytes(harmed(text, chance))
        else:
            text = _squad(chance) if number % 3 else _jsonl(chance)
            path.write_bytes(harmed(text, chance))
        try:
            wrong += wrong_set(read_questions(path))
        except QAError:
            continue
    return _judged(wrong)


def wrong_set(questions: QuestionSet) -> list[str]:
    """Return what is wrong with a question set that was read."""
    texts = [value for q in questions.questions for value in (q.id, q.text, *q.answers)]
    texts += [value for q in questions.questions for label in q.evidence for value in (label.document_id, label.quote)]
    texts += [value for document in questions.documents for value in (document.id, document.title, document.text)]
    names = [question.id for question in questions.questions]
    wrong = _unwritable(texts)
    if len(set(names)) < len(names):
        wrong.append("an id stands twice")
    if questions.relevance.keys() - set(names):
        wrong.append("a label without its question")
    return wrong


_PUT = (
    *(
        b"",
        b"null",
        b"[]",
        b"{}",
        b"1e999",
        b"-1",
        b"NaN",
        b'""',
        b'"\\ud800"',
        b"true",
        b"\t",
        b"\n",
        b"\x00",
        b"\xff",
    ),
    *(b"\x00", b"\xff"),
    *(b"[" * 3000, b'{"a":' * 3000, b"9" * 6000, b"x" * 200_000, b'"data"', b'"id"', b"\xef\xbb\xbf"),
)


def harmed(text: str, chance: random.Random) -> bytes:
    """Return the text as bytes, mostly with something cut out of it, put into it or exchanged."""
    data = text.encode("utf-8", "surrogatepass")
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(data) + 1)
        data = data[:at] + chance.choice(_PUT) + data[at + chance.choice((0, 0, 1, 4, 30)) :]
    return data


def _words(chance: random.Random) -> str:
    return json.dumps(text_of(chance)[:50] or "x", ensure_ascii=chance.random() < 0.5)


def _jsonl(chance: random.Random) -> str:
    label = '"evidence": [{{"document": {}, "quote": {}}}], "answers": [{}]'
    return "\n".join(
        f'{{"id": "{n}", "question": {_words(chance)}, {label.format(*(_words(chance) for _ in range(3)))}}}'
        for n in range(3)
    )


def _squad(chance: random.Random) -> str:
    questions = ", ".join(
        f'{{"id": "{n}", "question": {_words(chance)}, "answers": [{{"text": {_words(chance)}, "answer_start": 0}}]}}'
        for n in range(3)
    )
    paragraph = f'{{"context": {_words(chance)}, "qas": [{questions}]}}'
    return f'{{"version": "1", "data": [{{"title": "x", "paragraphs": [{paragraph}]}}]}}'


def _beir(chance: random.Random) -> dict[str, str]:
    corpus = "\n".join(f'{{"_id": "d{n}", "title": {_words(chance)}, "text": {_words(chance)}}}' for n in range(3))
    queries = "\n".join(f'{{"_id": "q{n}", "text": {_words(chance)}}}' for n in range(3))
    grades = "query-id\tcorpus-id\tscore\n" + "\n".join(f"q{n}\td{n}\t{chance.randrange(3)}" for n in range(3))
    return {"corpus.jsonl": corpus, "queries.jsonl": queries, "qrels/test.tsv": grades}


def _judged(wrong: list[str], about: str = "") -> Outcome:
    return Outcome(WRONG, f"{about} {'; '.join(wrong)[:400]}") if wrong else Outcome(RIGHT, about)


FAULTS = (
    Fault("random files read and split (40 a round)", fuzz_files, 500, 2),
    Fault("a megabyte of one repeated piece", fuzz_repeats, 400, 1),
    Fault("random documents indexed and asked", fuzz_offsets, 200, 1),
    Fault("random question sets (40 a round)", fuzz_questions, 300, 2),
)
