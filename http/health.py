"""What probes ask: named checks, each with a state and a sentence."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol


class CheckState(StrEnum):
    """How one part stands."""

    OK = "ok"
    DEGRADED = "degraded"
    """Away, but the service does its work without it for now."""
    FAILED = "failed"


class Check(NamedTuple):
    """One part's state; ``detail`` says why it is not ok."""

    name: str
    state: CheckState
    detail: str = ""


class HealthReport(Protocol):
    """Asked on the operations listener's threads; never waits."""

    def live(self) -> Sequence[Check]:
        """Whether the process is worth keeping: its supervisor and event loop."""

    def ready(self) -> Sequence[Check]:
        """Whether orders should be sent here."""

    def started(self) -> Sequence[Check]:
        """Whether the start is over."""


Probe = Callable[[], Check]
"""Reads one part's state; must not wait."""


class HealthChecks:
    """A ``HealthReport`` of functions; one that raises counts as failed.

    Args:
        live: by name; for the supervisor and the event loop only, since a failure
            has the process restarted.
        ready: by name.
        started: by name.

    """

    def __init__(
        self,
        *,
        live: dict[str, Probe],
        ready: dict[str, Probe],
        started: dict[str, Probe],
    ) -> None:
        self._live = live
        self._ready = ready
        self._started = started

    def live(self) -> Sequence[Check]:
        """Run the liveness checks."""
        return _run(self._live)

    def ready(self) -> Sequence[Check]:
        """Run the readiness checks."""
        return _run(self._ready)

    def started(self) -> Sequence[Check]:
        """Run the start-up checks."""
        return _run(self._started)


def _run(probes: dict[str, Probe]) -> list[Check]:
    return [_run_one(name, probe) for name, probe in probes.items()]


def _run_one(name: str, probe: Probe) -> Check:
    try:
        return probe()
    except Exception as error:  # noqa: BLE001 - a broken check is a failed one
        return Check(name, CheckState.FAILED, f"the check itself: {error!r}")
