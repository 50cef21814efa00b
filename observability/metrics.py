"""The metrics of a node, on a registry of its own."""

import platform
import threading
from collections.abc import Iterable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client import Gauge as StoredGauge
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

from orders.domain.order import OrderStatus, PaymentStatus
from orders.observability.distribution import Distribution
from orders.observability.gauges import Gauge, GaugeCollector, Reader
from orders.observability.http_metrics import HttpMetrics

PREFIX = "orders_"
END_TO_END_BOUNDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
    3600.0,
)  # fmt: skip
LOOP_TURN_BOUNDS = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0)


class _Histogram(Collector):
    """One unlabelled distribution under its name."""

    def __init__(self, name: str, text: str, bounds: Sequence[float]) -> None:
        self.values = Distribution(bounds)
        self._name = PREFIX + name
        self._help = text

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Report the distribution."""
        family = HistogramMetricFamily(self._name, self._help)
        family.add_metric((), self.values.buckets(), self.values.sum)
        yield family


class Metrics:
    """Implements the actors' ``Telemetry`` and the HTTP side's ``RequestMeter``.

    Args:
        log: told when a gauge cannot be read.
        version: of this software.
        git_sha: the commit it was built from, empty when not known.

    """

    def __init__(
        self, log: FilteringBoundLogger, *, version: str, git_sha: str = ""
    ) -> None:
        # Twice as many series, and process_start_time_seconds says the same.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=False)
        self._log = log
        self._accepted = self._counter("accepted", "Orders committed.")
        self._settled = self._counter("settled", "Orders settled.", "status")
        self._refunds = self._counter(
            "refunds", "Refunds, by where they left their order.", "payment_status"
        )
        self._rejected = self._counter("rejected", "Requests refused.", "reason")
        self._published = self._counter("published", "Events confirmed by Kafka.")
        self._unknown = self._counter(
            "unknown_orders", "Records naming orders that the database does not have."
        )
        self._cas_lost = self._counter(
            "cas_lost", "Settlements whose order another one had moved on."
        )
        self._held = self._counter(
            "held", "Settlements put off since another transaction held their order."
        )
        self._restarts = self._counter("actor_restarts", "Actors replaced.", "actor")
        self._end_to_end = _Histogram(
            "end_to_end_seconds", "From acceptance to settlement.", END_TO_END_BOUNDS
        )
        self._end_to_end_lock = threading.Lock()
        self._loop_turn = _Histogram(
            "loop_turn_seconds", "One turn of the event loop.", LOOP_TURN_BOUNDS
        )
        self._http = HttpMetrics(PREFIX)
        self._gauges = GaugeCollector(PREFIX, self._report_gauge)
        self.http_request = self._http.count
        """``RequestMeter``: on the event loop's thread only."""
        self.loop_turn = self._loop_turn.values.add
        """Count one turn, in seconds: on the event loop's thread only."""
        self._register(version, git_sha)

    # --- Telemetry ---------------------------------------------------------------

    def accepted(self, count: int) -> None:
        """``count`` orders were committed."""
        self._accepted.inc(count)

    def settled(self, status: OrderStatus, ages_seconds: Sequence[float]) -> None:
        """Orders reached ``status``; ages run from their acceptance."""
        self._settled.labels(status.value).inc(len(ages_seconds))
        add = self._end_to_end.values.add
        with self._end_to_end_lock:
            for age in ages_seconds:
                add(age)

    def refunded(self, payment_status: PaymentStatus) -> None:
        """Money of an order went back, which left it in ``payment_status``."""
        self._refunds.labels(payment_status.value).inc()

    def rejected(self, reason: str, count: int = 1) -> None:
        """``count`` requests were refused."""
        self._rejected.labels(reason).inc(count)

    def published(self, count: int) -> None:
        """``count`` events were confirmed by Kafka."""
        self._published.inc(count)

    def unknown_orders(self, count: int) -> None:
        """``count`` records named orders that the database does not have."""
        self._unknown.inc(count)

    def compare_and_set_lost(self, count: int) -> None:
        """``count`` settlements found their order already moved on."""
        self._cas_lost.inc(count)

    def settlements_held(self, count: int) -> None:
        """``count`` settlements were put off: others hold their orders."""
        self._held.inc(count)

    def actor_restarted(self, role: str) -> None:
        """An actor was replaced."""
        self._restarts.labels(role).inc()

    # --- reading -----------------------------------------------------------------

    def register_gauge(self, gauge: Gauge, reader: Reader) -> None:
        """Read ``gauge`` at every scrape, on the scraping thread.

        Raises:
            ValueError: a gauge of this name is there already.

        """
        self._gauges.add(gauge, reader)

    def exposition(self) -> bytes:
        """Return everything in the Prometheus text format, version 0.0.4."""
        return generate_latest(self.registry)

    def _register(self, version: str, git_sha: str) -> None:
        for collector in (self._end_to_end, self._loop_turn, self._http, self._gauges):
            self.registry.register(collector)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        build = StoredGauge(
            PREFIX + "build_info",
            "Always 1; the labels say what runs.",
            ("version", "git_sha", "python"),
            registry=self.registry,
        )
        build.labels(version, git_sha, platform.python_version()).set(1)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, text, labels, registry=self.registry)

    def _report_gauge(self, name: str, error: Exception) -> None:
        self._log.warning("metrics.gauge_failed", reason=name, error=repr(error))
