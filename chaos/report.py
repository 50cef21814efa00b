"""The table of what was run: for a terminal, and for docs/faults.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orders.chaos.plan import FAULTS
from orders.chaos.trial import FAILED, NOT_REACHED, VIOLATED, TrialResult

BEGIN = "<!-- results: written by `python -m orders.chaos report` -->"
END = "<!-- end of results -->"

_CONFIDENT = 3.0
"""No failure in n trials: with 95 % confidence the rate is below 3/n."""
_HEADINGS = (
    *("fault", "trials", "hit open requests", "orders"),
    *("lost", "doubled", "unsettled", "notices wrong", "other", "undocumented"),
    *("slowest to settle", "not reached", "failed", "bound (95 %)"),
)


class ReportError(Exception):
    """The page has no place for the table."""


@dataclass(frozen=True, slots=True)
class Row:
    """The trials of one kind or fault, summed up."""

    name: str
    trials: int
    hit: int
    """Those that found open requests at the node: only these prove something."""
    orders: int
    lost: int
    doubled: int
    unsettled: int
    notifications: int
    other: int
    undocumented: int
    settle_seconds: float
    not_reached: int
    failed: int

    @property
    def bound(self) -> str:
        """What the trials that hit open requests allow to claim."""
        if self.failed or not self.hit:
            return "-"
        return f"< {min(1.0, _CONFIDENT / self.hit):.1%} per fault"

    def cells(self) -> tuple[str, ...]:
        """Return the row as texts, one for each heading."""
        return (
            self.name,
            f"{self.trials:,}",
            f"{self.hit:,}",
            f"{self.orders:,}",
            *map(str, (self.lost, self.doubled, self.unsettled)),
            *map(str, (self.notifications, self.other, self.undocumented)),
            f"{self.settle_seconds:.1f} s",
            *map(str, (self.not_reached, self.failed)),
            self.bound,
        )


def summarise(name: str, results: Sequence[TrialResult]) -> Row:
    """Sum up trials; what those of a batch share is added once for each batch."""
    batches = list({result.batch: result for result in results}.values())
    return Row(
        name=name,
        trials=len(results),
        hit=sum(result.fired and result.in_flight > 0 for result in results),
        orders=sum(result.orders for result in results),
        lost=sum(batch.lost for batch in batches),
        doubled=sum(batch.doubled for batch in batches),
        unsettled=sum(batch.unsettled for batch in batches),
        notifications=sum(batch.notifications for batch in batches),
        other=sum(batch.other for batch in batches),
        undocumented=sum(batch.undocumented for batch in batches),
        settle_seconds=max((result.settle_seconds for result in results), default=0.0),
        not_reached=sum(result.verdict == NOT_REACHED for result in results),
        failed=sum(result.verdict in {FAILED, VIOLATED} for result in results),
    )


def is_sound(results: Sequence[TrialResult], trials: int) -> bool:
    """Tell whether all trials were made and ok, and some hit open requests."""
    all_ok = all(result.ok for result in results)
    return all_ok and len(results) == trials and summarise("", results).hit > 0


def rows_by_fault(results: Iterable[TrialResult]) -> list[Row]:
    """Return a row for each fault that was run, in the order of the table."""
    kept = list(results)
    found = []
    for fault, row in FAULTS.items():
        of_fault = [result for result in kept if result.fault == fault]
        if of_fault:
            found.append(summarise(f"{fault}: {row.title}", of_fault))
    return found


def rows_by_kind(fault: str, results: Iterable[TrialResult]) -> list[Row]:
    """Return a row for each kind of ``fault`` that was run."""
    kept = [result for result in results if result.fault == fault]
    return [
        summarise(kind, of_kind)
        for kind in FAULTS[fault].kinds
        if (of_kind := [result for result in kept if result.kind == kind])
    ]


def as_text(rows: Sequence[Row]) -> str:
    """Return the table with aligned columns, for a terminal."""
    table = [_HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in table
    )


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table in Markdown."""
    lines = [_HEADINGS, ("---",) * len(_HEADINGS), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_table(page: Path, commit: str, rows: Sequence[Row]) -> None:
    """Put the table between its two marks in ``page``.

    Raises:
        ReportError: the page lacks them.

    """
    text = page.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ReportError(f"{page} lacks the line {BEGIN if not begin else END}")
    table = f"\n\nCommit `{commit}`:\n\n{as_markdown(rows)}\n\n"
    page.write_text(f"{before}{BEGIN}{table}{END}{after}", "utf-8")
