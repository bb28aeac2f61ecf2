"""The retriever in use: when the index has a new generation it takes the old one's place while questions go on."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from qa.build import Report, build_index
from qa.cross import Reranker, load_reranker
from qa.embed import Encoder
from qa.errors import QAError, UploadRefused
from qa.records import FileState
from qa.search import Retriever
from qa.store import open_generation
from qa.stores import is_address, newest
from qa.uploads import Admission, Incoming, Shelf

_SECONDS_BETWEEN_LOOKS = 2.0
_log = logging.getLogger(__name__)


class Live:
    """An index folder, or a store's address, and the retriever that reads the generation in use there.

    Whoever keeps :attr:`now` for one question reads one generation from beginning to end; the old one is closed when
    nobody holds it any more.
    """

    def __init__(
        self, index: str | Path, *, encoder: Encoder | None = None, reranker: str | Path | Reranker | None = None
    ) -> None:
        """Open an index as :meth:`Retriever.open` does."""
        self.index = str(index) if is_address(index) else Path(index)
        self._reranker = load_reranker(reranker) if isinstance(reranker, str | Path) else reranker
        self._opening = threading.Lock()
        self._seen = newest(self.index)
        self._now = _closing(Retriever.open(self.index, encoder=encoder, reranker=self._reranker))

    @property
    def now(self) -> Retriever:
        """The retriever of the newest generation."""
        return self._now

    def refresh(self) -> bool:
        """Take up the generation that is in use by now; return whether it is another one.

        :raises IndexProblem, ModelProblem, StoreProblem: if it cannot be opened; the old one stays in use.
        """
        with self._opening:
            seen = newest(self.index)
            if seen == self._seen:
                return False
            self._now = _closing(Retriever.open(self.index, reranker=self._reranker, allow_stale=True))
            self._seen = seen
        return True

    def follow(self, stopped: threading.Event, every: float = _SECONDS_BETWEEN_LOOKS) -> None:
        """Take up new generations, whoever builds them, until ``stopped`` is set. Runs in a thread of its own."""
        troubled = ""
        while not stopped.wait(every):
            try:
                self.refresh()
                troubled = ""
            except QAError as error:
                if str(error) != troubled:
                    _log.warning("the old generation stays in use: %s", error)
                troubled = str(error)


class Library:
    """The documents folder and its index, changed together: one change at a time, each undone if it fails."""

    def __init__(self, live: Live, shelf: Shelf) -> None:
        """Join an index with the folder that it was built from.

        :raises UploadRefused: if it was built from another folder.
        """
        built_from = live.now.manifest.folder
        if not built_from or Path(built_from).resolve() != shelf.folder:
            raise UploadRefused(
                str(shelf.folder),
                f"{live.index} was built from {built_from or 'no folder'}. "
                f"Run: python app.py --index my-index --allow-upload {shelf.folder}",
            )
        self.live = live
        self.shelf = shelf
        self._folder = built_from
        self._index = Path(live.index)
        self._changing = threading.Lock()

    def add(self, files: Sequence[Incoming], progress: Report | None = None) -> Admission:
        """Move files into the folder and index them; questions are answered from the old generation meanwhile.

        :return: what was added, and what was refused with the reason; never raises for a single file.
        :raises QAError: if the index cannot be built; the folder is then as it was.
        """
        with self._changing, self.shelf.adding(files, self._indexed()) as admission:
            if admission.added:
                self._build(progress)
        return admission

    def remove(self, ids: Sequence[str], progress: Report | None = None) -> tuple[str, ...]:
        """Delete documents from the folder and the index.

        :return: the ids of what was removed.
        :raises QAError: if one is not there or the index cannot be built; the folder is then as it was.
        """
        with self._changing, self.shelf.removing(ids) as removed:
            if removed:
                self._build(progress)
        return removed

    def _indexed(self) -> dict[str, FileState]:
        with closing(open_generation(self._index).passages) as passages:
            return passages.files()

    def _build(self, progress: Report | None) -> None:
        build_index(self._folder, self._index, progress=progress)
        self.live.refresh()


def in_use(opened: Retriever | Live) -> Retriever:
    """Return the retriever to answer one question with."""
    return opened.now if isinstance(opened, Live) else opened


def _closing(retriever: Retriever) -> Retriever:
    """Have a retriever's files closed when the last question that reads them is answered."""
    weakref.finalize(retriever, retriever.passages.close)
    return retriever
