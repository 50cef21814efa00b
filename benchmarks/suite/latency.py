"""How long an answer and a settlement take at a given rate of orders."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from psycopg import sql

from benchmarks.bench import Bench
from benchmarks.client import run_open
from benchmarks.figures import Report, number_text
from benchmarks.plot import Bars, document
from benchmarks.tally import Summary
from benchmarks.targets import FastApi, GoReference, Service, Target

_SHARES = (0.25, 0.5, 0.75)
_COMMON_RATE = 1000.0
_PEAK_CONNECTIONS = 64
_QUANTILES = ("p50", "p99", "p99.9")
NOW = sql.SQL("select clock_timestamp()")
SETTLED_AFTER = sql.SQL(
    "select percentile_cont(array[0.5, 0.99, 0.999]) within group"
    " (order by 1000 * extract(epoch from updated_at - created_at)::double precision)"
    " from orders where created_at >= %s and status in ('PAID', 'FAILED')"
)
_Rounds = defaultdict[str, list[Sequence[float]]]
"""By name of a load: the quantiles in ms of each round."""


def run(bench: Bench) -> Report:
    """Find the peak, then send shares of it at even intervals, round by round."""
    report = Report("latency", "How long do an answer and an outcome take?")
    answers: _Rounds = defaultdict(list)
    outcomes: _Rounds = defaultdict(list)
    late: dict[str, list[float]] = defaultdict(list)
    with bench.running((Service, FastApi, GoReference), report) as targets:
        for target in targets:
            bench.warm(target)
        service, *peers = targets
        peak = _peak(bench, service, report)
        rates = {f"{share:.0%} of the peak": share * peak for share in _SHARES}
        rates["1,000/s"] = _COMMON_RATE

        def one_round(_number: int) -> None:
            for name, rate in rates.items():
                since = service.place.ask(NOW)[0]
                whole = _send(bench, service, rate, report)
                answers[name].append(_times(whole))
                late[name].append(whole.late_ms)
                service.wait_settled()
                [found] = service.place.ask(SETTLED_AFTER, since)
                outcomes[name].append(quantiles(found))
            for peer in peers:
                whole = _send(bench, peer, _COMMON_RATE, report)
                answers[peer.name].append(_times(whole))
                late[peer.name].append(whole.late_ms)
                peer.wait_settled()

        bench.rounds(one_round)
    _add(report, "answer", answers, [peer.name for peer in peers])
    _add(report, "accepted to settled", outcomes, [])
    for name, each in late.items():
        report.add(f"client's own delay at the most, {name}", "ms", each)
    report.notes += [
        (
            "times of answers count from when a request was due, by our own client; its"
            " own delay is in them: where that is large, they say more of it"
        ),
        (
            "accepted to settled is from the start of one transaction to that of"
            " the other, by the database's clock, of every order"
        ),
        (
            f"p99.9 stands on {_COMMON_RATE * bench.sizes.seconds:.0f} answers a"
            " round at 1,000/s"
        ),
    ]
    report.plot = document(
        _bars("Time to the answer", answers), _bars("Accepted to settled", outcomes)
    )
    return report


def _peak(bench: Bench, service: Target, report: Report) -> float:
    rounds = []
    for _ in range(3):
        rounds.append(bench.closed(service.load(), _PEAK_CONNECTIONS).rate)
        service.wait_settled()
    report.add(f"peak, {_PEAK_CONNECTIONS} connections", "1/s", rounds)
    return median(rounds)


def _send(bench: Bench, target: Target, rate: float, report: Report) -> Summary:
    *_, whole = run_open(target.load(), rate, bench.sizes.seconds)
    note_trouble(report, target.name, rate, whole)
    return whole


def _times(whole: Summary) -> tuple[float, ...]:
    return (whole.p50_ms, whole.p99_ms, whole.p999_ms)


def note_trouble(report: Report, name: str, rate: float, whole: Summary) -> None:
    """Note how many orders were not accepted, if any."""
    refused = whole.answered - whole.accepted
    if refused or whole.lost:
        report.notes.append(
            f"{name} at {number_text(rate)}/s: {refused} refused,"
            f" {whole.lost} without an answer"
        )


def quantiles(found: object) -> tuple[float, ...]:
    """Return what ``SETTLED_AFTER`` found, zeros where nothing was settled."""
    return (
        tuple(float(value) for value in found)
        if isinstance(found, list)
        else (0.0,) * 3
    )


def _add(report: Report, what: str, rounds: _Rounds, peers: list[str]) -> None:
    for name, each in rounds.items():
        who = f"{name} at 1,000/s" if name in peers else f"service at {name}"
        for place, quantile in enumerate(_QUANTILES):
            values = [found[place] for found in each]
            ours = [found[place] for found in rounds["1,000/s"]]
            base = ours if name in peers else []
            report.add(f"{who}, {what} {quantile}", "ms", values, base, "service")


def _bars(title: str, rounds: _Rounds) -> Bars:
    return Bars(
        title,
        "ms",
        "rate of orders (peers at 1,000/s)",
        tuple(rounds),
        {
            quantile: [[found[place] for found in each] for each in rounds.values()]
            for place, quantile in enumerate(_QUANTILES)
        },
    )
