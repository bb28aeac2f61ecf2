"""Question files → ``QuestionSet``: JSON Lines on an index, SQuAD JSON, or a BEIR folder, told apart by content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qa.decode import replace_surrogates
from qa.errors import InvalidQuestions
from qa.load import load
from qa.records import Document, Question, QuestionSet, Quote

_SIZE_LIMIT = 1 << 30  # bytes


def read_questions(path: str | Path) -> QuestionSet:
    """Read a question set.

    :param path: a JSON Lines file, a SQuAD JSON file (v1.1, v2.0, CMRC 2018, DRCD, XQuAD) or a BEIR folder.
    :raises InvalidQuestions: if it is missing, malformed or empty; names the file and, where there is one, the line.
    """
    path = Path(path)
    return _read_beir(path) if path.is_dir() else parse_questions(_load(path), path)


def parse_questions(text: str, path: Path) -> QuestionSet:
    """Return the question set that a text holds, JSON Lines or SQuAD JSON; otherwise as :func:`read_questions`.

    :param path: what errors call the text.
    """
    whole = _squad_object(text)
    questions = _read_squad(path, whole) if whole is not None else _read_jsonl(path, text)
    if not questions.questions:
        raise InvalidQuestions(path, "there is no question in it")
    return questions


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON Lines question file as they stand, each checked to be a question; none is fine.

    :raises InvalidQuestions: as :func:`read_questions`, and if a ``wrong`` quote is none.
    """
    text = _load(path)
    _read_jsonl(path, text)
    rows = []
    for line, row in _objects(path, text):
        for label in _field(path, row, "wrong", list, line, default=[]):
            _quote(path, label, line)
        rows.append(row)
    return rows


