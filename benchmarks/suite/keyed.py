"""What an ``Idempotency-Key`` costs: one of its own for each order, against none."""

from benchmarks.bench import Bench
from benchmarks.figures import Report
from benchmarks.plot import Bars, document
from benchmarks.targets import Service

_PATH = "/v1/orders"
_CONNECTIONS = 64


def run(bench: Bench) -> Report:
    """Load one node with and without keys in turn."""
    report = Report("keyed", "What does an Idempotency-Key cost?")
    plain: list[float] = []
    keyed: list[float] = []
    with bench.running((Service,), report) as [service]:
        bench.warm(service)

        def one_round(number: int) -> None:
            without = bench.closed(service.load(_PATH), _CONNECTIONS)
            service.wait_settled()
            load = service.load(_PATH, keys=f"round-{number}")
            with_keys = bench.closed(load, _CONNECTIONS)
            service.wait_settled()
            plain.append(without.rate)
            keyed.append(with_keys.rate)

        bench.rounds(one_round)
    report.add("without keys, accepted", "1/s", plain)
    report.add("with keys, accepted", "1/s", keyed, plain, "without keys")
    report.plot = document(
        Bars(
            "Orders accepted a second, POST /v1/orders, 64 connections",
            "orders/s",
            "",
            ("without keys", "with keys"),
            {"service": [plain, keyed]},
        )
    )
    return report
