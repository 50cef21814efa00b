"""Orders accepted and settled a second, beside peers that do the same job."""

from collections import defaultdict

from benchmarks.bench import Bench
from benchmarks.figures import Report
from benchmarks.plot import Bars, document
from benchmarks.targets import BareFalcon, FastApi, GoReference, Service, Target

_Rounds = defaultdict[tuple[int, str], list[float]]
_KINDS = (Service, BareFalcon, FastApi, GoReference)


def run(bench: Bench) -> Report:
    """Load each target in turn, at each number of connections, round by round."""
    report = Report("intake", "How many orders a second are accepted and settled?")
    accepted: _Rounds = defaultdict(list)
    settled: _Rounds = defaultdict(list)
    with bench.running(_KINDS, report) as targets:
        for target in targets:
            bench.warm(target)

        def one_round(number: int) -> None:
            # Another one begins each round, so that none always goes first.
            turn = number % len(targets)
            for connections in bench.sizes.connections:
                for target in (*targets[turn:], *targets[:turn]):
                    _measure(bench, target, connections, accepted, settled)

        bench.rounds(one_round)
    _report(report, "accepted", accepted, [t.name for t in targets])
    _report(report, "settled", settled, [t.name for t in targets if t.settles])
    report.notes.append(
        "settled/s is orders by the time from the first request until the last outcome"
    )
    report.plot = document(
        _bars("accepted", accepted, bench), _bars("settled", settled, bench)
    )
    return report


def _measure(
    bench: Bench,
    target: Target,
    connections: int,
    accepted: _Rounds,
    settled: _Rounds,
) -> None:
    before = target.settled() if target.settles else 0
    summary = bench.closed(target.load(), connections)
    accepted[connections, target.name].append(summary.rate)
    if target.settles:
        seconds = summary.seconds + target.wait_settled()
        done = target.settled() - before
        settled[connections, target.name].append(done / seconds)


def _report(report: Report, what: str, rounds: _Rounds, names: list[str]) -> None:
    for connections in sorted({connections for connections, _ in rounds}):
        ours = rounds[connections, Service.name]
        report.add(f"service {what}, {connections} connections", "1/s", ours)
        for name in names[1:]:
            report.add(
                f"{name} {what}, {connections} connections",
                "1/s",
                rounds[connections, name],
            )
            ratio = f"service to {name}, {what}, {connections} connections"
            _add_ratio(report, ratio, ours, rounds[connections, name])


def _add_ratio(
    report: Report, what: str, ours: list[float], other: list[float]
) -> None:
    """Add the ratio of each round, whose median is less shaken than that of rates."""
    report.add(what, "x", [a / b for a, b in zip(ours, other, strict=True) if b])


def _bars(what: str, rounds: _Rounds, bench: Bench) -> Bars:
    measured = {name for _, name in rounds}
    names = [kind.name for kind in _KINDS if kind.name in measured]
    return Bars(
        f"Orders {what} a second",
        "orders/s",
        "connections",
        tuple(str(connections) for connections in bench.sizes.connections),
        {
            name: [rounds[connections, name] for connections in bench.sizes.connections]
            for name in names
        },
    )
