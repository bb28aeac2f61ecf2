"""Small pictures of an evaluation, as inline SVG. Pure: numbers and words in, markup out.

Colours are classes of the page's style. Every picture names itself and its figures for those who cannot see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qa.show import escape

_WIDTH = 320
_ROW = 26
_LABEL = 92
_BAR = 118
_SIDE = 220
_LEFT, _TOP = 60, 14
_BINS = 24


@dataclass(frozen=True, slots=True)
class Group:
    """Questions of one kind: how many, and the share whose first right hit is within 1, 5 and 10."""

    label: str
    n: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about one confidence: how many, their mean confidence, and the share that is right."""

    n: int
    confidence: float
    right: float


def bins_of(confidences: Sequence[float], right: Sequence[bool], n: int = 10) -> list[Bin]:
    """Return the bins of equal width over 0 to 1 that hold anything, lowest first."""
    sure, correct = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    places = np.minimum((sure * n).astype(np.int64), n - 1)  # (answers,)
    inside = [places == place for place in range(n)]
    return [
        Bin(int(mask.sum()), float(sure[mask].mean()), float(correct[mask].mean())) for mask in inside if mask.any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: the mean gap of confidence and share right, by answers (Guo et al. 2017).

    :param bins: at least one.
    """
    return sum(one.n * abs(one.confidence - one.right) for one in bins) / sum(one.n for one in bins)


def bars_to_svg(groups: Sequence[Group], title: str) -> str:
    """Return one row a group: bars laid over each other, the share within 1 darkest, and the shares in figures."""
    rows = []
    for number, group in enumerate(groups):
        top = number * _ROW
        bars = "".join(
            f'<rect class="wd-bar-{depth}" x="{_LABEL}" y="{top + 5}" width="{share * _BAR:.1f}" height="16" rx="3"/>'
            for depth, share in reversed(list(enumerate(group.shares)))
        )
        rows.append(
            f'<text x="{_LABEL - 8}" y="{top + 17}" text-anchor="end">{escape(group.label)} ({group.n})</text>'
            f'<rect class="wd-bar-ground" x="{_LABEL}" y="{top + 5}" width="{_BAR}" height="16" rx="3"/>{bars}'
            f'<text x="{_LABEL + _BAR + 8}" y="{top + 17}">{" ".join(_share(share) for share in group.shares)}</text>'
        )
    said = "; ".join(f"{one.label} {' '.join(_share(share) for share in one.shares)}" for one in groups)
    return _svg(len(groups) * _ROW + 4, f"{title}: {said}", "".join(rows))


def reliability_to_svg(bins: Sequence[Bin], title: str, across: str, up: str) -> str:
    """Return a reliability diagram: a circle a bin, as large as the bin is full; on the diagonal all is well."""
    total = max(sum(one.n for one in bins), 1)
    circles = "".join(
        f'<circle class="wd-dot-mark" cx="{_x(one.confidence):.1f}" cy="{_y(one.right):.1f}" '
        f'r="{4 + 16 * (one.n / total) ** 0.5:.1f}"/>'
        for one in bins
    )
    line = "".join(
        f'<line class="wd-curve" x1="{_x(a.confidence):.1f}" y1="{_y(a.right):.1f}" '
        f'x2="{_x(b.confidence):.1f}" y2="{_y(b.right):.1f}"/>'
        for a, b in pairwise(bins)
    )
    diagonal = f'<line class="wd-guide" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    said = "; ".join(f"{one.confidence:.2f} → {one.right:.2f} ({one.n})" for one in bins)
    return _svg(_TOP + _SIDE + 44, f"{title}: {said}", _frame(across, up) + diagonal + line + circles)


def latency_to_svg(milliseconds: Sequence[float], p50: float, p95: float, title: str, across: str) -> str:
    """Return a histogram of times with their median and 95th percentile; the last bar holds all that took longer."""
    end = max(p95 * 1.25, 1e-9)
    counts, _edges = np.histogram(np.minimum(milliseconds, end), bins=_BINS, range=(0, end))
    height, width = 150, _WIDTH - 2 * _TOP
    tallest = max(int(counts.max()), 1)
    bars = "".join(
        f'<rect class="wd-bar-0" x="{_TOP + place * width / _BINS + 1:.1f}" '
        f'y="{_TOP + height * (1 - n / tallest):.1f}" width="{width / _BINS - 2:.1f}" '
        f'height="{height * n / tallest:.1f}"/>'
        for place, n in enumerate(counts.tolist())
    )
    marks = "".join(
        f'<line class="wd-guide" x1="{_TOP + width * value / end:.1f}" y1="{_TOP}" '
        f'x2="{_TOP + width * value / end:.1f}" y2="{_TOP + height}"/>'
        f'<text x="{_TOP + width * value / end:.1f}" y="{_TOP + height + 16}" text-anchor="middle">'
        f"{name} {value:.0f}</text>"
        for name, value in (("p50", p50), ("p95", p95))
    )
    axis = f'<text x="{_WIDTH / 2}" y="{_TOP + height + 36}" text-anchor="middle">{escape(across)}</text>'
    return _svg(_TOP + height + 44, f"{title}: p50 {p50:.0f} ms, p95 {p95:.0f} ms", bars + marks + axis)


def _svg(height: int, said: str, inner: str) -> str:
    return f'<svg class="wd-plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(said)}">{inner}</svg>'


def _frame(across: str, up: str) -> str:
    ticks = "".join(
        f'<text x="{_x(value):.1f}" y="{_TOP + _SIDE + 18}" text-anchor="middle">{value:g}</text>'
        f'<text x="{_LEFT - 8}" y="{_y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        for value in (0, 0.5, 1)
    )
    return (
        f'<rect class="wd-bar-ground" x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}"/>{ticks}'
        f'<text x="{_LEFT + _SIDE / 2}" y="{_TOP + _SIDE + 36}" text-anchor="middle">{escape(across)}</text>'
        f'<text transform="translate(16 {_TOP + _SIDE / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>'
    )


def _x(value: float) -> float:
    return _LEFT + value * _SIDE


def _y(value: float) -> float:
    return _TOP + (1 - value) * _SIDE


def _share(share: float) -> str:
    return f"{share:.2f}"
