"""Runs a load on an event loop of its own, and shows how it goes."""

import asyncio
import gc
import signal
import sys
from pathlib import Path

from orders.load.histogram import Histogram
from orders.load.open_loop import LoadPlan, LoadResult, OpenLoop
from orders.verification.journal import JournalWriter

_TERMINAL_SECONDS, _FILE_SECONDS = 0.5, 5.0


def run_load(plan: LoadPlan, journal: Path) -> LoadResult:
    """Send the load and return what came of it; Ctrl-C ends it early and in order.

    Raises:
        OSError: the journal cannot be written.
        JournalError: the file is no journal.

    """
    gc.freeze()
    with JournalWriter(journal) as writer:
        return asyncio.run(_run(OpenLoop(plan, writer), plan))


async def _run(loop: OpenLoop, plan: LoadPlan) -> LoadResult:
    signals = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signals.add_signal_handler(number, loop.stop)
    screen = asyncio.create_task(_show(loop.result, plan.seconds))
    try:
        return await loop.run()
    finally:
        screen.cancel()
        if sys.stderr.isatty():
            print(file=sys.stderr)


async def _show(result: LoadResult, seconds: float) -> None:
    """Keep one line on standard error up to date; in a file, a line now and then."""
    is_terminal = sys.stderr.isatty()
    pause = _TERMINAL_SECONDS if is_terminal else _FILE_SECONDS
    start, end = ("\r", "\033[K") if is_terminal else ("", "\n")
    passed, before = 0.0, 0
    while True:  # until it is cancelled
        await asyncio.sleep(pause)
        passed += pause
        rate, before = (result.sent - before) / pause, result.sent
        text = progress_line(result, min(passed, seconds), seconds, rate)
        print(start + text, end=end, file=sys.stderr, flush=True)


def progress_line(
    result: LoadResult, passed: float, seconds: float, rate: float
) -> str:
    """Return how things stand; times are those of the commonest kind so far."""
    most = max(result.times.values(), key=lambda it: it.count, default=Histogram())
    return (
        f"{passed:.0f} of {seconds:.0f} s: {rate:.0f}/s sent,"
        f" {result.accepted} accepted, {result.refused} refused,"
        f" {result.unknown + result.not_sent} without an outcome,"
        f" p50 {most.quantile_ms(0.5):.1f} ms, p99 {most.quantile_ms(0.99):.1f} ms"
    )
