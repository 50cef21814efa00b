"""Counts answered requests for less than a microsecond each."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from orders.observability.distribution import Distribution

LATENCY_BOUNDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "OTHER"
_MAX_SERIES = 500


class _Answers:
    """Answers of one method, route and status."""

    __slots__ = ("count", "durations")

    def __init__(self, durations: Distribution) -> None:
        self.count = 0
        self.durations = durations


class HttpMetrics(Collector):
    """``http_requests_total`` and ``http_request_duration_seconds``.

    ``count`` is called on the event loop's thread only, so it needs no lock.
    A client chooses its method freely; unknown ones share one label, and the number
    of series is bounded.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._answers: dict[tuple[str, str, int], _Answers] = {}
        self._durations: dict[tuple[str, str], Distribution] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        try:
            answers = self._answers[method, route, status]
        except KeyError:
            answers = self._first(method, route, status)
        answers.count += 1
        answers.durations.add(seconds)

    def collect(self) -> Iterator[Metric]:
        """Report both metrics."""
        requests = CounterMetricFamily(
            self._prefix + "http_requests",
            "Answered requests.",
            labels=("method", "route", "status"),
        )
        for (method, route, status), answers in self._answers.copy().items():
            requests.add_metric((method, route, str(status)), answers.count)
        yield requests
        durations = HistogramMetricFamily(
            self._prefix + "http_request_duration_seconds",
            "From the request's last byte to its answer.",
            labels=("method", "route"),
        )
        for labels, seconds in self._durations.copy().items():
            durations.add_metric(labels, seconds.buckets(), seconds.sum)
        yield durations

    def _first(self, method: str, route: str, status: int) -> _Answers:
        if method not in _METHODS:
            method = _OTHER
        if len(self._answers) >= _MAX_SERIES:
            route = _OTHER
        key = (method, route, status)
        answers = self._answers.get(key)
        if answers is None:
            durations = self._durations.setdefault(
                (method, route), Distribution(LATENCY_BOUNDS)
            )
            answers = self._answers[key] = _Answers(durations)
        return answers
