"""The command line: ``qa index``, ``qa ask``, ``qa evaluate``, ``qa why``, ``qa doctor``, ``qa password``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qa.errors import QAError, UnreadableFile
from qa.records import Built

if TYPE_CHECKING:
    from qa.embed import Encoder

INDEX = click.option(
    "--index", default="index", show_default=True, type=click.Path(path_type=Path), help="The index folder."
)
RERANKER = click.option("--reranker", help="A cross-encoder by name or path, to judge the first passages found.")
STORE = click.option("--store", help="A store to which the index was published, in the place of --index.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wenda", prog_name="qa")
def cli() -> None:
    """Ask a folder of documents; get the passages that answer, or a plain no."""


@cli.command()
@click.argument("documents", default="seeds", type=click.Path(path_type=Path))
@INDEX
@click.option(
    "--model",
    help="A sentence-transformers model by name or path; openvino:NAME runs its OpenVINO export. "
    "[default: the index's own, else builtin]",
)
@click.option("--rebuild", is_flag=True, help="Read and embed everything again, whatever is there.")
@click.option("--exact", is_flag=True, help="Search all vectors in full, however many there are.")
@click.option("--rollback", is_flag=True, help="Go back to the index before the last build; DOCUMENTS are not read.")
@click.option("--watch", is_flag=True, help="Stay and build after every change, until Ctrl-C.")
@click.option("--store", help="Publish the index to milvus+http://HOST:PORT/COLLECTION or milvus+file:PATH.db.")
@click.option(
    "--ray",
    is_flag=False,
    flag_value="local",
    metavar="[ADDRESS]",
    help="Embed in several processes, or on the Ray cluster at HOST:PORT.",
)
@JSON
def index(
    documents: Path,
    index: Path,
    model: str | None,
    rebuild: bool,
    exact: bool,
    rollback: bool,
    watch: bool,
    store: str | None,
    ray: str | None,
    as_json: bool,
) -> None:
    """Build the index of DOCUMENTS (a folder, by default seeds/), or bring it up to date.

    Only new or changed files are read and only new text is embedded. Files that cannot be read are named and left
    out. A build that was interrupted goes on where it stopped.
    """
    if rollback and (rebuild or exact or watch or model or store or ray):
        raise click.UsageError("--rollback goes with no option but --index and --json.")
    if rollback:
        _roll_back(index, as_json)
        return
    from qa.build import build_index  # noqa: PLC0415
    from qa.milvus import parse_address  # noqa: PLC0415

    if store is not None:
        parse_address(store)

    def build() -> Built:
        with _progress("passages") as step, _spread(ray) as spread:
            settings: dict[str, Any] = {"model": model, "rebuild": rebuild, "exact": exact, "spread": spread}
            built = build_index(documents, index, **settings, progress=step)
        if store is not None:
            _publish(index, store)
        return built

    if not watch:
        _report(index, build(), as_json)
        return
    from threading import Event  # noqa: PLC0415

    from qa.watch import watch as watching  # noqa: PLC0415

    try:
        for built in watching(documents, build, Event()):
            _report(index, built, as_json)
    except KeyboardInterrupt:
        click.echo(f"{index}: no longer watching {documents}", err=True)


def _publish(index: Path, store: str) -> None:
    from qa.stores import publish  # noqa: PLC0415

    with _progress("passages published") as step:
        done = publish(index, store, step)
    click.echo(f"{store}: {'published' if done else 'up to date'}", err=True)


@contextmanager
def _spread(ray: str | None) -> Iterator[Callable[[Encoder], Encoder] | None]:
    if ray is None:
        yield None
        return
    from qa.ray_embed import Cluster  # noqa: PLC0415

    with redirect_stdout(sys.stderr), Cluster(ray) as cluster:  # Ray prints what happens to its workers
        yield cluster


def _roll_back(index: Path, as_json: bool) -> None:
    from qa.lock import writing  # noqa: PLC0415
    from qa.store import roll_back  # noqa: PLC0415

    with writing(index):
        manifest = roll_back(index)
    if as_json:
        _print_json({"generation": manifest.generation, "documents": manifest.documents, "passages": manifest.passages})
    else:
        click.echo(
            f"{index}: back to {manifest.generation}, {manifest.documents} documents, {manifest.passages} passages"
        )


def _report(index: Path, built: Built, as_json: bool) -> None:
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
                "search": built.search,
                "recall@10": built.recall,
            }
        )
        return
    for item in built.skipped:
        click.echo(f"left out {item.path}: {item.reason}", err=True)
    state = f"{built.embedded} embedded" if built.changed else "nothing changed"
    left_out = f", {len(built.skipped)} files left out" if built.skipped else ""
    quick = f", compressed search with recall@10 {built.recall:.3f}" if built.search == "scan" else ""
    click.echo(f"{index}: {built.documents} documents, {built.passages} passages, {state}{left_out}{quick}")


@cli.command()
@click.argument("question")
@click.option("-k", default=5, show_default=True, type=click.IntRange(1), help="How many passages to show.")
@INDEX
@STORE
@RERANKER
@JSON
def ask(question: str, k: int, index: Path, store: str | None, reranker: str | None, as_json: bool) -> None:
    """Print the answer to QUESTION and its sources.

    Without an index, one is built from seeds/ first.
    """
    from qa.build import ensure_index  # noqa: PLC0415
    from qa.plain import to_text  # noqa: PLC0415
    from qa.search import Retriever  # noqa: PLC0415
    from qa.show import to_json  # noqa: PLC0415

    if store is None:
        ensure_index(index, say=lambda line: click.echo(line, err=True))
    answer = Retriever.open(store or index, reranker=reranker).ask(question, k)
    if as_json:
        _print_json(to_json(answer))
    else:
        click.echo(to_text(answer, colour=sys.stdout.isatty()))


@cli.command()
@click.argument("questions", type=click.Path(path_type=Path))
@INDEX
@STORE
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="How many hits to ask for.")
@click.option("--model", help="The embedding model of a temporary index. [default: builtin]")
@RERANKER
@click.option("--corpus", type=click.Path(path_type=Path), help="Measure a JSON Lines set on this folder of documents.")
@click.option(
    "--compare", type=click.Path(path_type=Path), help="A report saved with --json, to set the new one beside."
)
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the confidence's reliability into this SVG file.")
@click.option(
    "--without-gold",
    default=0.0,
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Take this share of its passages from a set that brings its own; their questions must be declined.",
)
@click.option("--calibrate", is_flag=True, help="Fit the confidence to QUESTIONS; the index uses it from then on.")
@click.option(
    "--cost-wrong",
    type=click.FloatRange(0, 1e6, min_open=True),
    help="With --calibrate: what a wrong answer costs where declining a right one costs 1. [default: as shipped]",
)
@JSON
def evaluate(
    questions: Path,
    index: Path,
    store: str | None,
    k: int,
    model: str | None,
    reranker: str | None,
    corpus: Path | None,
    compare: Path | None,
    plot: Path | None,
    without_gold: float,
    calibrate: bool,
    cost_wrong: float | None,
    as_json: bool,
) -> None:
    """Measure retrieval on QUESTIONS.

    QUESTIONS is a JSON Lines file about the index, a SQuAD file, or a BEIR folder; the last two bring their own
    passages. Figures come with 95 % bootstrap intervals.
    """
    if calibrate and (model or corpus or without_gold or reranker or store):
        raise click.UsageError(
            "--calibrate fits the index's own confidence; no --model, --reranker, --corpus, --without-gold or --store"
        )
    if cost_wrong is not None and not calibrate:
        raise click.UsageError("--cost-wrong needs --calibrate")
    from qa.build import ensure_index  # noqa: PLC0415
    from qa.evaluation import calibrate_index  # noqa: PLC0415
    from qa.evaluation import evaluate as measure  # noqa: PLC0415
    from qa.plots import reliability_to_svg  # noqa: PLC0415
    from qa.report import compare as set_beside  # noqa: PLC0415
    from qa.report import read_report, render, render_comparison, render_fit  # noqa: PLC0415

    old = read_report(compare) if compare is not None else None
    if questions.suffix == ".jsonl" and corpus is None and store is None:
        ensure_index(index, say=lambda line: click.echo(line, err=True))
    calibration = None
    with _progress("questions") as step:
        if calibrate:
            report, calibration = calibrate_index(questions, index, k, cost=cost_wrong, progress=step)
        else:
            report = measure(
                questions,
                store or index,
                k,
                model=model,
                corpus=corpus,
                reranker=reranker,
                without_gold=without_gold,
                progress=step,
            )
    if plot is not None:
        _write(plot, reliability_to_svg(report.figures["declined"]["bins"]) + "\n")
    comparison = set_beside(old, report) if old is not None else None
    if as_json:
        added = {"comparison": comparison, "calibration": asdict(calibration) if calibration else None}
        _print_json({**report.figures, **{name: value for name, value in added.items() if value}})
        return
    click.echo(render(report.figures))
    if calibration is not None:
        click.echo(
            f"\nconfidence fitted to {questions}, in use for {index} from now on\n\n{render_fit(calibration.fit)}"
        )
    if comparison is not None:
        click.echo("\n" + render_comparison(comparison))


@cli.command()
@click.argument("question")
@click.option("--expect", required=True, help="Words of a document that should answer.")
@click.option("-k", default=5, show_default=True, type=click.IntRange(1), help="How many passages count as shown.")
@INDEX
@STORE
@JSON
def why(question: str, expect: str, k: int, index: Path, store: str | None, as_json: bool) -> None:
    """Say where the passage with the expected words stands for QUESTION, or which step lost it."""
    from qa import why as tracing  # noqa: PLC0415
    from qa.search import Retriever  # noqa: PLC0415

    trace = tracing.why(Retriever.open(store or index), question, expect, k)
    if as_json:
        _print_json(tracing.to_json(trace))
    else:
        click.echo(tracing.to_text(trace))


@cli.command()
@INDEX
@STORE
def doctor(index: Path, store: str | None) -> None:
    """Check the installation and the index; say what to run. Exits with 1 if anything is wrong."""
    from qa.doctor import examine  # noqa: PLC0415

    findings = []
    for finding in examine(store or index):
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


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UnreadableFile(path, f"cannot be written: {error.strerror or error}") from error


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
