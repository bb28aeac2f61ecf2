"""What a fault is, how one round of it is judged, and the two small collections that most rounds build."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qa.build import build_index
from qa.embed import Encoder, load_encoder
from qa.errors import QAError
from qa.search import Retriever
from qa.show import to_json
from qa.stack import hasten

RIGHT, TOLD, WRONG = "right", "told", "WRONG"
QUESTIONS = ("谁主持了大会", "年假有几天?", "Who gave the closing speech?", "如何做红烧肉")
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One round: ``RIGHT`` (as if nothing had happened), ``TOLD`` (a ``QAError``) or ``WRONG``, and what was seen."""

    verdict: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to try: ``run(n, folder)`` does round n, the same each time, in a scratch folder that rounds share.

    ``rounds`` are tried in a long run, the first ``quick`` of them in the test suite. A round longer than ``limit``
    seconds counts as a hang.
    """

    name: str
    run: Callable[[int, Path], Outcome]
    rounds: int
    quick: int
    limit: float = 600


@cache
def encoder() -> Encoder:
    """Return the built-in model, loaded once a process; torch computes from then on, so that answers stay alike."""
    hasten()
    return load_encoder()


def judge(action: Callable[[], object], expected: Collection[object]) -> Outcome:
    """Do something and say how it ended; any exception but a ``QAError`` is wrong, and so is an unexpected value."""
    try:
        got = action()
    except QAError as error:
        return Outcome(TOLD, type(error).__name__)
    except BaseException as error:  # a panic of a native library is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        return Outcome(WRONG, f"{type(error).__name__}: {str(error)[:300]}")
    if got in expected:
        return Outcome(RIGHT)
    return Outcome(WRONG, f"unexpected: {str(got)[:300]}")


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the first wrong outcome, else the first that was told, else that all is right."""
    found = list(outcomes)
    for verdict in (WRONG, TOLD):
        for outcome in found:
            if outcome.verdict == verdict:
                return outcome
    return Outcome(RIGHT)


def collection(folder: Path, version: str) -> Path:
    """Write the documents of one version, unless they are there, and return their folder."""
    target = folder / version
    if target.is_dir():
        return target
    aside = folder / f".{version}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    chair, days = ("张立东", "五") if version == BEFORE else ("李向阳", "十二")
    texts = {
        "会议/大会.txt": f"职工代表大会召开\n2024年3月1日上午,大会由工会主席{chair}主持,一百二十名代表参加了会议。\n"
        "院长作了题为《同心协力再出发》的工作报告,总结了一年来的工作。",
        "制度.md": f"# 请假制度\n\n职工入职满一年后,每年享有{days}天年假,须提前一周向科室主任提出申请。\n\n"
        "病假凭医院证明,事假由科室主任批准。",
        "speech.html": "<title>Annual meeting</title><p>The annual meeting was held on Monday in the main hall.</p>"
        f"<p>The closing speech was given by Dr. {'Helen Carter' if version == BEFORE else 'Martin Hale'}.</p>",
        **{f"通知/{n}.txt": f"第{n}号通知\n{n}月{n}日起,{n}号楼的电梯将停运检修,请走东侧楼梯。" for n in range(1, 9)},
    }
    for name, text in texts.items():
        path = aside / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return aside.rename(target)


def answers(index: Path) -> str:
    """Return everything that the index answers to ``QUESTIONS``, as one value that can be compared."""
    retriever = Retriever.open(index, encoder=encoder())
    try:
        return str([to_json(retriever.ask(question)) for question in QUESTIONS])
    finally:
        retriever.passages.close()


@cache
def expected(folder: Path, version: str) -> str:
    """Return what a sound index of one version answers."""
    index = folder / f"sound-{version}"
    build_index(collection(folder, version), index, model=encoder())
    return answers(index)


def rebuilt(folder: Path, version: str, index: Path) -> Any:
    """Build one version over whatever is in ``index`` and return what it answers then."""
    build_index(collection(folder, version), index, model=encoder())
    return answers(index)
