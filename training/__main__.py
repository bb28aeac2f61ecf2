"""``python -m training --data DIR --out qa/builtin``: from the data folder to the shipped files, stage by stage."""

import json
from pathlib import Path

import click
import numpy as np
import torch

from training.clean import clean_sources
from training.export import export
from training.measure import Measure, figures, interval, success
from training.recipe import (
    STAGES,
    evaluation,
    idf_stage,
    pairs_stage,
    random_table,
    run_stage,
    taught_stage,
    tokenizer_stage,
)

_HERE = Path(__file__).parent


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), default=_HERE / ".cache", show_default=True)
@click.option(
    "--never",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    default=[_HERE.parent / "seeds"],
    help="Folders whose text must not be trained on, besides DATA/dev.",
)
@click.option(
    "--minutes", type=float, default=90.0, show_default=True, help="Most time for all training steps together."
)
@click.option("--teacher/--no-teacher", default=True, show_default=True)
@click.option("--dev/--no-dev", default=True, show_default=True, help="Measure on DATA/dev while training.")
def main(
    data: Path, out: Path, cache: Path, never: tuple[Path, ...], minutes: float, *, teacher: bool, dev: bool
) -> None:
    """Train the built-in model. Every stage is kept in the cache; a second run goes on where the first stopped."""
    torch.set_num_threads(1)
    cache.mkdir(parents=True, exist_ok=True)
    held_out = [folder for folder in (data / "dev", *never) if folder.exists()]
    click.echo(json.dumps(clean_sources(data, cache, held_out)))
    tokenizer = tokenizer_stage(cache)
    kinds = pairs_stage(cache, tokenizer)
    idf = idf_stage(kinds, tokenizer.get_vocab_size())
    measure = Measure(data / "dev", tokenizer) if dev and (data / "dev").exists() else None
    loss = None
    if teacher:
        kinds["taught"], loss = taught_stage(cache, tokenizer)
    table, steps = random_table(idf, STAGES[0].settings.dims), sum(stage.settings.steps for stage in STAGES)
    for stage in STAGES:
        table = run_stage(
            stage,
            cache / "runs" / stage.name,
            table,
            kinds,
            tokenizer,
            idf,
            minutes=minutes * stage.settings.steps / steps,
            measure=measure,
            teacher=loss if stage.learned else None,
        )
    size = export(out, table, idf, tokenizer, (_HERE / "card.md").read_text("utf-8"))
    click.echo(f"{out}: {size / 1e6:.1f} MB")
    if measure:
        report(measure, table, idf)


def report(measure: Measure, table: np.ndarray, idf: np.ndarray) -> None:
    """Print the figures of the dense leg with their 95 % intervals, and of late interaction on the small sets."""
    click.echo(json.dumps(evaluation(measure)(table)["headline"]))
    late = figures(measure.late_ranks(table, idf))
    for name, found in measure.ranks(table).items():
        cells = [
            f"{success(found, k):.3f} [{low:.3f}, {high:.3f}]" for k in (1, 10) for low, high in [interval(found, k)]
        ]
        click.echo(f"| {name} | {len(found)} | {' | '.join(cells)} | {late.get(name, '')} |")


if __name__ == "__main__":
    main()
