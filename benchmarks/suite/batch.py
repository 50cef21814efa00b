"""Orders that come many at a time, as NDJSON, against single ones."""

from benchmarks.bench import Bench
from benchmarks.client import Load
from benchmarks.figures import Report
from benchmarks.plot import Bars, document
from benchmarks.processes import status_of
from benchmarks.targets import Service, Target

_ROUTE = "/v1/orders/batch"
_MEMBERS = (100, 1000)
_SINGLE_CONNECTIONS, _BATCH_CONNECTIONS = 64, 4
_ABSENT = frozenset({404, 405})


def run(bench: Bench) -> Report:
    """Load one node with single orders and with batches in turn."""
    report = Report("batch", "What do orders gain by coming many at a time?")
    rounds: dict[str, list[float]] = {"single": []}
    rounds |= {f"batches of {members}": [] for members in _MEMBERS}
    with bench.running((Service,), report) as [service]:
        # Without the route this is the path of an order, which takes no POST.
        if status_of(service.port, _ROUTE, "POST") in _ABSENT:
            report.skipped.append(f"this version has no POST {_ROUTE}")
            return report
        bench.warm(service)

        def one_round(_number: int) -> None:
            single = bench.closed(service.load("/v1/orders"), _SINGLE_CONNECTIONS)
            service.wait_settled()
            rounds["single"].append(single.rate)
            for members in _MEMBERS:
                load = service.load(_ROUTE, batch=members)
                rounds[f"batches of {members}"].append(_accepted(bench, service, load))

        bench.rounds(one_round)
    for name, each in rounds.items():
        base = [] if name == "single" else rounds["single"]
        report.add(f"{name}, accepted", "1/s", each, base, "single orders")
    report.plot = document(
        Bars(
            "Orders accepted a second, single ones and as NDJSON",
            "orders/s",
            "",
            tuple(rounds),
            {"service": list(rounds.values())},
        )
    )
    return report


def _accepted(bench: Bench, service: Target, load: Load) -> float:
    """Return the orders accepted a second, by the answers that came in time.

    What was under way at the end is stored as well and does not count: with a
    thousand in each request, it would make a short load look fast.
    """
    before = service.settled()
    summary = bench.closed(load, _BATCH_CONNECTIONS)
    service.wait_settled()
    stored, told = service.settled() - before, summary.accepted * load.batch
    if not told <= stored <= told + _BATCH_CONNECTIONS * load.batch:
        raise RuntimeError(f"{told} orders were acknowledged, {stored} are stored")
    return summary.rate * load.batch
