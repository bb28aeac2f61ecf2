"""Pictures of the model report, from the logs and tables in the cache."""

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np

from training.measure import Measure, success
from training.ragged import Ragged

mpl.use("Agg")
from matplotlib import pyplot as plt

SETS = {
    "drcd_dev": "DRCD",
    "cmrc_trial": "CMRC",
    "xquad_zh_zh": "zh→zh",
    "xquad_en_zh": "en→zh",
    "xquad_es_zh": "es→zh",
}


def plot_time(runs: list[Path], out: Path) -> None:
    """Draw success@1 of some sets over the minutes of training, the runs one after the other."""
    minutes, lines, offset = [], [], 0.0
    for run in runs:
        for line in map(json.loads, (run / "log.jsonl").read_text("utf-8").splitlines()):
            minutes.append(offset + line["seconds"] / 60)
            lines.append(line["dev"])
        offset = minutes[-1]
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for name, label in SETS.items():
        axes.plot(minutes, [line[name][0] for line in lines], marker=".", label=label.replace("→", " to "))
    axes.set(xlabel="minutes of training (shared cores)", ylabel="dense success@1", ylim=(0, 1))
    axes.legend(ncols=2, fontsize=8)
    figure.savefig(out, dpi=90)
    plt.close(figure)


def plot_dims(measure: Measure, table: np.ndarray, idf: np.ndarray, out: Path) -> dict[str, dict[int, float]]:
    """Draw success@1 over the number of leading dimensions kept, beside random idf-long vectors; return the figures."""
    widths = [width for width in (64, 128, 256, 384, 512, 576) if width <= table.shape[1]]
    random = np.random.default_rng(1).standard_normal(table.shape).astype(np.float32) * idf[:, None]
    found: dict[str, dict[int, float]] = {}
    for kind, one in (("trained", table), ("random", random)):
        for width in widths:
            for name, places in measure.ranks(np.ascontiguousarray(one[:, :width])).items():
                if name in SETS:
                    found.setdefault(f"{name} {kind}", {})[width] = round(success(places, 1), 4)
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for color, (name, label) in enumerate(SETS.items()):
        for kind, style in (("trained", "-"), ("random", ":")):
            values = found[f"{name} {kind}"]
            title = label.replace("→", " to ") if kind == "trained" else None
            axes.plot(list(values), list(values.values()), style, color=f"C{color}", marker=".", label=title)
    axes.set(xlabel="dimensions (dotted: random vectors as long as idf)", ylabel="dense success@1", ylim=(0, 1))
    axes.legend(ncols=2, fontsize=8)
    figure.savefig(out, dpi=90)
    plt.close(figure)
    return found


def cut_vocabulary(table: np.ndarray, kept: np.ndarray, parts: Ragged) -> np.ndarray:
    """Return the table as if only some tokens were there: the others are the sum of their characters, or nothing.

    :param kept: bool, shape (vocabulary,).
    :param parts: see :func:`training.widen.token_parts`; single characters always stay.
    """
    result = table.copy()
    for token in np.flatnonzero(~kept):
        characters = parts.ids[parts.starts[token] : parts.starts[token + 1]]
        if len(characters) > 1:
            result[token] = table[characters].sum(axis=0)
    return result


def plot_vocabulary(
    measure: Measure, table: np.ndarray, idf: np.ndarray, han: np.ndarray, parts: Ragged, out: Path
) -> dict[int, dict[str, float]]:
    """Draw success@1 over the number of Han pieces kept, the most frequent ones first; return the figures."""
    pieces = np.flatnonzero(han & (np.diff(parts.starts) > 1))
    pieces = pieces[np.argsort(idf[pieces], kind="stable")]
    found = {}
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        kept = np.ones(len(table), dtype=bool)
        kept[pieces[int(share * len(pieces)) :]] = False
        places = measure.ranks(cut_vocabulary(table, kept, parts))
        found[int(kept.sum())] = {name: round(success(one, 1), 4) for name, one in places.items()}
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for name, label in SETS.items():
        axes.plot(list(found), [one[name] for one in found.values()], marker=".", label=label.replace("→", " to "))
    axes.set(xlabel="tokens kept (rarest Chinese words split into characters)", ylabel="dense success@1", ylim=(0, 1))
    axes.legend(ncols=2, fontsize=8)
    figure.savefig(out, dpi=90)
    plt.close(figure)
    return found
