from orders.cli.demo.ledger import Latency, Ledger, latency
from orders.domain.order import OrderStatus


def test_percentiles_are_nearest_ranks_in_milliseconds() -> None:
    durations = [number / 1000 for number in range(100, 0, -1)]

    assert latency(durations) == Latency(p50=50.0, p99=99.0)


def test_nothing_measured_is_no_latency() -> None:
    assert latency([]) == Latency(None, None)


def test_a_tally_counts_orders_by_outcome() -> None:
    ledger = Ledger(planned=3)
    ledger.accepted(0.001)
    ledger.accepted(0.001)
    ledger.settled(OrderStatus.PAID, 0.002)

    tally = ledger.tally()

    assert (tally.planned, tally.accepted, tally.done) == (3, 2, 1)
    assert tally.settled == {OrderStatus.PAID: 1}
