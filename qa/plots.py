"""Small pictures of an evaluation, as SVG. Pure: numbers and words in, markup out.

Every picture names itself and its figures for those who cannot see it. Colours are classes of the page's style, but for
the reliability diagram, which takes the text's colour: it also stands alone in a file, with no style, script or font.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from qa.show import escape

_WIDTH = 320
_ROW = 26
_LABEL = 92
_BAR = 118
_TOP = 14
_BINS = 24
_SQUARE = 300.0
_BEFORE, _AFTER, _BELOW = 48.0, 14.0, 44.0
_LARGEST_DOT, _SMALLEST_DOT = 9.0, 2.5
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Group:
    """Questions of one kind: how many, and the share whose first right hit is within 1, 5 and 10."""

    label: str
    n: int
    shares: tuple[float, ...]


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


def _share(share: float) -> str:
    return f"{share:.2f}"


def reliability_to_svg(
    bins: Sequence[Mapping[str, Any]],
    *,
    title: str = "Reliability of the confidence",
    across: str = "mean confidence",
    up: str = "share of right first hits",
) -> str:
    """Draw how often the first hit was right over how sure the program was.

    :param bins: a report's ``declined["bins"]``.
    :param title: what a screen reader says; ``across`` and ``up`` name the axes. All are escaped.
    :return: one ``<svg>`` element. Each bin is a dot, larger with more questions, with its 95 % interval; on the dashed
        diagonal a confidence is exactly the probability it claims to be.
    """
    said = "; ".join(f"{one['confidence']:.2f} → {one['right']:.2f} ({one['n']})" for one in bins)
    most = max((one["n"] for one in bins), default=1)
    width, height = _BEFORE + _SQUARE + _AFTER, _TOP + _SQUARE + _BELOW
    middle = _TOP + _SQUARE / 2
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="wd-plot" role="img" viewBox="0 0 {width:g} {height:g}" '
            'font-family="system-ui, sans-serif" font-size="12" fill="currentColor" stroke="currentColor">',
            f"<title>{escape(': '.join(part for part in (title, said) if part))}</title>",
            f'<rect x="{_BEFORE:g}" y="{_TOP:g}" width="{_SQUARE:g}" height="{_SQUARE:g}" fill="none" opacity="0.4"/>',
            _line(0, 0, 1, 1, 'stroke-dasharray="4 4" opacity="0.6"'),
            *(_tick(value) for value in _TICKS),
            *(_dot(one, most) for one in bins),
            f'<text x="{_BEFORE + _SQUARE / 2:g}" y="{height - 8:g}" text-anchor="middle" stroke="none">'
            f"{escape(across)}</text>",
            f'<text x="12" y="{middle:g}" text-anchor="middle" stroke="none" transform="rotate(-90 12 {middle:g})">'
            f"{escape(up)}</text>",
            "</svg>",
        ]
    )


def _x(value: float) -> float:
    return _BEFORE + value * _SQUARE


def _y(value: float) -> float:
    return _TOP + (1 - value) * _SQUARE


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{_x(x1):.1f}" y1="{_y(y1):.1f}" x2="{_x(x2):.1f}" y2="{_y(y2):.1f}" {style}/>'


def _tick(value: float) -> str:
    return (
        f'<text x="{_x(value):.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle" stroke="none">{value:g}</text>'
        f'<text x="{_BEFORE - 6:g}" y="{_y(value) + 4:.1f}" text-anchor="end" stroke="none">{value:g}</text>'
    )


def _dot(one: Mapping[str, Any], most: int) -> str:
    at, right, (low, high) = one["confidence"], one["right"], one["interval"]
    radius = max(_SMALLEST_DOT, _LARGEST_DOT * sqrt(one["n"] / most))
    return (
        _line(at, low, at, high, 'opacity="0.6"') + f'<circle cx="{_x(at):.1f}" cy="{_y(right):.1f}" r="{radius:.1f}" '
        f'stroke="none"><title>{one["n"]}: {at:.3f} / {right:.3f} [{low:.3f}, {high:.3f}]</title></circle>'
    )
