"""Start the web chat: ``python app.py [--host H] [--port P] [--index DIR]``."""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

import click

from qa.errors import QAError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=7860, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option(
    "--index", "index", default="index", show_default=True, type=click.Path(path_type=Path), help="Index folder."
)
@click.option(
    "--feedback/--no-feedback",
    default=True,
    show_default=True,
    help="Let people say whether a passage answers; kept beside the index folder in INDEX.feedback.jsonl, a question "
    "file for qa evaluate.",
)
@click.option(
    "--evaluation/--no-evaluation",
    default=None,
    help="Let visitors run question sets, which takes the machine's time for minutes. On by default only if HOST is "
    "this machine itself; behind a proxy say --no-evaluation.",
)
@click.option(
    "--questions",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A labelled question file to offer for evaluation; may be given several times. "
    "[default: questions/seeds.jsonl, if it is there]",
)
def main(
    host: str, port: int, index: Path, feedback: bool, evaluation: bool | None, questions: tuple[Path, ...]
) -> None:
    """Serve the chat over an index; an index that is missing is built from seeds/ first."""
    from qa.build import ensure_index  # noqa: PLC0415  (--help and wrong usage need no engine)
    from qa.chat import build_app  # noqa: PLC0415
    from qa.feedback import FeedbackFiles  # noqa: PLC0415
    from qa.search import Retriever  # noqa: PLC0415
    from qa.web import address_of, listen, serve  # noqa: PLC0415

    try:
        listener = listen(host, port)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        _stop(f"{host}:{port}: cannot listen there ({reason}). Run: python app.py --port {port + 1}")
    measured = is_this_machine(host) if evaluation is None else evaluation
    try:
        ensure_index(index, say=lambda line: click.echo(line, err=True))
        app = build_app(
            Retriever.open(index),
            feedback=FeedbackFiles(index) if feedback else None,
            question_files=offered(questions) if measured else None,
        )
    except QAError as error:
        _stop(str(error))
    click.echo(f"Open {address_of(listener)} (Ctrl-C stops)", err=True)
    serve(app, listener)


def is_this_machine(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def offered(questions: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the question files to offer: those that were named, or else the ones of the seeds."""
    return questions or tuple(path for path in (Path("questions/seeds.jsonl"),) if path.is_file())


def _stop(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
