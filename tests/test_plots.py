from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from qa.plots import Bin, Group, bars_to_svg, bins_of, calibration_error, latency_to_svg, reliability_to_svg

GROUPS = [Group("who <1>", 4, (0.25, 0.5, 1.0)), Group("when", 2, (1.0, 1.0, 1.0))]
BINS = [Bin(2, 0.15, 0.5), Bin(1, 0.95, 1.0)]


def shapes(svg: str, tag: str) -> list[dict[str, str]]:
    return [dict(one.attrib) for one in ElementTree.fromstring(svg).iter(tag)]


def test_bins_hold_the_mean_confidence_and_the_share_right() -> None:
    assert bins_of([0.1, 0.2, 0.95, 1.0, 0.0], [False, True, True, False, False]) == [
        Bin(1, 0.0, 0.0),
        Bin(1, 0.1, 0.0),
        Bin(1, 0.2, 1.0),
        Bin(2, 0.975, 0.5),
    ]
    assert bins_of([], []) == []


def test_the_calibration_error_is_the_mean_gap() -> None:
    assert calibration_error(BINS) == pytest.approx((2 * 0.35 + 0.05) / 3)


def test_bars_are_as_long_as_their_shares_the_longest_below() -> None:
    drawn = shapes(bars_to_svg(GROUPS, "kinds"), "rect")
    widths = [(one["class"], float(one["width"])) for one in drawn[:4]]
    whole = widths[0][1]
    assert widths == [
        ("wd-bar-ground", whole),
        ("wd-bar-2", whole),
        ("wd-bar-1", pytest.approx(whole / 2, abs=0.1)),
        ("wd-bar-0", pytest.approx(whole / 4, abs=0.1)),
    ]


def test_a_bin_on_the_diagonal_is_drawn_on_it() -> None:
    svg = reliability_to_svg([Bin(1, 0.0, 0.0), Bin(3, 0.5, 0.5), Bin(1, 1.0, 1.0)], "t", "x", "y")
    (first, second, third), guide = shapes(svg, "circle"), shapes(svg, "line")[0]
    assert (first["cx"], first["cy"]) == (f"{float(guide['x1']):.1f}", f"{float(guide['y1']):.1f}")
    assert (third["cx"], third["cy"]) == (f"{float(guide['x2']):.1f}", f"{float(guide['y2']):.1f}")
    assert float(second["cx"]) == (float(first["cx"]) + float(third["cx"])) / 2
    assert float(second["r"]) > float(first["r"])


def test_times_beyond_the_end_stand_in_the_last_bar() -> None:
    svg = latency_to_svg([10.0] * 6 + [100.0, 5000.0, 9000.0], 10.0, 100.0, "t", "ms")
    heights = [float(bar["height"]) for bar in shapes(svg, "rect")]
    assert heights[1] == max(heights) == 150
    assert heights[-1] == 50
    assert sum(height > 0 for height in heights) == 3
    assert ">p50 10<" in svg
    assert shapes(latency_to_svg([0.0], 0.0, 0.0, "t", "ms"), "rect")[0]["height"] == "150.0"


@pytest.mark.parametrize(
    ("svg", "said"),
    [
        (bars_to_svg(GROUPS, "kinds"), "kinds: who <1> 0.25 0.50 1.00; when 1.00 1.00 1.00"),
        (reliability_to_svg(BINS, "sure", "x", "y"), "sure: 0.15 → 0.50 (2); 0.95 → 1.00 (1)"),
        (latency_to_svg([1, 2], 1.5, 2, "time", "ms"), "time: p50 2 ms, p95 2 ms"),
    ],
)
def test_a_picture_says_its_figures_and_loads_nothing(svg: str, said: str) -> None:
    root = ElementTree.fromstring(svg)
    assert (root.get("role"), root.get("aria-label")) == ("img", said)
    assert re.search(r"https?:|url\(|style=|<script", svg) is None
