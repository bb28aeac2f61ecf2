"""The full-text index: BM25 over folded n-grams of Chinese and words of other scripts.

Chinese, Japanese, Korean and the scripts of South-East Asia write without blanks (or glue particles to
words), so each run of them is indexed as its single characters and pairs of characters; the rest as words.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Sequence, Set
from functools import cache
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tantivy

from qa.text import fold

Scored = tuple[int, float]

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\u1100-\u11ff\uac00-\ud7af"  # Hangul
)
_TERM = re.compile(rf"([{_UNSPACED}]+)|([^\W_{_UNSPACED}]+)")
_WORD = re.compile(rf"[^\W_{_UNSPACED}]+")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_INTERROGATIVE = re.compile(
    r"请问|(?:在|于|从)?(?:什么|甚么)(?:时候|时间|日期|地方|地点|人|样的?)?|为何|何[时地人]|为什么|多[少久长大高]|怎么样?|怎样|如何|是否"
    r"|哪[里儿些个位一几年月天日家]|哪(?!吒)|谁|几(?=[个位名项次点天月年人条种家场届岁件])|吗|[呢吧啊呀么](?=\W*$)"
    r"|(?:誰|谁|だれ|どなた|何時?|いつ|どこ|どの|どれ|どんな|なぜ|どう|いくつ|いくら)(?=[\u3040-\u30ff])|(?:です|ます|でした|ました)か"
    r"|누가|누구|언제|어디(?:서|에서)?|무엇|무슨|어떤|어떻게|몇|왜"
    r"|\b(?:who|whom|whose|what|when|where|which|why|how(?: many| much| long)?|is|are|was|were|do|does|did|has|have|had"
    r"|the|an?|of|in|on|at|to|for|by|with|and|or|that|this|it|its|as|from|be|been)\b"
)
_LONGEST_WORD = 40
_HEAP_BYTES = 256_000_000
_AT_ONCE, _LONGEST_AT_ONCE = 256, 500_000  # texts; characters, after which no text is added to a block
_TITLE_WEIGHT = 0.5
_UTF32 = "utf-32-le"
_BLANK = 0x20


def terms(text: str) -> list[str]:
    """Return the terms of a text, repeats included: n-grams (n = 1, 2) of unspaced scripts, words of others."""
    found: list[str] = []
    for run, word in _TERM.findall(fold(text)):
        if run:
            found.extend(run)
            found.extend(map(add, run, run[1:]))
        else:
            found.append(word[:_LONGEST_WORD])
    return found


def joined_terms(texts: Sequence[str]) -> list[str]:
    """Return :func:`terms` of each text in one string, parted by blanks, in another order."""
    folded = [fold(text) for text in texts]
    codes = np.frombuffer("\n".join((*folded, "")).encode(_UTF32, "surrogatepass"), np.uint32)
    unspaced = _unspaced().take(codes)
    single, first = np.flatnonzero(unspaced), np.flatnonzero(unspaced[:-1] & unspaced[1:])
    singles, pairs = _parted(codes, single), _parted(codes, first, first + 1)
    ends = np.cumsum([len(text) + 1 for text in folded])
    joined, i, j = [], 0, 0
    for text, k, m in zip(folded, 2 * np.searchsorted(single, ends), 3 * np.searchsorted(first, ends), strict=True):
        words = " ".join([word[:_LONGEST_WORD] for word in _WORD.findall(text)])
        joined.append(singles[i:k] + pairs[j:m] + words)
        i, j = k, m
    return joined


def _parted(codes: npt.NDArray[np.uint32], *places: npt.NDArray[np.intp]) -> str:
    """Return, for each place in turn, the character that stands there in each list of places, and a blank."""
    parted = np.full((len(places[0]), len(places) + 1), _BLANK, np.uint32)
    for column, at in enumerate(places):
        parted[:, column] = codes.take(at)
    return str(parted.tobytes(), _UTF32, "surrogatepass")


@cache
def _unspaced() -> npt.NDArray[np.bool_]:
    """Tell of each code point whether it is of a script without blanks."""
    told = np.zeros(sys.maxunicode + 1, np.bool_)
    for first, last in re.findall("(.)-(.)", _UNSPACED):
        told[ord(first) : ord(last) + 1] = True
    return told


def question_terms(question: str) -> list[str]:
    """Return the distinct terms that a page may hold: those of the question without its interrogatives.

    Statements rarely hold 谁 or ``who``, so an index thinks them rare and telling; they are neither. On seven public
    sets leaving them out never lowered the lexical leg's success@1 and raised it by up to 0.014.
    """
    return list(dict.fromkeys(terms(told(question)) or terms(question)))


def told(question: str) -> str:
    """Return a question folded, a line's end in the place of what only asks."""
    return _INTERROGATIVE.sub("\n", fold(question))


def spaced_words(folded: str) -> list[str]:
    """Return the words of a folded text in scripts that part words with blanks."""
    return _WORD.findall(folded)


def unspaced_runs(folded: str) -> list[str]:
    """Return the stretches of a folded text in scripts without blanks."""
    return [run for run, _ in _TERM.findall(folded) if run]


def is_unspaced(term: str) -> bool:
    """Return whether a term is an n-gram of a script without blanks, and so can be looked for inside any text."""
    return _IS_UNSPACED.match(term) is not None


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", fast=True, indexed=True)
    for field in ("title", "body"):
        builder.add_text_field(field, tokenizer_name="terms", index_option="freq")
    return builder.build()


def _registered(index: Any) -> Any:
    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("terms", analyzer)
    return index


