"""Start the web chat: ``python app.py [--host H] [--port P] [--index DIR | --store ADDRESS]``."""

from __future__ import annotations

import os
import sys
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
@click.option("--store", help="A store to which the index was published, in the place of --index.")
def main(host: str, port: int, index: Path, store: str | None) -> None:
    """Serve the chat over an index; an index that is missing is built from seeds/ first."""
    from qa.build import ensure_index  # noqa: PLC0415  (--help and wrong usage need no engine)
    from qa.chat import build_app  # noqa: PLC0415
    from qa.search import Retriever  # noqa: PLC0415
    from qa.web import address_of, listen, serve  # noqa: PLC0415

    try:
        listener = listen(host, port)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        _stop(f"{host}:{port}: cannot listen there ({reason}). Run: python app.py --port {port + 1}")
    try:
        if store is None:
            ensure_index(index, say=lambda line: click.echo(line, err=True))
        app = build_app(Retriever.open(store or index))
    except QAError as error:
        _stop(str(error))
    click.echo(f"Open {address_of(listener)} (Ctrl-C stops)", err=True)
    serve(app, listener)


def _stop(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
