"""The operator's page in numbers, taken from the metrics."""

import time
from collections.abc import Callable
from typing import TypedDict

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from orders.observability.metrics import PREFIX

_COUNTERS = ("accepted", "settled", "published", "rejected")
_GAUGES = (
    "unsettled_oldest_age_seconds",
    "unsettled_oldest_age_stale_seconds",
    "outbox_pending",
    "outbox_oldest_age_seconds",
    "dead_letters",
    "parked_requests",
    "http_connections",
)


class ActorStatus(TypedDict):
    """One actor: the work that waits for it, and how often it was replaced."""

    mailbox_depth: float
    restarts: float


class Status(TypedDict):
    """A snapshot; what is not known yet is left out."""

    uptime_seconds: float
    counters: dict[str, float]
    settled: dict[str, float]
    gauges: dict[str, float]
    actors: dict[str, ActorStatus]
    consumer_lag: dict[str, float]
    sessions: dict[str, float]


class StatusReader:
    """Reads a node's registry into a ``Status``; made when the node starts."""

    def __init__(
        self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._started = clock()

    def read(self) -> Status:
        """Return the present state; costs about as much as a scrape."""
        samples: dict[str, list[Sample]] = {}
        for family in self._registry.collect():
            for sample in family.samples:
                name = sample.name.removeprefix(PREFIX)
                samples.setdefault(name, []).append(sample)
        return Status(
            uptime_seconds=round(self._clock() - self._started, 1),
            counters={
                name: sum(s.value for s in samples.get(f"{name}_total", ()))
                for name in _COUNTERS
            },
            settled=_by_label(samples.get("settled_total", []), "status"),
            gauges={
                name: samples[name][0].value for name in _GAUGES if name in samples
            },
            actors=_actors(samples),
            consumer_lag=_by_label(samples.get("consumer_lag", []), "partition"),
            sessions=_by_label(samples.get("db_connected", []), "session"),
        )


def _by_label(samples: list[Sample], label: str) -> dict[str, float]:
    return {sample.labels[label]: sample.value for sample in samples}


def _actors(samples: dict[str, list[Sample]]) -> dict[str, ActorStatus]:
    depths = _by_label(samples.get("mailbox_depth", []), "actor")
    restarts = _by_label(samples.get("actor_restarts_total", []), "actor")
    return {
        role: ActorStatus(
            mailbox_depth=depths.get(role, 0.0), restarts=restarts.get(role, 0.0)
        )
        for role in sorted(depths.keys() | restarts.keys())
    }
