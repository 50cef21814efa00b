"""What a benchmark came to: figures with a ratio, in the form every report has."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one run.

    Attributes:
        what: who was measured doing what, such as ``service accepted, 64 connections``.
        unit: of the value, such as ``1/s`` or ``ms``.
        rounds: the value of every round.
        ratio: the median against another one of the same run, None where it has none.
        against: what the ratio is to, such as ``bare-falcon``.

    """

    what: str
    unit: str
    rounds: tuple[float, ...]
    ratio: float | None = None
    against: str = ""

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
