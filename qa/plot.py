"""Figures of a report → pictures as inline SVG (pure). They take the text's colour and need no script and no font."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import sqrt
from typing import Any

_SIDE = 300.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 48.0, 14.0, 14.0, 44.0
_LARGEST_DOT, _SMALLEST_DOT = 9.0, 2.5
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reliability_svg(
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
    most = max((one["n"] for one in bins), default=1)
    width, height = _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BOTTOM
    middle = _TOP + _SIDE / 2
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:g} {height:g}" '
            'font-family="system-ui, sans-serif" font-size="12" fill="currentColor" stroke="currentColor">',
            f"<title>{escape(title)}</title>",
            f'<rect x="{_LEFT:g}" y="{_TOP:g}" width="{_SIDE:g}" height="{_SIDE:g}" fill="none" opacity="0.4"/>',
            _line(0, 0, 1, 1, 'stroke-dasharray="4 4" opacity="0.6"'),
            *(_tick(value) for value in _TICKS),
            *(_dot(one, most) for one in bins),
            f'<text x="{_LEFT + _SIDE / 2:g}" y="{height - 8:g}" text-anchor="middle" stroke="none">'
            f"{escape(across)}</text>",
            f'<text x="12" y="{middle:g}" text-anchor="middle" stroke="none" transform="rotate(-90 12 {middle:g})">'
            f"{escape(up)}</text>",
            "</svg>",
        ]
    )


def _x(value: float) -> float:
    return _LEFT + value * _SIDE


def _y(value: float) -> float:
    return _TOP + (1 - value) * _SIDE


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{_x(x1):.1f}" y1="{_y(y1):.1f}" x2="{_x(x2):.1f}" y2="{_y(y2):.1f}" {style}/>'


def _tick(value: float) -> str:
    return (
        f'<text x="{_x(value):.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle" stroke="none">{value:g}</text>'
        f'<text x="{_LEFT - 6:g}" y="{_y(value) + 4:.1f}" text-anchor="end" stroke="none">{value:g}</text>'
    )


def _dot(one: Mapping[str, Any], most: int) -> str:
    at, right, (low, high) = one["confidence"], one["right"], one["interval"]
    radius = max(_SMALLEST_DOT, _LARGEST_DOT * sqrt(one["n"] / most))
    return (
        _line(at, low, at, high, 'opacity="0.6"') + f'<circle cx="{_x(at):.1f}" cy="{_y(right):.1f}" r="{radius:.1f}" '
        f'stroke="none"><title>{one["n"]}: {at:.3f} / {right:.3f} [{low:.3f}, {high:.3f}]</title></circle>'
    )
