"""F27: PostgreSQL goes back to an earlier point, while the topic is ahead of it."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from orders.chaos.arena import Arena
from orders.chaos.database import buried_of
from orders.chaos.faults.floods import answer_problems
from orders.chaos.recovery import await_condition, await_recovery
from orders.chaos.topic import all_records, ends, has_read, rewind
from orders.chaos.trial import Hit, Trial
from orders.devstack.deadline import wait_until
from orders.domain.audit import AuditedRecord, RecordPlace
from orders.domain.records import EventRef
from orders.messaging.topic_audit import audited
from orders.persistence.audit import PostgresOrderAudit, order_audit
from orders.verification.journal import Operation
from orders.verification.ports import MAX_ASKED

_FORGOTTEN_SECONDS = 4.0
"""Of orders that the copy lacks."""
_QUIET_SECONDS = 1.0
_STILL_SECONDS = 20.0
_UNKNOWN_ORDERS = "orders_unknown_orders_total"


def strike_restore(arena: Arena, trial: Trial) -> Hit:
    """Bring back an older copy of PostgreSQL's data, and let orders go on from there.

    What was accepted after the copy is gone, as far as PostgreSQL knows, and is left
    out of the check; all that the copy has must come to its end as ever.
    """
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    copy = _copy(arena)
    arena.await_flow()
    time.sleep(_FORGOTTEN_SECONDS)
    problems = [*answer_problems(arena.load, arena.load.finish())]
    told = first_told(
        arena.operations()
    )  # before there are clients of whom nothing is forgiven
    with _WAYS[trial.kind](arena) as stopped:
        ends_then = _go_back(arena, copy)
    over = time.monotonic()
    arena.renew_load()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    read = await_condition(
        lambda: has_read(arena, ends_then), over, "the group does not read on"
    )
    forgotten = _leave_out(arena, copy, ends_then, told)
    unknown = sum(node.metric(_UNKNOWN_ORDERS) for node in arena.nodes)
    buried = buried_of(arena.database_url, arena.topic)
    if buried:
        problems.append(f"{len(buried)} events of forgotten orders are dead letters")
    if trial.kind == "group rewound" and unknown < forgotten:
        problems.append(f"{_UNKNOWN_ORDERS} is {unknown}, {forgotten} are forgotten")
    return Hit(
        fired=forgotten > 0,
        at=at,
        over=over,
        problems=(*problems, *stopped, *recovery.problems, *read.problems),
        measured={
            "forgotten": forgotten,
            "unknown": unknown,
            "recovered_seconds": recovery.seconds,
        },
    )


class Copy(NamedTuple):
    """PostgreSQL's data as they were at one moment, CLOCK_MONOTONIC."""

    at: float
    path: Path
    ends: Mapping[int, int]
    """How far the topic was: what lies below was committed before."""


def _copy(arena: Arena) -> Copy:
    """Copy PostgreSQL's data while it stands."""
    postgres = arena.stack.postgres
    postgres.stop()
    copy = Copy(time.monotonic(), postgres.copy_data(), ends(arena))
    postgres.start()
    return copy


def _go_back(arena: Arena, copy: Copy) -> dict[int, int]:
    """Put the copy in place; return how far the topic was by then."""
    postgres = arena.stack.postgres
    postgres.stop()
    places = _still_ends(arena)
    postgres.put_back(copy.path)
    postgres.start()
    return places


def _still_ends(arena: Arena) -> dict[int, int]:
    """Return the ends of the topic once nothing is under way to it any more."""
    seen = ends(arena)
    since = time.monotonic()

    def is_still() -> bool:
        nonlocal seen, since
        now = ends(arena)
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since >= _QUIET_SECONDS

    wait_until(is_still, _STILL_SECONDS)
    return seen


@contextmanager
def _nodes_go_on(_arena: Arena) -> Iterator[list[str]]:
    yield []


@contextmanager
def _nodes_stopped(arena: Arena) -> Iterator[list[str]]:
    """Have no node run inside, as operations.md has it."""
    problems = list(arena.stop_nodes())
    yield problems
    arena.start_nodes()


@contextmanager
def _group_rewound(arena: Arena) -> Iterator[list[str]]:
    """Have the group read everything again from the start, too."""
    with _nodes_stopped(arena) as problems:
        yield problems
        rewind(arena)


_WAYS: Final = MappingProxyType(
    {
        "nodes stopped": _nodes_stopped,
        "nodes go on": _nodes_go_on,
        "group rewound": _group_rewound,
    }
)
"""What the nodes do while PostgreSQL is brought back; each tells what went wrong."""


def _leave_out(
    arena: Arena, copy: Copy, ends_then: Mapping[int, int], told: Mapping[str, float]
) -> int:
    """Leave out of the check what PostgreSQL cannot know; return how many orders.

    That are, of the orders ``told`` before the restore, those first told of after the
    copy that it lacks; and their records of between the two.
    """
    written = map(audited, all_records(arena))
    between = [it for it in written if is_between(it, copy.ends, ends_then)]
    late = {order for order, first in told.items() if first > copy.at}
    named = {it.order_id for it in between if it.order_id is not None}
    with order_audit(arena.database_url, arena.topic) as history:
        known = _known(history, sorted(late | named))
    arena.forged.update(
        RecordPlace(it.partition, it.offset)
        for it in between
        if it.order_id not in known
    )
    arena.forgotten |= late - known
    return len(late - known)


def _known(history: PostgresOrderAudit, order_ids: Sequence[str]) -> set[str]:
    return {
        event.order_id
        for some in (
            order_ids[at : at + MAX_ASKED] for at in range(0, len(order_ids), MAX_ASKED)
        )
        for event in history.find_events([EventRef(each, 1) for each in some])
    }


def is_between(
    record: AuditedRecord, first: Mapping[int, int], last: Mapping[int, int]
) -> bool:
    """Tell whether a record lies between two states of the topic, given as its ends."""
    number = record.partition
    return first.get(number, 0) <= record.offset < last.get(number, 0)


def first_told(operations: Iterable[Operation]) -> dict[str, float]:
    """Return when a client was first told of each order, CLOCK_MONOTONIC."""
    first: dict[str, float] = {}
    for operation in operations:
        if operation.kind == "create" and operation.order_id is not None:
            known = first.get(operation.order_id, operation.ended)
            first[operation.order_id] = min(known, operation.ended)
    return first
