"""The command line: ``qa index``, ``qa ask``, ``qa evaluate``, ``qa why``, ``qa doctor``, ``qa password``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from qa.errors import QAError

INDEX = click.option(
    "--index", default="index", show_default=True, type=click.Path(path_type=Path), help="The index folder."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wenda", prog_name="qa")
def cli() -> None:
    """Ask a folder of documents; get the passages that answer, or a plain no."""


@cli.command()
@click.argument("documents", default="seeds", type=click.Path(path_type=Path))
@INDEX
@click.option("--model", help="A sentence-transformers model by name or path. [default: the index's own, else builtin]")
@click.option("--rebuild", is_flag=True, help="Embed everything again, whatever is there.")
@JSON
def index(documents: Path, index: Path, model: str | None, rebuild: bool, as_json: bool) -> None:
    """Build the index of DOCUMENTS (a folder, by default seeds/), or bring it up to date.

    Only new or changed text is embedded. Files that cannot be read are named and left out.
    """
    from qa.build import build_index  # noqa: PLC0415

    with _progress("passages") as step:
        built = build_index(documents, index, model=model, rebuild=rebuild, progress=step)
    if as_json:
        skipped = [{"path": item.path, "reason": item.reason} for item in built.skipped]
        _print_json(
            {
                "generation": built.generation,
                "documents": built.documents,
                "passages": built.passages,
                "embedded": built.embedded,
                "changed": built.changed,
                "skipped": skipped,
            }
        )
        return
    for item in built.skipped:
        click.echo(f"left out {item.path}: {item.reason}", err=True)
    state = f"{built.embedded} embedded" if built.changed else "nothing changed"
    left_out = f", {len(built.skipped)} files left out" if built.skipped else ""
    click.echo(f"{index}: {built.documents} documents, {built.passages} passages, {state}{left_out}")


@cli.command()
@click.argument("question")
@click.option("-k", default=5, show_default=True, type=click.IntRange(1), help="How many passages to show.")
@INDEX
@JSON
def ask(question: str, k: int, index: Path, as_json: bool) -> None:
    """Print the answer to QUESTION and its sources.

    Without an index, one is built from seeds/ first.
    """
    from qa.build import ensure_index  # noqa: PLC0415
    from qa.search import Retriever  # noqa: PLC0415
    from qa.show import to_json, to_text  # noqa: PLC0415

    ensure_index(index, say=lambda line: click.echo(line, err=True))
    answer = Retriever.open(index).ask(question, k)
    if as_json:
        _print_json(to_json(answer))
    else:
        click.echo(to_text(answer, colour=sys.stdout.isatty()))


@cli.command()
@click.argument("questions", type=click.Path(path_type=Path))
@INDEX
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="How many hits to ask for.")
@click.option("--model", help="The embedding model of a temporary index. [default: builtin]")
@click.option("--corpus", type=click.Path(path_type=Path), help="Measure a JSON Lines set on this folder of documents.")
@click.option(
    "--compare", type=click.Path(path_type=Path), help="A report saved with --json, to set the new one beside."
)
@JSON
def evaluate(
    questions: Path, index: Path, k: int, model: str | None, corpus: Path | None, compare: Path | None, as_json: bool
) -> None:
    """Measure retrieval on QUESTIONS.

    QUESTIONS is a JSON Lines file about the index, a SQuAD file, or a BEIR folder; the last two bring their own
    passages. Figures come with 95 % bootstrap intervals.
    """
    from qa.build import ensure_index  # noqa: PLC0415
    from qa.evaluation import evaluate as measure  # noqa: PLC0415
    from qa.report import compare as set_beside  # noqa: PLC0415
    from qa.report import read_report, render, render_comparison  # noqa: PLC0415

    old = read_report(compare) if compare is not None else None
    if questions.suffix == ".jsonl" and corpus is None:
        ensure_index(index, say=lambda line: click.echo(line, err=True))
    with _progress("questions") as step:
        report = measure(questions, index, k, model=model, corpus=corpus, progress=step)
    comparison = set_beside(old, report) if old is not None else None
    if as_json:
        _print_json({**report.figures, **({"comparison": comparison} if comparison else {})})
        return
    click.echo(render(report.figures))
    if comparison is not None:
        click.echo("\n" + render_comparison(comparison))


@cli.command()
@click.argument("question")
@click.option("--expect", required=True, help="Words of a document that should answer.")
@click.option("-k", default=5, show_default=True, type=click.IntRange(1), help="How many passages count as shown.")
@INDEX
@JSON
def why(question: str, expect: str, k: int, index: Path, as_json: bool) -> None:
    """Say where the passage with the expected words stands for QUESTION, or which step lost it."""
    from qa import why as tracing  # noqa: PLC0415
    from qa.search import Retriever  # noqa: PLC0415

    trace = tracing.why(Retriever.open(index), question, expect, k)
    if as_json:
        _print_json(tracing.to_json(trace))
    else:
        click.echo(tracing.to_text(trace))


@cli.command()
@INDEX
def doctor(index: Path) -> None:
    """Check the installation and the index; say what to run. Exits with 1 if anything is wrong."""
    from qa.doctor import examine  # noqa: PLC0415

    findings = []
    for finding in examine(index):
        findings.append(finding)
        mark = click.style("ok  ", fg="green") if finding.well else click.style("BAD ", fg="red")
        click.echo(f"{mark}{finding.name}: {finding.detail}")
    if not all(finding.well for finding in findings):
        sys.exit(1)


@cli.command()
@click.argument("name")
@click.password_option(help="Asked for, unseen, if it is not given.")
def password(name: str, password: str) -> None:
    """Print the line that lets NAME into the web chat: for the file of `app.py --auth FILE`, or for QA_ACCOUNTS.

    The line holds a scrypt hash, never the password.
    """
    from qa.auth import make_line  # noqa: PLC0415

    click.echo(make_line(name, password))


@contextmanager
def _progress(unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error while a terminal is there to see it."""
    from tqdm import tqdm  # noqa: PLC0415

    with tqdm(unit=f" {unit}", disable=None, leave=False) as bar:

        def step(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield step


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def main() -> None:
    """Run the command line; a ``QAError`` becomes one line on standard error and exit code 1."""
    try:
        cli(prog_name="qa")
    except QAError as error:
        click.echo(" ".join(str(error).split()), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
