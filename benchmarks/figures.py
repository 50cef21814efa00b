"""What a benchmark came to: figures with a ratio, in the form every report has."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import comb
from statistics import median

_CONFIDENCE = 0.95
_RATE = "1/s"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one run.

    Attributes:
        what: who was measured doing what, such as ``service accepted, 64 connections``.
        unit: of the value, such as ``1/s`` or ``ms``.
        rounds: the value of every round.
        ratio: the median against another one of the same run, None where it has none.
        against: what the ratio is to, such as ``bare-falcon``.
        interval: of the ratio at 95 %, None where too few rounds were paired.

    """

    what: str
    unit: str
    rounds: tuple[float, ...]
    ratio: float | None = None
    against: str = ""
    interval: tuple[float, float] | None = None

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)


@dataclass(slots=True)
class Report:
    """A benchmark's figures, what it had to leave out, and its plot."""

    name: str
    asks: str
    figures: list[Figure] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plot: str = ""
    """An SVG document, "" where there is none."""

    def add(
        self,
        what: str,
        unit: str,
        rounds: Sequence[float],
        base: Sequence[float] = (),
        against: str = "",
    ) -> Figure:
        """Add a figure; ``base`` are the rounds of what it is compared with."""
        below = median(base) if base else 0.0
        ratio = median(rounds) / below if below else None
        figure = Figure(what, unit, tuple(rounds), ratio, against if below else "")
        self.figures.append(figure)
        return figure

    def add_pairs(
        self,
        what: str,
        unit: str,
        rounds: Sequence[float],
        base: Sequence[float],
        against: str,
    ) -> None:
        """Add the figures of two that took turns, and the ratio of their *speeds*.

        The ratio is the median of those of the rounds, above 1 where ``rounds`` are
        the better: of rates it is theirs, of times and costs the inverse.
        """
        ours, theirs = (rounds, base) if unit == _RATE else (base, rounds)
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        self.add(f"{what}, {against}", unit, base)
        self.figures.append(
            Figure(
                f"{what}, this",
                unit,
                tuple(rounds),
                median(ratios),
                against,
                median_interval(ratios),
            )
        )


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the narrowest symmetric order statistics that hold the median at 95 %.

    The number of values below the true median is binomial, whatever their
    distribution (Conover, Practical Nonparametric Statistics, 3.2). None for fewer
    than six values, of which even the least and the most do not suffice.
    """
    count, ordered = len(values), sorted(values)
    below = accumulate(comb(count, k) / 2**count for k in range(count))
    spare = sum(2 * chance <= 1 - _CONFIDENCE for chance in below)
    return (ordered[spare - 1], ordered[-spare]) if spare else None


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank quantile of sorted values, 0 where there are none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def number_text(value: float) -> str:
    """Return a number with three digits that mean something: ``5,310`` or ``0.42``."""
    if value >= 100:  # noqa: PLR2004 - where digits behind the point say nothing
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004
