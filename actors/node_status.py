"""What one node knows about itself: facts that one actor states and others read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

_NEWEST_COUNTS = 0.03
"""How much the latest piece of work moves what one is expected to take."""


@dataclass(slots=True)
class NodeStatus:
    """Each fact has one writer; a reader may see one that is a moment old.

    Attributes:
        database_errors: what kept an intake writer from PostgreSQL last time, "" where
            it answered (each intake writer, its own entry).
        broker_available: Kafka answered last time (the first consumer).
        broker_error: why it did not, "" where it answered (the first consumer).
        leaving: the node was told to stop, and may still take requests (the process's
            main thread).
        unwritable_partitions: Kafka does not write to them at present; their events
            stay in the outbox (the event producer).
        draining: the node is on its way out (the process's main thread).
        unpublished: outbox rows in the whole database, counted up to a limit
            (the sweeper, as the five below).
        outbox_oldest_age_seconds: age of the oldest of them.
        unsettled_oldest_age_seconds: age of the oldest order without an outcome, as
            it was last known.
        unsettled_known_at: when that was, by the actors' clock; None before.
        search_behind_seconds: how far the search for stuck orders keeps behind.
        dead_letters: records put aside, counted up to a limit.
        commits_under_way: since when an intake writer waits for a commit, in the
            clock's seconds (each intake writer, its own entry).
        commit_ended: when one of them last came to an end (any intake writer).
        store_rates: orders a second while storing (each intake writer, its own entry).
        store_seconds: how long a batch took, the shorter of the last two (each intake
            writer, its own entry).
        seconds_each: how long one piece of work takes, on average (the page readers and
            the order changer, each its own entry).
        waiters: clients waiting for an order to settle (the order reader).
        lag_by_consumer: records behind by partition (each consumer, its own entry).
    """

    broker_available: bool = False
    broker_error: str = "not connected yet"
    leaving: bool = False
    unwritable_partitions: Collection[int] = ()
    draining: bool = False
    unpublished: int = 0
    outbox_oldest_age_seconds: float = 0.0
    unsettled_oldest_age_seconds: float = 0.0
    unsettled_known_at: float | None = None
    search_behind_seconds: float = 0.0
    dead_letters: int = 0
    waiters: int = 0
    lag_by_consumer: dict[str, Mapping[int, int]] = field(default_factory=dict)
    database_errors: dict[str, str] = field(default_factory=dict)
    commits_under_way: dict[str, float] = field(default_factory=dict)
    commit_ended: float = 0.0
    store_rates: dict[str, float] = field(default_factory=dict)
    store_seconds: dict[str, float] = field(default_factory=dict)
    seconds_each: dict[str, float] = field(default_factory=dict)

    @property
    def database_available(self) -> bool:
        """Whether PostgreSQL answered one of the intake writers last time."""
        return "" in self.database_errors.values()

    @property
    def database_error(self) -> str:
        """What it said otherwise."""
        if self.database_available:
            return ""
        return next(iter([*self.database_errors.values()]), "not connected yet")

    def reaches_database(self, writer: str) -> bool:
        """Tell whether it answered this one."""
        return self.database_errors.get(writer) == ""

    def took(self, role: str, seconds: float) -> None:
        """Note how long ``role`` worked on one thing; its holder's thread."""
        before = self.seconds_each.get(role, 0.0)  # one slow one alone says little
        self.seconds_each[role] = before + _NEWEST_COUNTS * (seconds - before)

    def stalled_seconds(self, now: float) -> float:
        """Return for how long every commit has been waiting, 0 while some end."""
        since = min([*self.commits_under_way.values()], default=now)
        return now - since if since > self.commit_ended else 0.0

    @property
    def orders_per_second(self) -> float:
        """How fast orders are being stored."""
        return sum([*self.store_rates.values()])

    @property
    def partition_lag(self) -> dict[int, int]:
        """Records behind, by partition this node reads."""
        lags = list(self.lag_by_consumer.values())
        return {number: behind for lag in lags for number, behind in lag.items()}
