"""When something counts as left behind."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SweepRules:
    """Ages in seconds of database time.

    Attributes:
        interval_seconds: time between sweeps.
        lease_seconds: how long a node counts as alive after its last sign.
        abandoned_after_seconds: age at which any node's outbox rows are published, if
            the oldest has stayed the same for as long with Kafka there; must exceed
            the time after which a producer gives up by itself.
        stuck_after_seconds: age at which an unsettled order is looked at.
        settle_anyway_after_seconds: age at which it is settled whatever Kafka says.
        stuck_backoff_seconds: first pause before it is looked at again.
        stuck_page: stuck orders taken up in one statement.
        tolerated_lag: records of one partition; a larger lag explains why its orders
            are old, and a backlog must not be copied into a bigger one.
        advances_within_seconds: a partition whose committed offset stood still for
            longer explains nothing.
        max_unpublished: how far outbox rows are counted.
        key_retention_seconds: age at which idempotency keys are deleted.
    """

    interval_seconds: float = 1.0
    lease_seconds: float = 15.0
    abandoned_after_seconds: float = 120.0
    stuck_after_seconds: float = 30.0
    settle_anyway_after_seconds: float = 180.0
    stuck_backoff_seconds: float = 5.0
    stuck_page: int = 500
    tolerated_lag: int = 5000
    advances_within_seconds: float = 30.0
    max_unpublished: int = 1_000_000
    key_retention_seconds: float = 86_400.0
