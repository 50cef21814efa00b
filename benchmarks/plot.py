"""Small plots as SVG: bars for what is compared, lines for what changes.

Written by hand, since a plotting library would be the largest dependency of the
project for the sake of two kinds of picture. Every plot is readable on a light and on
a dark page, says its units, and starts its value axis at zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from statistics import median

_WIDTH, _HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 64, 50
_COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626", "#475569")
_STEPS = 5
_TOPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Bars:
    """Groups of bars: the median of the rounds, with a whisker from least to most."""

    title: str
    unit: str
    axis: str
    groups: Sequence[str]
    series: Mapping[str, Sequence[Sequence[float]]]
    """For each name the rounds of every group."""


@dataclass(frozen=True, slots=True)
class Lines:
    """One line for each name, through points of x and y."""

    title: str
    unit: str
    axis: str
    series: Mapping[str, Sequence[tuple[float, float]]]


def document(*plots: Bars | Lines) -> str:
    """Return an SVG document with ``plots`` below each other."""
    height = _HEIGHT * len(plots)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
            f' width="{_WIDTH}" height="{height}" font-family="sans-serif"'
            ' font-size="12" fill="#1f2937">'
        ),
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, plot in enumerate(plots):
        draw = _draw_bars if isinstance(plot, Bars) else _draw_lines
        parts.append(f'<g transform="translate(0 {number * _HEIGHT})">')
        parts.extend(draw(plot))  # type: ignore[arg-type]  # chosen by the type
        parts.append("</g>")
    return "\n".join([*parts, "</svg>\n"])


def axis_top(largest: float) -> float:
    """Return a round number not below ``largest``."""
    if largest <= 0:
        return 1.0
    power: float = 10.0 ** floor(log10(largest))
    return next(step * power for step in _TOPS if step * power >= largest)


def _draw_bars(plot: Bars) -> list[str]:
    values = [v for rounds in plot.series.values() for group in rounds for v in group]
    top = axis_top(max(values, default=0.0))
    parts = _frame(plot.title, plot.unit, plot.axis, top, list(plot.series))
    room = (_WIDTH - _LEFT - _RIGHT) / max(len(plot.groups), 1)
    width = 0.8 * room / max(len(plot.series), 1)
    for place, group in enumerate(plot.groups):
        left = _LEFT + place * room + 0.1 * room
        parts.append(_text(left + 0.4 * room, _HEIGHT - _BOTTOM + 18, group, "middle"))
        for number, rounds in enumerate(plot.series.values()):
            if rounds[place]:
                x = left + number * width
                parts.extend(_bar(x, width, rounds[place], top, _COLOURS[number]))
    return parts


def _bar(
    x: float, width: float, rounds: Sequence[float], top: float, colour: str
) -> list[str]:
    value, middle = median(rounds), x + width / 2 - 1
    y, base = _y(value, top), _y(0, top)
    return [
        (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width - 2:.1f}"'
            f' height="{base - y:.1f}" fill="{colour}"/>'
        ),
        (
            f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{_y(min(rounds), top):.1f}"'
            f' y2="{_y(max(rounds), top):.1f}" stroke="#111827"/>'
        ),
    ]


def _draw_lines(plot: Lines) -> list[str]:
    points = [point for line in plot.series.values() for point in line]
    top = axis_top(max((y for _, y in points), default=0.0))
    right = max((x for x, _ in points), default=1.0) or 1.0
    parts = _frame(plot.title, plot.unit, plot.axis, top, list(plot.series))
    span = _WIDTH - _LEFT - _RIGHT
    for step in range(_STEPS + 1):
        x = _LEFT + span * step / _STEPS
        label = _short(right * step / _STEPS)
        parts.append(_text(x, _HEIGHT - _BOTTOM + 18, label, "middle"))
    for line, colour in zip(plot.series.values(), _COLOURS, strict=False):
        path = " ".join(
            f"{_LEFT + span * x / right:.1f},{_y(y, top):.1f}" for x, y in line
        )
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}"'
            ' stroke-width="2"/>'
        )
    return parts


def _frame(
    title: str, unit: str, axis: str, top: float, names: Sequence[str]
) -> list[str]:
    """Return title, legend, grid and the names of both axes."""
    parts = [f'<text x="{_LEFT}" y="20" font-size="15">{escape(title)}</text>']
    x = float(_LEFT)
    for name, colour in zip(names, _COLOURS, strict=False):
        parts.append(f'<rect x="{x}" y="32" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 14, 41, name, "start"))
        x += 30 + 7 * len(name)
    for step in range(_STEPS + 1):
        y = _y(top * step / _STEPS, top)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
            ' stroke="#e5e7eb"/>'
        )
        parts.append(_text(_LEFT - 6, y + 4, _short(top * step / _STEPS), "end"))
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(
        f'<text x="16" y="{middle}" text-anchor="middle"'
        f' transform="rotate(-90 16 {middle})">{escape(unit)}</text>'
    )
    across = (_LEFT + _WIDTH - _RIGHT) / 2
    return [*parts, _text(across, _HEIGHT - 12, axis, "middle")]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"  # noqa: PLR2004
