"""What one node knows about itself: facts that one actor states and others read."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class NodeStatus:
    """Each field has one writer; a reader may see a fact that is a moment old.

    Attributes:
        database_available: PostgreSQL answered an intake writer last time.
        database_error: what it said otherwise.
        reaching_database: the intake writers that it answered (each states its own).
        broker_available: Kafka answered last time (the first consumer).
        draining: the node is on its way out (the process's main thread).
        unpublished: outbox rows in the whole database, counted up to a limit
            (the sweeper, as the three below).
        outbox_oldest_age_seconds: age of the oldest of them.
        unsettled_oldest_age_seconds: age of the oldest order without an outcome.
        dead_letters: records put aside, counted up to a limit.
        group_lag: records the consumer group is behind, None when unknown.
        orders_per_second: how fast orders are being stored (the intake writer).
        waiters: clients waiting for an order to settle (the order reader).
        lag_by_consumer: records behind by partition (each consumer, its own entry).
    """

    database_available: bool = False
    database_error: str = "not connected yet"
    broker_available: bool = False
    draining: bool = False
    unpublished: int = 0
    outbox_oldest_age_seconds: float = 0.0
    unsettled_oldest_age_seconds: float = 0.0
    dead_letters: int = 0
    group_lag: int | None = None
    orders_per_second: float = 0.0
    waiters: int = 0
    lag_by_consumer: dict[str, Mapping[int, int]] = field(default_factory=dict)
    reaching_database: dict[str, bool] = field(default_factory=dict)

    def state_database(self, writer: str, error: str = "") -> None:
        """Note that ``writer`` reaches PostgreSQL, or does not for the ``error``."""
        self.reaching_database[writer] = not error
        self.database_available = True in self.reaching_database.values()
        self.database_error = "" if self.database_available else error

    @property
    def partition_lag(self) -> dict[int, int]:
        """Records behind, by partition this node reads."""
        lags = list(self.lag_by_consumer.values())
        return {number: behind for lag in lags for number, behind in lag.items()}