class LexicalWriter:
    """Writes a full-text index into an existing empty folder, a text at a time; what is in memory stays bounded.

    Every method raises OSError if the disk does not take it.
    """

    def __init__(self, folder: Path) -> None:
        try:
            index = _registered(tantivy.Index(_schema(), path=str(folder)))
            self._writer: Any = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        except ValueError as error:
            raise _unwritten(error) from error
        self._length = 0
        self._waiting: list[tuple[str, str]] = []
        self._characters = 0

    def add(self, title: str, body: str) -> None:
        """Add a text; its number is its row."""
        self._waiting.append((title, body))
        self._characters += len(body)
        if len(self._waiting) == _AT_ONCE or self._characters > _LONGEST_AT_ONCE:
            self._write()

    def _write(self) -> None:
        titles = list(dict.fromkeys(title for title, _ in self._waiting))
        of_title = dict(zip(titles, joined_terms(titles), strict=True))
        bodies = joined_terms([body for _, body in self._waiting])
        for (title, _), body in zip(self._waiting, bodies, strict=True):
            document = tantivy.Document()
            document.add_unsigned("row", self._length)
            document.add_text("title", of_title[title])
            document.add_text("body", body)
            try:
                self._writer.add_document(document)
            except ValueError as error:
                raise _unwritten(error) from error
            self._length += 1
        self._waiting, self._characters = [], 0

    def finish(self) -> None:
        """Write what is still in memory."""
        self._write()
        try:
            self._writer.commit()
            self._writer.wait_merging_threads()
        except ValueError as error:
            raise _unwritten(error) from error

    def abandon(self) -> None:
        """Stop the writer's threads; what is in memory is lost."""
        self._writer = None


def _unwritten(error: ValueError) -> OSError:
    """Return what tantivy's one kind of error means where it writes."""
    return OSError(f"the full-text index: {error}")


class LexicalIndex:
    """An opened, read-only full-text index; a text's number in the build is its row."""

    def __init__(self, index: Any) -> None:
        self._index = _registered(index)
        self._searcher = self._index.searcher()

    @classmethod
    def build(cls, folder: Path, texts: Iterable[tuple[str, str]]) -> LexicalIndex:
        """Index (title, body) pairs into an existing empty folder."""
        writer = LexicalWriter(folder)
        for title, body in texts:
            writer.add(title, body)
        writer.finish()
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> LexicalIndex:
        """Open what :meth:`build` wrote, also where nothing can be written.

        :raises ValueError: if the folder does not hold a complete index.
        """
        try:
            return cls(tantivy.Index.open(str(folder)))
        except Exception as error:  # tantivy raises plain ValueError, OSError and its own panic type
            if "Lockfile" in str(error):
                return cls._open_aside(folder)
            raise ValueError(f"not a complete full-text index: {error}") from error

    @classmethod
    def _open_aside(cls, folder: Path) -> LexicalIndex:
        """Open links to the files, in a place where tantivy can make the lock that even reading takes.

        It may make it once more while the place is removed.
        """
        with tempfile.TemporaryDirectory(prefix="qa-", ignore_cleanup_errors=True) as aside:
            for path in folder.absolute().iterdir():
                if path.suffix != ".lock":
                    Path(aside, path.name).symlink_to(path)
            try:
                return cls(tantivy.Index.open(aside))
            except Exception as error:
                raise ValueError(f"not a complete full-text index: {error}") from error

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def frequencies(self, distinct: Sequence[str]) -> list[int]:
        """Return, for each term, the number of bodies that hold it."""
        return [int(self._searcher.doc_freq("body", term)) for term in distinct]

    def search(
        self, question: str, k: int, only: Sequence[int] | None = None, without: Set[str] = frozenset()
    ) -> list[Scored]:
        """Return the k best rows for a question as (row, BM25 score), best first; ties keep row order.

        :param only: the rows to choose from; all by default.
        :param without: terms of the question that are not looked for.

        Rows that share no term with the question are not returned. BM25 with k1 = 1.2 and b = 0.75
        (Robertson and Zaragoza 2009), body plus half the title's score.
        """
        query = self._query(question, without)
        if query is None:
            return []
        if only is not None:
            query = self._among(query, tantivy.Query.term_set_query(self._index.schema, "row", list(only)))
        return self._run(query, k)

    def score(self, question: str, rows: Sequence[int]) -> list[float]:
        """Return the BM25 score of given rows, in their order; 0 for a row that shares no term."""
        query = self._query(question)
        if query is None or not rows:
            return [0.0] * len(rows)
        # For some hundred rows this takes two thirds of the time of a set of terms.
        each = [(tantivy.Occur.Should, tantivy.Query.term_query(self._index.schema, "row", row)) for row in rows]
        found = dict(self._run(self._among(query, tantivy.Query.boolean_query(each)), len(rows)))
        return [found.get(row, 0.0) for row in rows]

    def _among(self, query: Any, members: Any) -> Any:
        """Restrict a query to what another finds, which itself adds nothing to a score."""
        unscored = tantivy.Query.const_score_query(members, 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, unscored), (tantivy.Occur.Must, query)])

    def _query(self, question: str, without: Set[str] = frozenset()) -> Any | None:
        schema = self._index.schema
        clauses = []
        for term in question_terms(question):
            if term in without:
                continue
            body = tantivy.Query.term_query(schema, "body", term, "freq")
            title = tantivy.Query.boost_query(tantivy.Query.term_query(schema, "title", term, "freq"), _TITLE_WEIGHT)
            clauses += [(tantivy.Occur.Should, body), (tantivy.Occur.Should, title)]
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _run(self, query: Any, k: int) -> list[Scored]:
        limit = min(k, len(self))
        if limit < 1:
            return []
        hits = self._searcher.search(query, limit, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        found = [(int(row), float(score)) for row, (score, _) in zip(rows, hits, strict=True)]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))
