from collections.abc import Callable, Mapping

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import FilteringBoundLogger

from orders.domain.order import OrderStatus, PaymentStatus
from orders.observability.distribution import Distribution
from orders.observability.gauges import CONSUMER_LAG, GAUGES, OUTBOX_PENDING, Gauge
from orders.observability.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    log: FilteringBoundLogger = structlog.get_logger()
    return Metrics(log, version="1.2.3", git_sha="abc")


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"orders_{name}", labels)


def test_a_request_is_counted_by_method_route_and_status(metrics: Metrics) -> None:
    for status in (202, 202, 503):
        metrics.http_request("POST", "/v1/orders", status, 0.004)

    labels = {"method": "POST", "route": "/v1/orders"}
    assert value(metrics, "http_requests_total", **labels, status="202") == 2
    assert value(metrics, "http_requests_total", **labels, status="503") == 1
    assert value(metrics, "http_request_duration_seconds_count", **labels) == 3


def test_a_duration_counts_in_every_bucket_from_its_own_on(metrics: Metrics) -> None:
    metrics.http_request("GET", "/v1/orders/{id}", 200, 0.0034)

    def bucket(bound: str) -> float | None:
        return value(
            metrics,
            "http_request_duration_seconds_bucket",
            method="GET",
            route="/v1/orders/{id}",
            le=bound,
        )

    assert [bucket("0.0025"), bucket("0.005"), bucket("+Inf")] == [0, 1, 1]


def test_a_value_equal_to_a_bound_belongs_below_it() -> None:
    distribution = Distribution((1.0, 2.0))

    distribution.add(1.0)

    assert distribution.buckets() == [("1.0", 1.0), ("2.0", 1.0), ("+Inf", 1.0)]


def test_refunds_are_counted_by_where_they_left_their_order(metrics: Metrics) -> None:
    metrics.refunded(PaymentStatus.PARTIALLY_REFUNDED)

    labels = {"payment_status": "PARTIALLY_REFUNDED"}
    assert value(metrics, "refunds_total", **labels) == 1


def test_methods_that_clients_make_up_share_a_series(metrics: Metrics) -> None:
    for number in range(100):
        metrics.http_request(f"X{number}", "unmatched", 405, 0.001)

    labels = {"method": "OTHER", "route": "unmatched", "status": "405"}
    assert value(metrics, "http_requests_total", **labels) == 100


def test_the_number_of_series_is_bounded(metrics: Metrics) -> None:
    for number in range(2000):
        metrics.http_request("GET", f"/{number}", 200, 0.001)

    text = metrics.exposition().decode()
    assert text.count("orders_http_requests_total{") <= 501
    labels = {"method": "GET", "route": "OTHER", "status": "200"}
    assert value(metrics, "http_requests_total", **labels) == 1500


def test_settled_orders_are_counted_with_their_age(metrics: Metrics) -> None:
    metrics.settled(OrderStatus.PAID, [0.02, 0.04])
    metrics.settled(OrderStatus.FAILED, [9.0])

    assert value(metrics, "settled_total", status="PAID") == 2
    assert value(metrics, "settled_total", status="FAILED") == 1
    assert value(metrics, "end_to_end_seconds_count") == 3
    assert value(metrics, "end_to_end_seconds_sum") == pytest.approx(9.06)


@pytest.mark.parametrize(
    ("count", "name", "labels"),
    [
        (lambda m: m.accepted(3), "accepted_total", {}),
        (lambda m: m.published(3), "published_total", {}),
        (lambda m: m.unknown_orders(3), "unknown_orders_total", {}),
        (lambda m: m.compare_and_set_lost(3), "cas_lost_total", {}),
        (lambda m: m.settlements_held(3), "held_total", {}),
        (lambda m: m.rejected("full", 3), "rejected_total", {"reason": "full"}),
    ],
)
def test_counts_add_up(
    metrics: Metrics,
    count: Callable[[Metrics], None],
    name: str,
    labels: Mapping[str, str],
) -> None:
    count(metrics)
    count(metrics)

    assert value(metrics, name, **labels) == 6


def test_restarts_are_counted_by_actor(metrics: Metrics) -> None:
    metrics.actor_restarted("sweeper")

    assert value(metrics, "actor_restarts_total", actor="sweeper") == 1


def test_turns_of_the_loop_are_counted(metrics: Metrics) -> None:
    metrics.loop_turn(0.002)

    assert value(metrics, "loop_turn_seconds_count") == 1


def test_the_build_says_what_runs(metrics: Metrics) -> None:
    text = metrics.exposition().decode()

    assert 'orders_build_info{git_sha="abc",python="3.' in text
    assert 'version="1.2.3"} 1.0' in text


def test_a_gauge_is_read_at_each_scrape_and_not_before(metrics: Metrics) -> None:
    readings = iter([1.0, 2.0])
    metrics.register_gauge(OUTBOX_PENDING, lambda: next(readings))

    assert value(metrics, "outbox_pending") == 1
    assert value(metrics, "outbox_pending") == 2


def test_a_gauge_may_have_labels(metrics: Metrics) -> None:
    metrics.register_gauge(CONSUMER_LAG, lambda: {("0",): 5, ("1",): 0})

    assert value(metrics, "consumer_lag", partition="0") == 5


def test_what_is_not_known_is_left_out(metrics: Metrics) -> None:
    metrics.register_gauge(OUTBOX_PENDING, lambda: None)

    assert value(metrics, "outbox_pending") is None


def test_a_gauge_that_fails_does_not_cost_the_scrape(metrics: Metrics) -> None:
    metrics.register_gauge(OUTBOX_PENDING, lambda: 1 / 0)
    metrics.register_gauge(CONSUMER_LAG, lambda: {("0",): 5})

    with capture_logs() as logs:
        lag = value(metrics, "consumer_lag", partition="0")

    assert lag == 5
    assert [line["event"] for line in logs] == ["metrics.gauge_failed"]


def test_a_gauge_is_registered_once(metrics: Metrics) -> None:
    metrics.register_gauge(Gauge("x", "x"), lambda: 1)

    with pytest.raises(ValueError, match="twice"):
        metrics.register_gauge(Gauge("x", "x"), lambda: 1)


def test_every_metric_name_has_the_prefix_of_the_service(metrics: Metrics) -> None:
    for gauge in GAUGES:
        metrics.register_gauge(gauge, lambda: None)

    names = {family.name for family in metrics.registry.collect()}

    foreign = {name for name in names if not name.startswith("orders_")}
    assert all(name.startswith(("process_", "python_gc_")) for name in foreign)
