"""A backlog that waits on the topic: how fast it is settled, against ceilings."""

import time
from collections import defaultdict

from psycopg import sql

from benchmarks import backlog, ceilings
from benchmarks.bench import Bench
from benchmarks.figures import Report
from benchmarks.plot import Bars, document
from benchmarks.processes import wait_for
from benchmarks.targets import CannotRunError, GoReference, Service, Target
from orders.chaos.releases import THIS, Release

_CONSUMERS = (1, 2, 4)
_DRAIN_SECONDS = 600.0
_SPAN = sql.SQL(
    "select count(*) filter (where updated_at > first),"
    " extract(epoch from max(updated_at) - min(first))::double precision"
    " from orders, (select min(updated_at) as first from orders) as began"
)
_CONSUME, _SETTLE = "kafka-python consumes", "PostgreSQL settles"


def run(bench: Bench) -> Report:
    """Drain a fresh backlog with each number of consumers, round by round."""
    report = Report("drain", "How fast is a backlog on the topic settled?")
    rounds: dict[str, list[float]] = defaultdict(list)

    def one_round(_number: int) -> None:
        _measure_ceilings(bench, rounds)
        for consumers in _CONSUMERS:
            settings = {"ORDERS_KAFKA__CONSUMERS": str(consumers)}
            rate = settle_backlog(bench, report, settings)
            rounds[f"{consumers} consumers"].append(rate)
        if not report.skipped:
            try:
                rounds[GoReference.name].append(_go(bench))
            except CannotRunError as error:
                report.skipped.append(f"{GoReference.name}: {error}")

    bench.rounds(one_round)
    for base in (_CONSUME, _SETTLE):
        report.add(f"{base} alone", "1/s", rounds[base])
    if rounds[GoReference.name]:
        report.add(f"{GoReference.name} settles", "1/s", rounds[GoReference.name])
    for consumers in _CONSUMERS:
        name = f"{consumers} consumers"
        for base in (_CONSUME, _SETTLE, GoReference.name):
            report.add(f"service, {name}", "1/s", rounds[name], rounds[base], base)
    report.notes.append(
        f"{bench.sizes.orders:,} orders; the time runs from the first outcome to the"
        " last and has the joining of later consumers in it: few orders say little"
    )
    named = {name: each for name, each in rounds.items() if each}
    title = f"{bench.sizes.orders:,} waiting orders"
    bars = {"orders/s": list(named.values())}
    report.plot = document(Bars(title, "orders/s", "", tuple(named), bars))
    return report


def _measure_ceilings(bench: Bench, rounds: dict[str, list[float]]) -> None:
    events = backlog.make_events(bench.sizes.orders)
    with bench.place("ceilings", schema=True) as place:
        backlog.store(place, events)
        rounds[_SETTLE].append(ceilings.settle(place, events))
        backlog.publish(place, events)
        rounds[_CONSUME].append(ceilings.consume(place, len(events)))


def settle_backlog(
    bench: Bench,
    report: Report,
    settings: dict[str, str] | None = None,
    release: Release = THIS,
) -> float:
    """Return the orders that a new node settles a second of a new backlog."""
    events = backlog.make_events(bench.sizes.orders)
    with bench.place("drain") as place:
        release.migrate(place.database_url, place.brokers)
        backlog.store(place, events)
        backlog.publish(place, events)
        with bench.service(place, settings, release) as node:
            rate = _service_rate(node)
            replaced = node.logged("consumer.client_replaced")
    if replaced:
        report.notes.append(
            f"{replaced} times a Kafka client stood still and was replaced; its"
            f" records waited meanwhile ({rate:,.0f}/s, {settings or 'as by default'})"
        )
    return rate


def _go(bench: Bench) -> float:
    events = backlog.make_events(bench.sizes.orders)
    with bench.place("drain-go") as place:
        # Its first start makes the tables; nothing is on the topic yet.
        maker = GoReference(place, bench.logs)
        try:
            maker.start()
        finally:
            maker.stop()
        backlog.store_for_peer(place, events)
        backlog.publish(place, backlog.as_peer_events(events))
        peer = GoReference(place, bench.logs)
        try:
            peer.start()
            return _rate(peer)
        finally:
            peer.stop()


def _service_rate(node: Service) -> float:
    """Return the orders settled a second, by the times of their transactions.

    The first transaction has no beginning that is known, so its orders do not count:
    with thousands in one, they would make a short drain look fast.
    """
    wait_for(lambda: not node.unsettled(), _DRAIN_SECONDS, "the last outcome")
    behind_first, seconds = node.place.ask(_SPAN)
    if not seconds:
        raise RuntimeError("one transaction settled all: drain more orders")
    return float(str(behind_first)) / float(str(seconds))


def _rate(target: Target) -> float:
    """Return the orders settled a second; a peer settles them one by one."""
    wait_for(lambda: target.settled() > 0, _DRAIN_SECONDS, "the first outcome")
    began, before = time.perf_counter(), target.settled()
    wait_for(lambda: not target.unsettled(), _DRAIN_SECONDS, "the last outcome")
    return (target.settled() - before) / (time.perf_counter() - began)
