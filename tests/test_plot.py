from xml.etree import ElementTree

import pytest

from qa.plot import reliability_svg

SVG = "{http://www.w3.org/2000/svg}"
BINS = [
    {"low": 0.2, "high": 0.3, "n": 100, "confidence": 0.25, "right": 0.5, "interval": [0.4, 0.6]},
    {"low": 0.9, "high": 1.0, "n": 1, "confidence": 1.0, "right": 1.0, "interval": [0.2, 1.0]},
]


def test_each_bin_is_a_dot_with_its_interval_at_its_place() -> None:
    drawn = ElementTree.fromstring(reliability_svg(BINS))
    dots = [tuple(float(dot.get(name)) for name in ("cx", "cy", "r")) for dot in drawn.iter(f"{SVG}circle")]
    assert dots == [(48 + 75, 14 + 150, 9.0), (348, 14, 2.5)]
    diagonal, first, last = [
        tuple(float(line.get(name)) for name in ("x1", "y1", "x2", "y2")) for line in drawn.iter(f"{SVG}line")
    ]
    assert diagonal == (48, 314, 348, 14)
    assert first == (123, pytest.approx(14 + 0.6 * 300), 123, pytest.approx(14 + 0.4 * 300))
    assert last == (348, pytest.approx(14 + 0.8 * 300), 348, 14)


def test_names_are_escaped_and_read_aloud() -> None:
    drawn = reliability_svg([], title="<script>", across="a & b", up='"</text>')
    root = ElementTree.fromstring(drawn)
    assert (root.get("role"), root.findtext(f"{SVG}title")) == ("img", "<script>")
    assert [text.text for text in root.iter(f"{SVG}text")][-2:] == ["a & b", '"</text>']
    assert "<script>" not in drawn
