import structlog

from orders.domain.order import OrderStatus
from orders.observability.gauges import CONSUMER_LAG, DEAD_LETTERS, MAILBOX_DEPTH
from orders.observability.metrics import Metrics
from orders.observability.status import Status, StatusReader


def status_of(metrics: Metrics) -> Status:
    times = iter([100.0, 107.5])
    return StatusReader(metrics.registry, clock=lambda: next(times)).read()


def make_metrics() -> Metrics:
    return Metrics(structlog.get_logger(), version="1")


def test_counters_are_summed_over_their_labels() -> None:
    metrics = make_metrics()
    metrics.settled(OrderStatus.PAID, [0.1, 0.1])
    metrics.settled(OrderStatus.FAILED, [0.1])

    status = status_of(metrics)

    assert status["counters"]["settled"] == 3
    assert status["settled"] == {"PAID": 2, "FAILED": 1}


def test_actors_show_their_work_and_their_restarts() -> None:
    metrics = make_metrics()
    metrics.register_gauge(MAILBOX_DEPTH, lambda: {("sweeper",): 4})
    metrics.actor_restarted("notifier")

    assert status_of(metrics)["actors"] == {
        "notifier": {"mailbox_depth": 0, "restarts": 1},
        "sweeper": {"mailbox_depth": 4, "restarts": 0},
    }


def test_gauges_are_shown_where_known() -> None:
    metrics = make_metrics()
    metrics.register_gauge(DEAD_LETTERS, lambda: 2)
    metrics.register_gauge(CONSUMER_LAG, lambda: {("0",): 9})

    status = status_of(metrics)

    assert status["gauges"] == {"dead_letters": 2}
    assert status["consumer_lag"] == {"0": 9}


def test_uptime_runs_from_the_making_of_the_reader() -> None:
    assert status_of(make_metrics())["uptime_seconds"] == 7.5
