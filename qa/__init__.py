"""Ask a folder of documents; get the passages that answer, marked at their exact place, or a plain no.

>>> from qa import Retriever
>>> retriever = Retriever.open()
>>> answer = retriever.ask("谁主持了大会")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from qa.errors import QAError as QAError

if TYPE_CHECKING:
    from qa.build import build_index as build_index
    from qa.evaluation import evaluate as evaluate
    from qa.read import read_documents as read_documents
    from qa.search import Retriever as Retriever
    from qa.split import split_document as split_document

_ROOMS = {
    "Retriever": "search",
    "build_index": "build",
    "evaluate": "evaluation",
    "read_documents": "read",
    "split_document": "split",
}

__all__ = ["QAError", "Retriever", "build_index", "evaluate", "read_documents", "split_document"]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"qa.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
