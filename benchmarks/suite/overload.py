"""Ten times as many orders as a node can store, in an open loop, and what comes after.

The node is slowed down by a failpoint, so that client and node fit on two CPUs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.client import run_open
from benchmarks.figures import Report
from benchmarks.plot import Bars, document
from benchmarks.processes import usage_of
from benchmarks.tally import Summary
from benchmarks.targets import Target

_BATCH_ORDERS, _BATCH_SECONDS, _WRITERS = 64, 0.4, 2
_NOMINAL = _WRITERS * _BATCH_ORDERS / _BATCH_SECONDS
"""Orders a second that two writers cannot surpass."""
_ENOUGH = 2.0
"""Times that find out how many they are."""
_TIMES = 10
_CALM_SHARE = 0.5
_STRETCH = 5
"""An overload lasts so many rounds' seconds: its end is long after its beginning."""
_RECOVERY_SECONDS = 15.0
_SECOND_AT_MOST = 2.0
_AS_BEFORE = 2.0
"""A second is one of before when its p99 is at most so many times that of before."""
_SETTINGS = {
    "ORDERS_FAILPOINTS": f"intake.before_store:1+:sleep={_BATCH_SECONDS}",
    "ORDERS_INTAKE__WRITERS": str(_WRITERS),
    "ORDERS_INTAKE__MAX_BATCH_ORDERS": str(_BATCH_ORDERS),
    # So few that the client has connections left to be refused on.
    "ORDERS_INTAKE__MAX_WAITING_ORDERS": "300",
}


@dataclass(slots=True)
class _Rounds:
    peak: list[float] = field(default_factory=list)
    goodput: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    normal_mib: list[float] = field(default_factory=list)
    most_mib: list[float] = field(default_factory=list)
    recovery: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    unexplained: int = 0
    lost: int = 0


def run(bench: Bench) -> Report:
    """Find what a slow node takes, offer ten times that, then half of it."""
    report = Report("overload", "What is left of a node that is offered too much?")
    rounds = _Rounds()
    with (
        bench.place("overload", schema=True) as place,
        bench.service(place, _SETTINGS) as node,
    ):
        bench.warm(node)
        bench.rounds(lambda _number: _one_round(bench, node, rounds))
    report.add("accepted, offered twice", "1/s", rounds.peak)
    report.add("overload, accepted", "1/s", rounds.goodput, [_NOMINAL], "the most")
    report.add("overload, accepted", "1/s", rounds.goodput, rounds.peak, "twice")
    report.add("overload, refused", "1/s", rounds.refused)
    report.add("memory, before", "MiB", rounds.normal_mib)
    report.add("memory, overload", "MiB", rounds.most_mib, rounds.normal_mib, "before")
    report.add("half the load, until answers are as before", "s", rounds.recovery)
    report.add("client's own delay at the most", "ms", rounds.late_ms)
    report.notes += [
        f"two writers store {_NOMINAL:.0f} a second at the most: the failpoint",
        f"{_TIMES} times that offered, for {_STRETCH * bench.sizes.seconds} s a round",
        f"{rounds.unexplained} refusals without Retry-After, or other than 429 and 503",
        f"{rounds.lost} requests without an answer",
    ]
    report.plot = document(
        Bars(
            f"Orders accepted a second, offered 2 and {_TIMES} times what fits",
            "orders/s",
            "",
            ("2 times", f"{_TIMES} times"),
            {"service": [rounds.peak, rounds.goodput]},
        )
    )
    return report


def _one_round(bench: Bench, node: Target, rounds: _Rounds) -> None:
    seconds = _STRETCH * bench.sizes.seconds
    peak = _rate(_each_second(node, _ENOUGH * _NOMINAL, seconds))
    node.wait_settled()
    rounds.peak.append(peak)
    rounds.normal_mib.append(usage_of(node.pid).rss_mib)
    *_, calm = run_open(node.load(), _CALM_SHARE * peak, bench.sizes.seconds)
    memory: list[float] = []
    parts = []
    for part in _each_second(node, _TIMES * _NOMINAL, seconds):
        parts.append(part)
        memory.append(usage_of(node.pid).rss_mib)
    whole = parts[-1]
    rounds.most_mib.append(max(memory))
    rounds.goodput.append(_rate(parts))
    rounds.refused.append((whole.answered - whole.accepted) / whole.seconds)
    rounds.unexplained += whole.unexplained
    rounds.lost += whole.lost
    rounds.late_ms.append(whole.late_ms)
    rounds.recovery.append(_recovery(node, peak, calm))
    node.wait_settled()


def _each_second(node: Target, rate: float, seconds: float) -> Iterator[Summary]:
    """Yield what came of each second, then the sum."""
    yield from run_open(node.load(), rate, seconds, interval=1.0)


def _rate(parts: Iterable[Summary]) -> float:
    """Return the orders accepted a second between the first second and the last.

    In the first nothing waits yet; behind the last one come answers that are its.
    """
    lasting = [part for part in parts if part.seconds < _SECOND_AT_MOST][1:-1]
    return sum(part.accepted for part in lasting) / sum(it.seconds for it in lasting)


def _recovery(node: Target, peak: float, calm: Summary) -> float:
    """Return after how many seconds of half the peak answers are as they were."""
    last_bad = at = 0.0
    for second in _each_second(node, _CALM_SHARE * peak, _RECOVERY_SECONDS):
        if second.seconds > _SECOND_AT_MOST:
            break  # the sum
        at += second.seconds
        all_taken = second.accepted == second.answered
        if not all_taken or second.p99_ms > _AS_BEFORE * calm.p99_ms:
            last_bad = at
    return last_bad
