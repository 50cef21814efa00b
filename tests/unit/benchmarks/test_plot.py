"""Plots are sound SVG that says what it shows."""

from xml.etree import ElementTree

import pytest

from benchmarks.plot import Bars, Lines, axis_top, document

BARS = Bars("Orders & more", "orders/s", "connections", ("1", "64"), {"a": [[1.0], []]})
LINES = Lines("Memory", "MiB", "minutes", {"rss": [(1.0, 90.0), (2.0, 91.0)]})


def texts(svg: str) -> set[str]:
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    return {it.text or "" for it in root.iter("{http://www.w3.org/2000/svg}text")}


def test_a_plot_names_its_axes_its_units_and_its_series() -> None:
    found = texts(document(BARS, LINES))

    assert {"Orders & more", "orders/s", "connections", "1", "64", "a"} <= found
    assert {"Memory", "MiB", "minutes", "rss"} <= found


@pytest.mark.parametrize(
    ("largest", "top"), [(0, 1), (0.3, 0.3), (1, 1), (4_393, 5_000), (5_071, 6_000)]
)
def test_an_axis_ends_at_a_round_number(largest: float, top: float) -> None:
    assert axis_top(largest) == pytest.approx(top)


def test_nothing_measured_is_no_error() -> None:
    empty = document(Bars("t", "u", "x", (), {}), Lines("t", "u", "x", {}))

    assert ElementTree.fromstring(empty).tag.endswith("svg")  # noqa: S314 - our own