def _load(path: Path) -> str:
    try:
        return load(path, _SIZE_LIMIT).decode("utf-8-sig")
    except OSError as error:
        raise InvalidQuestions(path, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InvalidQuestions(path, f"not UTF-8 (byte {error.start})") from error


def _squad_object(text: str) -> dict[str, Any] | None:
    """Return the file as one SQuAD object, or None if it is something else."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return whole if isinstance(whole, dict) and "data" in whole else None


def _objects(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the line number and the object of every line that is not blank."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply or not a number"
            raise InvalidQuestions(path, f"expected one JSON object a line: {reason}", number) from error
        if not isinstance(row, dict):
            raise InvalidQuestions(path, f"expected a JSON object, got {type(row).__name__}", number)
        yield number, row


def _field(path: Path, row: dict[str, Any], key: str, kind: type, line: int | None, *, default: Any = None) -> Any:
    """Return a field of the expected type, or raise naming it."""
    value = row.get(key, default)
    if not isinstance(value, kind):
        got = "nothing" if value is None else type(value).__name__
        raise InvalidQuestions(path, f"field {key!r}: expected {kind.__name__}, got {got}", line)
    return replace_surrogates(value) if isinstance(value, str) else value


def _identifier(path: Path, row: dict[str, Any], key: str, line: int | None) -> str:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InvalidQuestions(path, f"field {key!r}: expected an identifier, got {value!r}", line)
    return replace_surrogates(str(value))


def _read_jsonl(path: Path, text: str) -> QuestionSet:
    questions: dict[str, Question] = {}
    for line, row in _objects(path, text):
        name = _identifier(path, row, "id", line)
        if name in questions:
            raise InvalidQuestions(path, f"question id {name!r} stands twice", line)
        wording = _field(path, row, "question", str, line)
        if not wording.strip():
            raise InvalidQuestions(path, f"question {name!r} is empty", line)
        labels = _field(path, row, "evidence", list, line, default=[])
        answers = _field(path, row, "answers", list, line, default=[])
        if not all(isinstance(answer, str) for answer in answers):
            raise InvalidQuestions(path, "field 'answers': expected a list of strings", line)
        evidence = tuple(_quote(path, label, line) for label in labels)
        questions[name] = Question(name, wording, evidence, tuple(map(replace_surrogates, answers)))
    return QuestionSet("jsonl", tuple(questions.values()))


def _quote(path: Path, label: object, line: int) -> Quote:
    if not isinstance(label, dict):
        raise InvalidQuestions(path, 'field \'evidence\': expected {"document": …, "quote": …}', line)
    quote = Quote(_field(path, label, "document", str, line), _field(path, label, "quote", str, line))
    if not quote.quote.strip():
        raise InvalidQuestions(path, "field 'quote' is empty", line)
    return quote


def _read_squad(path: Path, whole: dict[str, Any]) -> QuestionSet:
    documents: dict[str, Document] = {}
    questions: dict[str, Question] = {}
    relevance: dict[str, dict[str, int]] = {}
    for context, entries in _squad_paragraphs(path, whole):
        document = documents.setdefault(context, Document(f"p{len(documents)}", "", context))
        for entry in entries:
            name = _unique(_identifier(path, entry, "id", None), questions)
            answers = _squad_answers(path, entry)
            possible = not entry.get("is_impossible", False)
            questions[name] = Question(
                name, _field(path, entry, "question", str, None), (), tuple(dict.fromkeys(answers)) if possible else ()
            )
            if possible:
                relevance[name] = {document.id: 1}
    return QuestionSet("squad", tuple(questions.values()), tuple(documents.values()), relevance)


def _squad_paragraphs(path: Path, whole: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give every context with its question entries, which may be none: it can still be found by mistake."""
    for article in _rows(path, whole, "data"):
        for paragraph in _rows(path, article, "paragraphs"):
            context = _field(path, paragraph, "context", str, None)
            yield context, _rows(path, paragraph, "qas")


def _rows(path: Path, parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = _field(path, parent, key, list, None)
    for row in rows:
        if not isinstance(row, dict):
            raise InvalidQuestions(path, f"field {key!r}: expected objects, got {type(row).__name__}")
    return list(rows)


def _squad_answers(path: Path, entry: dict[str, Any]) -> list[str]:
    answers = [answer.get("text") for answer in _rows(path, {"answers": entry.get("answers", [])}, "answers")]
    if not all(isinstance(answer, str) for answer in answers):
        raise InvalidQuestions(path, f"question {entry.get('id')!r}: an answer without a text")
    return [replace_surrogates(answer) for answer in answers if answer]


def _unique(name: str, taken: dict[str, Question]) -> str:
    """Return the name, or the first free one of name-2, name-3, …"""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def _read_beir(folder: Path) -> QuestionSet:
    corpus, queries, qrels = folder / "corpus.jsonl", folder / "queries.jsonl", _qrels_file(folder)
    documents: dict[str, Document] = {}
    for line, row in _objects(corpus, _load(corpus)):
        name = _identifier(corpus, row, "_id", line)
        if name in documents:
            raise InvalidQuestions(corpus, f"document id {name!r} stands twice", line)
        title = _field(corpus, row, "title", str, line, default="")
        documents[name] = Document(name, title, _field(corpus, row, "text", str, line))
    grades = _read_qrels(qrels, documents)
    questions = []
    for line, row in _objects(queries, _load(queries)):
        name = _identifier(queries, row, "_id", line)
        if name in grades:
            questions.append(Question(name, _field(queries, row, "text", str, line)))
    missing = grades.keys() - {question.id for question in questions}
    if missing:
        raise InvalidQuestions(qrels, f"query {min(missing)!r} is not in {queries.name}")
    if not questions:
        raise InvalidQuestions(qrels, "no query of the set is judged")
    relevance = {name: graded for name, graded in grades.items() if any(grade > 0 for grade in graded.values())}
    return QuestionSet("beir", tuple(questions), tuple(documents.values()), relevance)


def _qrels_file(folder: Path) -> Path:
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (folder / name).is_file():
            raise InvalidQuestions(folder, f"a BEIR folder needs {name}")
    preferred = folder / "qrels" / "test.tsv"
    files = [preferred] if preferred.is_file() else sorted((folder / "qrels").glob("*.tsv"))
    if not files:
        raise InvalidQuestions(folder, "a BEIR folder needs qrels/test.tsv or another .tsv file in qrels/")
    return files[0]


def _read_qrels(path: Path, documents: dict[str, Document]) -> dict[str, dict[str, int]]:
    """Return ``{query: {document: grade}}``; a header row is passed over."""
    grades: dict[str, dict[str, int]] = {}
    rows = (text.split("\t") for text in _load(path).replace("\r", "").split("\n"))
    for line, row in enumerate(rows, start=1):
        if not any(cell.strip() for cell in row) or (line == 1 and row[-1].strip() in {"score", "relevance", "grade"}):
            continue
        if len(row) != 3:
            raise InvalidQuestions(path, f"expected query, document and grade, got {len(row)} columns", line)
        query, document, grade = (cell.strip() for cell in row)
        if document not in documents:
            raise InvalidQuestions(path, f"document {document!r} is not in corpus.jsonl", line)
        try:
            grades.setdefault(query, {})[document] = int(grade)
        except ValueError as error:
            raise InvalidQuestions(path, f"expected a whole number as the grade, got {grade[:40]!r}", line) from error
    return grades
