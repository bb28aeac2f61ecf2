"""Questions that the indexed documents can answer, made from their own sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from qa.records import Document
from qa.text import sentences

_READ_CHARACTERS = 6000
_READ_DOCUMENTS = 60
_TRIED = 24
_TRIED_OF_ONE = 4
_LONGEST_TITLE = 40

_HAN = r"[\u4e00-\u9fff]"
_EVENT = rf"(?P<what>{_HAN}{{0,14}}?(?:会议?|會議?|仪式|儀式|活动|活動|论坛|論壇))"
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"{_EVENT}由[^,\uff0c。;\uff1b]{{2,24}}?(?P<does>主持|主办|主辦|承办|承辦)"), "{what}由谁{does}？"),
    (re.compile(rf"{_HAN}(?:作|做)了?(?P<what>《[^》]{{2,16}}》)"), "谁作了{what}？"),
    (re.compile(rf"{_HAN}{{2,4}}(?P<does>主持)了?{_EVENT}"), "谁{does}{what}？"),
    (re.compile(rf"{_HAN}{{2,4}}(?P<does>致开幕词|致開幕詞|致闭幕词|致閉幕詞)"), "谁{does}？"),
    (
        re.compile(rf"(?:^|[,\uff0c。]){_EVENT}在[^,\uff0c。;\uff1b]{{2,20}}(?P<does>召开|召開|举行|舉行|举办|舉辦)"),
        "{what}在哪里{does}？",
    ),
    (re.compile(rf"(?P<what>{_HAN}{{2,12}}?)(?P<does>成立|创立|創立|建立)[于於](?=\d)"), "{what}什么时候{does}？"),
    (re.compile(rf"\d余?(?P<what>[名位]?{_HAN}{{1,4}}?)(?P<does>参加|參加|参会|參會|出席)"), "有多少{what}{does}？"),
    (
        re.compile(r"(?P<what>[A-Z][\w' -]{2,40}) was (?P<does>founded|built|born|established|published) (?:in|on) "),
        "When was {what} {does}?",
    ),
    (re.compile(r"(?P<what>[A-Z][\w' -]{2,40}) (?:is|was) located in "), "Where is {what}?"),
)


def suggest(documents: Iterable[Document], answers: Callable[[str], bool], most: int = 4) -> list[str]:
    """Return example questions, each from another document where that can be, none that ``answers`` turns down.

    :param answers: whether a question finds an answer; asked a bounded number of times.
    :param most: most questions returned.
    """
    chosen: list[str] = []
    tried: set[str] = set()
    for document in islice(documents, _READ_DOCUMENTS):
        for question in islice(_questions(document), _TRIED_OF_ONE):
            if question in tried:
                continue
            if len(chosen) == most or len(tried) == _TRIED:
                return chosen
            tried.add(question)
            if answers(question):
                chosen.append(question)
                break
    return chosen


def _questions(document: Document) -> Iterator[str]:
    """Yield the questions that the shapes make of a document, shape by shape, then one about what it is."""
    text = document.text[:_READ_CHARACTERS]
    lines = [text[start:end] for start, end in sentences(text)]
    for shape, question in _SHAPES:
        for line in lines:
            match = shape.search(line)
            if match is not None:
                yield question.format(**match.groupdict())
                break
    # A title that is no more than the file's name stands nowhere in the text.
    if document.title and len(document.title) <= _LONGEST_TITLE and document.title in text:
        chinese = re.search(_HAN, document.title) is not None
        yield f"《{document.title}》讲了什么？" if chinese else f"What does “{document.title}” say?"
