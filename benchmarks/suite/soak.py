"""Hours in minutes: memory, descriptors and latency under a steady load."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from psycopg import sql

from benchmarks.bench import Bench
from benchmarks.client import run_open
from benchmarks.figures import Report
from benchmarks.plot import Lines, document
from benchmarks.processes import Usage, usage_of
from benchmarks.tally import Summary
from benchmarks.targets import Service, Target

_SHARE = 0.6
_CONNECTIONS = 64
_INTERVAL_SECONDS = 10.0
_PARTS = 4
_P99 = sql.SQL(
    "select percentile_cont(0.99) within group"
    " (order by 1000 * extract(epoch from updated_at - created_at)::double precision),"
    " count(*) from orders where created_at >= now() - make_interval(secs => %s)"
    " and status in ('PAID', 'FAILED')"
)


@dataclass(frozen=True, slots=True)
class _Sample:
    minute: float
    summary: Summary
    usage: Usage
    settled_p99_ms: float


def run(bench: Bench) -> Report:
    """Send 60 % of the peak at even intervals, and look at the node all the while."""
    report = Report("soak", "Does anything grow while the service runs?")
    with bench.running((Service,), report) as [service]:
        bench.warm(service)
        peak = [bench.closed(service.load(), _CONNECTIONS).rate for _ in range(3)]
        service.wait_settled()
        rate = _SHARE * median(peak)
        samples = _watch(bench, service, rate, report)
        service.wait_settled()
    report.notes.append(
        f"{rate:.0f} orders/s for {bench.sizes.minutes:g} minutes; each value is the"
        f" median of a quarter, {max(len(samples) // _PARTS, 1)} looks of"
        f" {_INTERVAL_SECONDS:.0f} s"
    )
    _add(report, samples)
    report.plot = document(*_plots(samples))
    return report


def _watch(bench: Bench, service: Target, rate: float, report: Report) -> list[_Sample]:
    samples: list[_Sample] = []
    seconds = bench.sizes.minutes * 60
    # The last line is the sum of the whole load.
    for summary in run_open(service.load(), rate, seconds, _INTERVAL_SECONDS):
        if summary.seconds >= 2 * _INTERVAL_SECONDS:
            refused = summary.answered - summary.accepted
            report.notes.append(
                f"{summary.answered:,} answers, {refused} refused, {summary.lost} lost"
            )
            continue
        minute = (len(samples) + 1) * _INTERVAL_SECONDS / 60
        p99 = service.place.ask(_P99, _INTERVAL_SECONDS)[0]
        usage = usage_of(service.pid)
        sample = _Sample(minute, summary, usage, float(str(p99 or 0)))
        samples.append(sample)
        print(
            f"  {minute:5.1f} min: {summary.rate:.0f}/s, p99 {summary.p99_ms:.1f} ms,"
            f" settled p99 {sample.settled_p99_ms:.0f} ms, {usage.rss_mib:.0f} MiB,"
            f" {usage.descriptors} descriptors",
            flush=True,
        )
    return samples


def _add(report: Report, samples: list[_Sample]) -> None:
    """Add the first and the last quarter of each thing that could grow."""
    quarter = max(len(samples) // _PARTS, 1)
    for what, unit, value in (
        ("memory", "MiB", lambda it: it.usage.rss_mib),
        ("descriptors", "", lambda it: float(it.usage.descriptors)),
        ("threads", "", lambda it: float(it.usage.threads)),
        ("answer p50", "ms", lambda it: it.summary.p50_ms),
        ("answer p99", "ms", lambda it: it.summary.p99_ms),
        ("accepted to settled p99", "ms", lambda it: it.settled_p99_ms),
    ):
        first = [value(sample) for sample in samples[:quarter]]
        last = [value(sample) for sample in samples[-quarter:]]
        report.add(f"{what}, first quarter", unit, first)
        report.add(f"{what}, last quarter", unit, last, first, "first quarter")


def _plots(samples: list[_Sample]) -> list[Lines]:
    def line(pick: Callable[[_Sample], float]) -> list[tuple[float, float]]:
        return [(sample.minute, pick(sample)) for sample in samples]

    return [
        Lines(
            "Memory of the node",
            "MiB",
            "minutes",
            {"resident memory": line(lambda it: it.usage.rss_mib)},
        ),
        Lines(
            "Descriptors and threads of the node",
            "count",
            "minutes",
            {
                "descriptors": line(lambda it: it.usage.descriptors),
                "threads": line(lambda it: it.usage.threads),
            },
        ),
        Lines(
            "Latency",
            "ms",
            "minutes",
            {
                "answer p50": line(lambda it: it.summary.p50_ms),
                "answer p99": line(lambda it: it.summary.p99_ms),
                "accepted to settled p99": line(lambda it: it.settled_p99_ms),
            },
        ),
    ]
