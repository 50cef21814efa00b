"""Shows the demo: a live table in a terminal, lines in a pipe."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from orders.cli.demo.ledger import Latency, Tally
from orders.cli.demo.sending import Outcome
from orders.domain.order import OrderStatus

_LINE_EVERY = 20
_MAX_PROBLEMS = 10
_BAR_WIDTH = 40


class Screen(Protocol):
    """Where a run is shown."""

    def say(self, line: str) -> None:
        """Show one line of text."""

    def watch(self) -> AbstractContextManager["Watcher"]:
        """Begin to show orders settle."""


class Watcher(Protocol):
    """Shows how the orders stand."""

    def __call__(self, tally: Tally) -> None:
        """Show ``tally`` in place of the one before."""


class TerminalScreen:
    """A table that moves."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(Text(line))

    @contextmanager
    def watch(self) -> Iterator[Watcher]:
        """Keep the table in place until the end."""
        with Live(console=self._console, refresh_per_second=10) as live:
            yield lambda tally: live.update(_picture(tally))


class PlainScreen:
    """Progress in lines."""

    def say(self, line: str) -> None:
        """Print a line at once."""
        print(line, flush=True)

    def watch(self) -> AbstractContextManager[Watcher]:
        """Print a line for every twentieth order that is settled."""
        shown = 0

        def watcher(tally: Tally) -> None:
            nonlocal shown
            if tally.done // _LINE_EVERY > shown:
                shown = tally.done // _LINE_EVERY
                self.say(f"{_progress(tally)}  {_counts(tally)}")

        return nullcontext(watcher)


class SilentScreen:
    """Nothing, for ``--json``."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def watch(self) -> AbstractContextManager[Watcher]:
        """Show nothing."""
        return nullcontext(lambda _tally: None)


def choose_screen(*, as_json: bool) -> Screen:
    """Return the screen that fits standard output."""
    if as_json:
        return SilentScreen()
    console = Console()
    return TerminalScreen(console) if console.is_terminal else PlainScreen()


def summary_lines(outcome: Outcome) -> Iterator[str]:
    """Go through what a person should know at the end."""
    tally = outcome.tally
    yield f"{tally.planned} orders sent: {_counts(tally)}"
    yield f"accepted after  {_latency(tally.answered_in)}  (committed in PostgreSQL)"
    yield f"settled after   {_latency(tally.settled_in)}  (by way of Kafka)"
    if not outcome.problems:
        yield "each order has the outcome it should, and exactly one notification"
        return
    yield f"{len(outcome.problems)} problems:"
    for problem in outcome.problems[:_MAX_PROBLEMS]:
        yield f"  {problem}"


def _picture(tally: Tally) -> RenderableType:
    table = Table(title="Orders", title_justify="left", min_width=_BAR_WIDTH)
    table.add_column("state")
    table.add_column("orders", justify="right")
    table.add_row("accepted", str(tally.accepted))
    for status in (OrderStatus.PAID, OrderStatus.FAILED):
        color = "green" if status is OrderStatus.PAID else "yellow"
        count = Text(str(tally.settled.get(status, 0)), style=color)
        table.add_row(status.value, count)
    table.add_section()
    table.add_row("accepted after", _latency(tally.answered_in))
    table.add_row("settled after", _latency(tally.settled_in))
    bar = ProgressBar(total=tally.planned, completed=tally.done, width=_BAR_WIDTH)
    return Group(table, Text(_progress(tally)), bar)


def _progress(tally: Tally) -> str:
    return f"settled {tally.done} of {tally.planned}"


def _counts(tally: Tally) -> str:
    counts = [f"{count} {status}" for status, count in sorted(tally.settled.items())]
    return ", ".join(counts) or "none settled"


def _latency(latency: Latency) -> str:
    if latency.p50 is None or latency.p99 is None:
        return "-"
    return f"p50 {latency.p50:.0f} ms, p99 {latency.p99:.0f} ms"
