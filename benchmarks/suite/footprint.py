"""What a node takes while nobody asks for anything, and how long it takes to start."""

import time
from collections import defaultdict

from benchmarks.bench import Bench
from benchmarks.figures import Report
from benchmarks.plot import Bars, document
from benchmarks.processes import usage_of
from benchmarks.targets import BareFalcon, FastApi, GoReference, Service

_SETTLE_DOWN_SECONDS = 3.0
_ROWS = (
    ("start to ready", "s"),
    ("memory, idle", "MiB"),
    ("CPU, idle", "ms/s"),
)


def run(bench: Bench) -> Report:
    """Start each target alone, let it rest, and look at its process."""
    report = Report("footprint", "What does an idle node take?")
    rounds: dict[tuple[str, str], list[float]] = defaultdict(list)
    names: dict[str, None] = {}

    def one_round(number: int) -> None:
        for kind in (Service, BareFalcon, FastApi, GoReference):
            # What could not run once is not tried and told of again.
            if number > 1 and kind.name not in names:
                continue
            with bench.running((kind,), report) as targets:
                for target in targets:
                    names[target.name] = None
                    found = _look(target.pid, target.started_after, bench)
                    for (what, _), value in zip(_ROWS, found, strict=True):
                        rounds[what, target.name].append(value)

    bench.rounds(one_round)
    for what, unit in _ROWS:
        ours = rounds[what, Service.name]
        for name in names:
            base = [] if name == Service.name else ours
            report.add(f"{name}, {what}", unit, rounds[what, name], base, "service")
    report.notes += [
        (
            "ready is /readyz for the service, with the migrations of a new database;"
            " for a peer it is the first answer over HTTP, whatever its consumers do"
        ),
        "fastapi-aiokafka waits for each of its consumers before it answers",
    ]
    report.plot = document(
        *(
            Bars(
                f"{what.capitalize()} ({unit})",
                unit,
                "",
                tuple(names),
                {what: [rounds[what, name] for name in names]},
            )
            for what, unit in _ROWS
        )
    )
    return report


def _look(pid: int, started_after: float, bench: Bench) -> tuple[float, float, float]:
    time.sleep(_SETTLE_DOWN_SECONDS)  # what is measured is rest
    before, began = usage_of(pid), time.perf_counter()
    time.sleep(bench.sizes.idle_seconds)
    after, seconds = usage_of(pid), time.perf_counter() - began
    busy = 1000 * (after.cpu_seconds - before.cpu_seconds) / seconds
    return started_after, after.rss_mib, busy
