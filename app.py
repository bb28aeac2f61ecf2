"""Start the web chat: ``python app.py [--host H] [--port P] [--index DIR]``; ``--help`` lists what a server needs."""

from __future__ import annotations

import os
import sys
import threading
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from qa.errors import QAError

if TYPE_CHECKING:
    from socket import socket

    from qa.accesslog import AccessLog, App
    from qa.auth import Accounts
    from qa.live import Live
    from qa.uploads import Shelf

_SEEDS = Path("seeds")
# Questions asked at once share the cores: threads of one small product that wait for each other's turn spin meanwhile.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_ENVIRONMENT = "environment"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=7860, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option(
    "--index", "index", default="index", show_default=True, type=click.Path(path_type=Path), help="Index folder."
)
@click.option(
    "--allow-upload",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Let visitors add documents to DIR and remove them; the index is the one of DIR. seeds/ is never edited.",
)
@click.option(
    "--upload-limit", metavar="MIB", default=20, show_default=True, type=click.IntRange(1, 64), help="Most of one file."
)
@click.option(
    "--auth",
    metavar="[FILE]",
    is_flag=False,
    flag_value=_ENVIRONMENT,
    help="Ask for name and password. FILE holds lines that `qa password` makes; without FILE, QA_ACCOUNTS does.",
)
@click.option(
    "--rate",
    metavar="N",
    default=120,
    show_default=True,
    type=click.IntRange(0),
    help="Most questions a minute from one other machine; 0 for no limit.",
)
@click.option(
    "--access-log", metavar="FILE", type=click.File("a", "utf-8"), help="Append JSON lines; - is standard output."
)
@click.option("--log-questions", is_flag=True, help="Write the text of questions into the access log too.")
@click.option("--root-path", metavar="PATH", default="", help="Path below which a proxy offers the chat, as /qa.")
@click.option("--mcp", is_flag=True, help="Answer MCP clients at /gradio_api/mcp/ (extra: mcp).")
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
@click.option("--store", help="A store to which the index was published, in the place of --index.")
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, writable=True),
    help="Keep feedback and logins in DIR instead, which several servers may share. [default: beside the index folder]",
)
@click.option("--reranker", help="A cross-encoder by name or path, to judge the first passages found.")
def main(
    host: str,
    port: int,
    index: Path,
    folder: Path | None,
    upload_limit: int,
    auth: str | None,
    rate: int,
    access_log: TextIO | None,
    log_questions: bool,
    root_path: str,
    mcp: bool,
    feedback: bool,
    evaluation: bool | None,
    questions: tuple[Path, ...],
    store: str | None,
    state: Path | None,
    reranker: str | None,
) -> None:
    """Serve the chat over an index; an index that is missing is built from seeds/ (or the folder of uploads) first."""
    if store is not None and folder is not None:
        raise click.UsageError("--allow-upload changes the folder index of --index; leave --store out")
    from qa.arenas import share_arenas  # noqa: PLC0415  (--help and wrong usage need no engine)

    share_arenas()
    from qa.feedback import FeedbackFiles  # noqa: PLC0415
    from qa.limits import Limits  # noqa: PLC0415
    from qa.live import Library  # noqa: PLC0415
    from qa.logins import logins_file  # noqa: PLC0415
    from qa.service import Service  # noqa: PLC0415

    listener = _listen(host, port)
    measured = is_this_machine(host) if evaluation is None else evaluation
    try:
        accounts, shelf = _accounts(auth), _shelf(folder, upload_limit)
        live = _open(index, store, folder, reranker)
        service = Service(
            accounts=accounts,
            logins=logins_file(index, state),
            limits=Limits(a_minute=rate, upload_bytes=shelf.limits.request_bytes if shelf is not None else 0),
            log=_access_log(access_log, log_questions),
            library=Library(live, shelf) if shelf is not None else None,
            mcp=mcp,
            root_path=root_path,
        )
        from qa.chat import build_app  # noqa: PLC0415  (Gradio takes seconds, what is wrong is told before)

        app = build_app(
            live,
            service,
            feedback=FeedbackFiles(index, state) if feedback else None,
            question_files=offered(questions) if measured else None,
        )
    except QAError as error:
        _stop(str(error))
    _serve(app, live, listener)


def _listen(host: str, port: int) -> socket:
    from qa.web import listen  # noqa: PLC0415

    try:
        return listen(host, port)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        _stop(f"{host}:{port}: cannot listen there ({reason}). Run: python app.py --port {port + 1}")


def _accounts(auth: str | None) -> Accounts | None:
    from qa.auth import read_accounts  # noqa: PLC0415

    return None if auth is None else read_accounts(None if auth == _ENVIRONMENT else Path(auth))


def _shelf(folder: Path | None, upload_limit: int) -> Shelf | None:
    """Return the folder that visitors may change; never the one of the seeds."""
    from qa.uploads import Shelf, UploadLimits  # noqa: PLC0415

    if folder is None:
        return None
    return Shelf(folder, UploadLimits(file_bytes=upload_limit << 20), kept=[_SEEDS, Path(__file__).parent / _SEEDS])


def _open(index: Path, store: str | None, folder: Path | None, reranker: str | None) -> Live:
    """Open a store, or an index, which is built first if it is missing."""
    from qa.build import ensure_index  # noqa: PLC0415
    from qa.live import Live  # noqa: PLC0415

    if store is None:
        ensure_index(index, folder or _SEEDS, say=lambda line: click.echo(line, err=True))
    return Live(store or index, reranker=reranker)


def _access_log(file: TextIO | None, questions: bool) -> AccessLog | None:
    from qa.accesslog import AccessLog  # noqa: PLC0415

    return None if file is None else AccessLog(file, questions=questions)


def _serve(app: App, live: Live, listener: socket) -> None:
    """Serve until told to stop; what is built meanwhile is taken up."""
    from qa.stack import hasten  # noqa: PLC0415
    from qa.web import address_of, serve  # noqa: PLC0415

    hasten()
    threading.Thread(target=live.follow, args=(threading.Event(),), daemon=True).start()
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
