"""This source beside that of another commit: what the changes in between come to."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, NamedTuple

from benchmarks.bench import Bench
from benchmarks.client import run_open
from benchmarks.figures import Report, number_text
from benchmarks.processes import usage_of
from benchmarks.suite.drain import settle_backlog
from benchmarks.suite.latency import NOW, SETTLED_AFTER, note_trouble, quantiles
from benchmarks.targets import Service
from orders.chaos.releases import THIS, Release

_CONNECTIONS = 64
_RATE = 300.0
_CALM_SECONDS = 2.0
_US = 1_000_000


class _Figure(NamedTuple):
    what: str
    unit: str


_Found = Mapping[_Figure, float]


def run(bench: Bench, other: Release, parts: Sequence[str]) -> Report:
    """Measure each part of both in turns; another one begins, as lots are drawn.

    Each measurement has a node that is started for it, on an empty database with the
    schema of its source.
    """
    commit = other.commit
    report = Report(f"against-{commit}", f"What is this source beside {commit}?")
    sides = {commit: other, "this": THIS}
    rounds: dict[_Figure, dict[str, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    began = time.monotonic()
    lots = random.Random(1)  # noqa: S311 - decides who goes first

    def one_round(number: int) -> None:
        for part in parts:
            for side in lots.sample(list(sides), len(sides)):
                found = PARTS[part](bench, sides[side], report)
                for figure, value in found.items():
                    rounds[figure][side].append(value)
                _tell(side, part, found)
        left = (time.monotonic() - began) / number * (bench.sizes.rounds - number)
        print(f"  about {left:.0f} s left", flush=True)

    bench.rounds(one_round)
    for (what, unit), each in rounds.items():
        report.add_pairs(what, unit, each["this"], each[commit], commit)
    report.notes += [
        (
            "a ratio is the median of the rounds' ratios, above 1 where this source is"
            " the better one, in rates as in times and CPU; behind it is its 95 %"
            " interval, of order statistics: of fewer than six rounds there is none"
        ),
        (
            "settled/s is orders by the time from the first request until the last"
            " outcome; CPU is the node's own over the same time"
        ),
    ]
    return report


def _intake(bench: Bench, release: Release, report: Report) -> _Found:
    with _node(bench, release) as node:
        before, busy = node.settled(), usage_of(node.pid).cpu_seconds
        summary = bench.closed(node.load(), _CONNECTIONS)
        note_trouble(report, node.source, summary.rate, summary)
        seconds = summary.seconds + node.wait_settled()
        done, busy = node.settled() - before, usage_of(node.pid).cpu_seconds - busy
    return {
        _Figure(f"accepted, {_CONNECTIONS} connections", "1/s"): summary.rate,
        _Figure(f"settled, {_CONNECTIONS} connections", "1/s"): done / seconds,
        _Figure("CPU an order", "us"): _US * busy / done,
    }


def _latency(bench: Bench, release: Release, report: Report) -> _Found:
    with _node(bench, release) as node:
        # After the full load of the warming up, stages gather for longer for a while.
        for _ in run_open(node.load(), _RATE, _CALM_SECONDS):
            pass
        since = node.place.ask(NOW)[0]
        *_, whole = run_open(node.load(), _RATE, bench.sizes.seconds)
        note_trouble(report, node.source, _RATE, whole)
        node.wait_settled()
        [found] = node.place.ask(SETTLED_AFTER, since)
    settled_p50, settled_p99, _ = quantiles(found)
    return {
        _Figure(f"answer at {_RATE:.0f}/s, p50", "ms"): whole.p50_ms,
        _Figure(f"answer at {_RATE:.0f}/s, p99", "ms"): whole.p99_ms,
        _Figure(f"accepted to settled at {_RATE:.0f}/s, p50", "ms"): settled_p50,
        _Figure(f"accepted to settled at {_RATE:.0f}/s, p99", "ms"): settled_p99,
    }


def _drain(bench: Bench, release: Release, report: Report) -> _Found:
    rate = settle_backlog(bench, report, release=release)
    return {_Figure(f"settled of {bench.sizes.orders:,} that wait", "1/s"): rate}


PARTS: Final[Mapping[str, Callable[[Bench, Release, Report], _Found]]] = (
    MappingProxyType({"intake": _intake, "latency": _latency, "drain": _drain})
)
"""What can be measured of both, by name."""


@contextmanager
def _node(bench: Bench, release: Release) -> Iterator[Service]:
    """Start a node on an empty database, and warm it up."""
    with bench.place("against") as place, bench.service(place, None, release) as node:
        bench.warm(node)
        yield node


def _tell(side: str, part: str, found: _Found) -> None:
    values = (f"{number_text(value)} {unit}" for (_, unit), value in found.items())
    print(f"    {part}, {side}: {', '.join(values)}", flush=True)
