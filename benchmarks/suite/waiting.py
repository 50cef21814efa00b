"""Clients that wait for an outcome, and what they cost those who place orders."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql

from benchmarks import backlog
from benchmarks.bench import Bench
from benchmarks.figures import Report
from benchmarks.machine import ROOT
from benchmarks.plot import Bars, document
from benchmarks.processes import usage_of
from benchmarks.targets import Service, Target

_CONNECTIONS = 64
_END_SECONDS = 30.0
# Out of the way of the sweeper, which would settle what nobody publishes.
_END_ORDERS = sql.SQL(
    "update orders set status = 'CANCELLED', payment_status = 'NONE', version = 2"
    " where order_id = any(%s::uuid[])"
)


def run(bench: Bench) -> Report:
    """Place orders with and without waiting clients beside, in turn."""
    report = Report("waiting", "What do clients cost that wait for an outcome?")
    alone: list[float] = []
    beside: list[float] = []
    memory: list[float] = []
    with bench.running((Service,), report) as [service]:
        bench.warm(service)

        def one_round(_number: int) -> None:
            alone.append(bench.closed(service.load(), _CONNECTIONS).rate)
            service.wait_settled()
            before = usage_of(service.pid).rss_mib
            with _waiting(bench, service):
                memory.append(usage_of(service.pid).rss_mib - before)
                beside.append(bench.closed(service.load(), _CONNECTIONS).rate)
            service.wait_settled()

        bench.rounds(one_round)
    count = f"{bench.sizes.waiting:,}"
    report.add("accepted, nobody waits", "1/s", alone)
    report.add(f"accepted, {count} wait", "1/s", beside, alone, "nobody waits")
    report.add(f"growth of memory as {count} begin to wait", "MiB", memory)
    report.notes.append(
        "memory that the load before had freed is used again: the least it can be"
    )
    title = f"Orders accepted a second beside {count} waiting clients"
    bars = {"service": [alone, beside]}
    groups = ("nobody waits", f"{count} wait")
    report.plot = document(Bars(title, "orders/s", "", groups, bars))
    return report


@contextmanager
def _waiting(bench: Bench, service: Target) -> Iterator[None]:
    """Have clients wait for orders that have no event to settle them by."""
    events = backlog.make_events(bench.sizes.waiting)
    backlog.store(service.place, events)
    ids = [event.order_id for event in events]
    file = Path(bench.logs / "waiting.txt")
    file.write_text("\n".join(ids), "ascii")
    command = [sys.executable, "-m", "benchmarks.waiters"]
    process = subprocess.Popen(
        [*command, "--port", str(service.port), "--ids", str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        told = process.stdout.readline() if process.stdout else ""
        if told.strip() != str(len(ids)):
            raise RuntimeError(f"{told.strip() or 'none'} of {len(ids)} clients wait")
        yield
        answered = process.communicate(timeout=_END_SECONDS)[0].strip()
        if answered != "0":
            raise RuntimeError(f"{answered or 'all'} clients did not wait to the end")
    finally:
        process.kill()
        process.wait()
        service.place.change(_END_ORDERS, ids)
