"""Walks an order's history along the transition table."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orders.domain.audit import StoredEvent
from orders.domain.errors import IllegalMoveError
from orders.domain.events import event_type
from orders.domain.transitions import Change, State, move

_CHANGES = {event_type(change): change for change in Change}


class Step(NamedTuple):
    """One history row, understood."""

    event: StoredEvent
    change: Change
    state: State
    """Where the order stood after it."""


class Path(NamedTuple):
    """A history as far as it is a legal path."""

    steps: tuple[Step, ...]
    rule: str | None
    """The rule that ends the path early, None where all of it is legal."""
    detail: str

    @property
    def states(self) -> Mapping[int, State]:
        """Where the order stood, by version."""
        return {step.event.version: step.state for step in self.steps}


def change_of(event: StoredEvent) -> Change | None:
    """Return what ``event`` says happened, None for an unknown type."""
    return _CHANGES.get(event.type)


def walk(history: Iterable[StoredEvent]) -> Path:
    """Follow ``history``, which comes by version, up to its first fault."""
    steps: list[Step] = []
    state: State | None = None
    for expected, event in enumerate(history, 1):
        if event.version != expected:
            detail = f"version {event.version} stands where {expected} should"
            return Path(tuple(steps), "history_has_gap", detail)
        change = change_of(event)
        if change is None:
            detail = f"version {expected} is of the unknown type {event.type!r}"
            return Path(tuple(steps), "history_event_unknown", detail)
        try:
            state = move(state, change)
        except IllegalMoveError as error:
            detail = f"version {expected}: {error}"
            return Path(tuple(steps), "history_move_illegal", detail)
        steps.append(Step(event, change, state))
    return Path(tuple(steps), None, "")
