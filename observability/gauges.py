"""The gauges of the service: what is read at the moment of a scrape.

Their values belong to other parts, which keep them anyway; reading costs nothing
between two scrapes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Gauge(NamedTuple):
    """A gauge's name without the ``orders_`` prefix, its help and its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


Reading = float | Mapping[tuple[str, ...], float] | None
"""The value, or values by label values; None while it is not known."""

Reader = Callable[[], Reading]
"""Called on the scraping thread; must not wait."""

UNSETTLED_OLDEST_AGE_SECONDS = Gauge(
    "unsettled_oldest_age_seconds", "Age of the oldest order that is not settled."
)
UNSETTLED_OLDEST_AGE_STALE_SECONDS = Gauge(
    "unsettled_oldest_age_stale_seconds",
    "How long ago the age of the oldest unsettled order was last known.",
)
SEARCH_BEHIND_SECONDS = Gauge(
    "search_behind_seconds",
    "How far the search for stuck orders keeps behind the present.",
)
OUTBOX_PENDING = Gauge("outbox_pending", "Events in the outbox, not yet in Kafka.")
OUTBOX_OLDEST_AGE_SECONDS = Gauge(
    "outbox_oldest_age_seconds", "Age of the oldest event in the outbox."
)
UNWRITABLE_PARTITIONS = Gauge(
    "unwritable_partitions", "Partitions that Kafka does not write to at present."
)
CONSUMER_LAG = Gauge(
    "consumer_lag", "Records behind, of partitions this node reads.", ("partition",)
)
MAILBOX_DEPTH = Gauge("mailbox_depth", "Work waiting for an actor.", ("actor",))
DB_CONNECTED = Gauge(
    "db_connected", "1 while the session's connection works.", ("session",)
)
DEAD_LETTERS = Gauge("dead_letters", "Records kept because nobody could process them.")
PARKED_REQUESTS = Gauge("parked_requests", "Requests that wait for an answer.")
HTTP_CONNECTIONS = Gauge("http_connections", "Open client connections.")
LOG_LINES_DROPPED = Gauge(
    "log_lines_dropped", "Log lines lost since the start because stdout failed."
)

GAUGES = (
    UNSETTLED_OLDEST_AGE_SECONDS,
    UNSETTLED_OLDEST_AGE_STALE_SECONDS,
    SEARCH_BEHIND_SECONDS,
    OUTBOX_PENDING,
    OUTBOX_OLDEST_AGE_SECONDS,
    UNWRITABLE_PARTITIONS,
    CONSUMER_LAG,
    MAILBOX_DEPTH,
    DB_CONNECTED,
    DEAD_LETTERS,
    PARKED_REQUESTS,
    HTTP_CONNECTIONS,
    LOG_LINES_DROPPED,
)
"""Those that a node is expected to register."""


class GaugeCollector(Collector):
    """Reads the registered gauges; one that fails is left out and reported.

    Args:
        prefix: goes before every name.
        on_failure: told the gauge's name and the error, on the scraping thread.

    """

    def __init__(
        self, prefix: str, on_failure: Callable[[str, Exception], None]
    ) -> None:
        self._prefix = prefix
        self._on_failure = on_failure
        self._gauges: dict[str, tuple[Gauge, Reader]] = {}

    def add(self, gauge: Gauge, reader: Reader) -> None:
        """Read ``gauge`` from now on.

        Raises:
            ValueError: a gauge of this name is there already.

        """
        if gauge.name in self._gauges:
            raise ValueError(f"gauge {gauge.name} is registered twice")
        # Replaced, not changed: a scrape may be going through it.
        self._gauges = {**self._gauges, gauge.name: (gauge, reader)}

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name nothing in advance: that keeps the registry from reading at start."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read every gauge."""
        for gauge, reader in self._gauges.values():
            try:
                yield self._family(gauge, reader())
            except Exception as error:  # noqa: BLE001 - one reader must not cost the scrape
                self._on_failure(gauge.name, error)

    def _family(self, gauge: Gauge, reading: Reading) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            self._prefix + gauge.name, gauge.help, labels=gauge.labels
        )
        if isinstance(reading, Mapping):
            for labels, value in sorted(reading.items()):
                family.add_metric(labels, value)
        elif reading is not None:
            family.add_metric((), reading)
        return family
