import os
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from qa.errors import IndexLocked, NoDocuments
from qa.records import Built
from qa.watch import watch

Documents = Callable[..., Path]


def built(n: int, *, changed: bool = True) -> Built:
    return Built(f"{n:06d}", n, n, n, (), changed, "exact", 1.0)


def watched(folder: Path, answers: list[Built | Exception], changes: list[Callable[[], object]]) -> list[Built]:
    """Watch until all answers are given; before each but the first, make the next change."""
    stop = Event()
    waiting, left = iter(answers), iter(changes)

    def build() -> Built:
        answer = next(waiting)
        change = next(left, None)
        if change is None:
            stop.set()
        else:
            Thread(target=change).start()
        if isinstance(answer, Exception):
            raise answer
        return answer

    return list(watch(folder, build, stop, interval=0.05))


def test_each_change_is_built_once_and_told_if_it_changed_the_index(documents: Documents) -> None:
    folder = documents(**{"a.txt": "甲"})
    changes = [
        lambda: documents(**{"b.txt": "乙"}),
        lambda: os.utime(folder / "a.txt", (1, 1)),
        (folder / "b.txt").unlink,
    ]
    answers = [built(1), built(2), built(3, changed=False), built(4)]
    assert watched(folder, answers, changes) == [answers[0], answers[1], answers[3]]


def test_a_build_that_could_not_run_is_tried_again(documents: Documents) -> None:
    folder = documents(**{"a.txt": "甲"})
    changes = [lambda: documents(**{"b.txt": "乙"}), lambda: None, lambda: None]
    answers = [built(1), IndexLocked(folder, "x"), NoDocuments(folder, "y"), built(2)]
    assert watched(folder, answers, changes) == [answers[0], answers[3]]


def test_what_stops_the_first_build_is_raised(tmp_path: Path) -> None:
    with pytest.raises(NoDocuments):
        watched(tmp_path / "nowhere", [NoDocuments(tmp_path, "no")], [])
