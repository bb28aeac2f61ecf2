from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from qa.plots import Group, bars_to_svg, latency_to_svg, reliability_to_svg

GROUPS = [Group("who <1>", 4, (0.25, 0.5, 1.0)), Group("when", 2, (1.0, 1.0, 1.0))]
SVG = "{http://www.w3.org/2000/svg}"
BINS = [
    {"low": 0.2, "high": 0.3, "n": 100, "confidence": 0.25, "right": 0.5, "interval": [0.4, 0.6]},
    {"low": 0.9, "high": 1.0, "n": 1, "confidence": 1.0, "right": 1.0, "interval": [0.2, 1.0]},
]


def shapes(svg: str, tag: str) -> list[dict[str, str]]:
    return [dict(one.attrib) for one in ElementTree.fromstring(svg).iter(tag)]


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


def test_each_bin_is_a_dot_with_its_interval_at_its_place() -> None:
    drawn = ElementTree.fromstring(reliability_to_svg(BINS))
    dots = [tuple(float(dot.get(name)) for name in ("cx", "cy", "r")) for dot in drawn.iter(f"{SVG}circle")]
    assert dots == [(48 + 75, 14 + 150, 9.0), (348, 14, 2.5)]
    diagonal, first, last = [
        tuple(float(line.get(name)) for name in ("x1", "y1", "x2", "y2")) for line in drawn.iter(f"{SVG}line")
    ]
    assert diagonal == (48, 314, 348, 14)
    assert first == (123, pytest.approx(14 + 0.6 * 300), 123, pytest.approx(14 + 0.4 * 300))
    assert last == (348, pytest.approx(14 + 0.8 * 300), 348, 14)


def test_names_are_escaped_and_read_aloud() -> None:
    named = ElementTree.fromstring(reliability_to_svg(BINS, title="sure"))
    assert named.findtext(f"{SVG}title") == "sure: 0.25 → 0.50 (100); 1.00 → 1.00 (1)"
    drawn = reliability_to_svg([], title="<script>", across="a & b", up='"</text>')
    root = ElementTree.fromstring(drawn)
    assert (root.get("role"), root.findtext(f"{SVG}title")) == ("img", "<script>")
    assert [text.text for text in root.iter(f"{SVG}text")][-2:] == ["a & b", '"</text>']
    assert "<script>" not in drawn


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
        (latency_to_svg([1, 2], 1.5, 2, "time", "ms"), "time: p50 2 ms, p95 2 ms"),
    ],
)
def test_a_picture_says_its_figures_and_loads_nothing(svg: str, said: str) -> None:
    root = ElementTree.fromstring(svg)
    assert (root.get("role"), root.get("aria-label")) == ("img", said)
    assert re.search(r"https?:|url\(|style=|<script", svg) is None
