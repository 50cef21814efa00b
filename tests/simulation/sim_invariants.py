"""What must hold once the faults are over, whatever happened before."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator

from sim_customers import CERTAINLY_NOT_STORED, Told, Try
from sim_database import Database, OrderRow
from sim_faults import Sick
from sim_log import Topic
from sim_wiring import PAYMENT_LIMIT, RULES

from orders.domain.errors import IllegalMoveError
from orders.domain.events import event_type
from orders.domain.notices import INBOX
from orders.domain.order import SETTLED, OrderStatus
from orders.domain.payment import PaymentRule
from orders.domain.records import EventRef
from orders.domain.transitions import Change, State, move

_RULE = PaymentRule(PAYMENT_LIMIT)
_SWEEPING_SECONDS = 2 * RULES.interval_seconds + 2.0
"""Two sweeps, and what settling takes."""
_BOUNDS = {
    Sick.BROKER: RULES.settle_anyway_after_seconds + _SWEEPING_SECONDS,
    Sick.PARTITION: RULES.stuck_after_seconds + _SWEEPING_SECONDS,
    Sick.MEMBER: RULES.settle_anyway_after_seconds + _SWEEPING_SECONDS,
}
"""After how long an order is settled by the slow path at the latest."""
_CHANGES = {event_type(change): change for change in Change}
_DECISIONS = {Change.APPROVED, Change.DECLINED}


def broken_rules(database: Database, topic: Topic, tries: list[Try]) -> list[str]:
    """Return every rule that does not hold, with its witness."""
    return [
        *_of_customers(database, tries),
        *_of_keys(database, tries),
        *_of_orders(database),
        *_of_notices(database),
        *_of_events(database, topic),
    ]


def is_settled(database: Database) -> bool:
    """Tell whether every order has its outcome and every event its confirmation.

    Of an order that a stranger holds nothing is asked.
    """
    return not database.outbox and all(
        row.state.status in SETTLED or ("order", order_id) == database.held
        for order_id, row in database.orders.items()
    )


def late_orders(
    database: Database, topic: Topic, sick: Sick, touched: set[int]
) -> Iterator[str]:
    """Name the orders that were not settled within their bound.

    Those that need nothing of what is sick are never left to the slow path.
    """
    for order_id, row in database.orders.items():
        needs_it = topic.partition_of(order_id) in touched
        bound = _BOUNDS[sick] if needs_it else RULES.stuck_after_seconds
        settled = row.state.status in SETTLED
        last = database.history[order_id][-1].occurred_at
        took = last - row.created_at if settled else math.inf
        if took > bound:
            yield f"late: {order_id} took {took:.1f} s of {bound} s"


def _of_customers(database: Database, tries: list[Try]) -> Iterator[str]:
    """What was acknowledged is there, what was refused is not."""
    for one in tries:
        order, there = one.order, database.orders.get(one.order.order_id)
        if one.told is Told.STORED and there is None:
            yield f"lost: {order.order_id} was acknowledged"
        if one.told in CERTAINLY_NOT_STORED and there is not None:
            yield f"stored: {order.order_id} was refused ({one.told})"
        if there is not None and there.columns["total"] != order.request.total:
            yield f"changed: {order.order_id}"
        if one.told is Told.WAITING:
            yield f"unanswered: {order.order_id}"
        if one.answer is not None:
            yield from _of_replay(database, one)


def _of_replay(database: Database, one: Try) -> Iterator[str]:
    answer = one.answer
    assert answer is not None
    if answer.order_id not in database.orders:
        yield f"lost: {answer.order_id} was acknowledged by a replay"
    if answer.request != one.order.request:
        yield f"foreign order: {one.order.order_id} got {answer.order_id}"
    if answer.version < one.began_at_version:
        yield f"stale: {answer.order_id} as of version {answer.version}"


def _of_keys(database: Database, tries: list[Try]) -> Iterator[str]:
    """One order a key, and every one who lost it hears of that one."""
    by_key: defaultdict[str, list[Try]] = defaultdict(list)
    for one in tries:
        if one.order.key is not None:
            by_key[one.order.key.key].append(one)
    for key, those in by_key.items():
        made = [t for t in those if t.order.order_id in database.orders]
        if len(made) > 1:
            yield f"doubled: {key} made {len(made)} orders"
        for one in those:
            yield from _of_loser(key, one, made, database)


def _of_loser(key: str, one: Try, made: list[Try], database: Database) -> Iterator[str]:
    winner = made[0] if made else None
    if one.told is Told.BUSY and key not in database.contended:
        yield f"sent away: {key} was held by nobody"
    if one.told not in {Told.STORED, Told.REPLAYED, Told.REUSED}:
        return
    if winner is None:
        yield f"lost: {key} has no order"
        return
    said = one.answer.order_id if one.answer else one.order.order_id
    same = one.order.request == winner.order.request
    if one.told is Told.REUSED:
        if same:
            yield f"refused: {key} was called reused for the same request"
    elif not same or said != winner.order.order_id:
        yield f"doubled: {key} was answered with {said}"


def _of_orders(database: Database) -> Iterator[str]:
    """One outcome, by the payment rule, at the end of a legal path."""
    for order_id, row in database.orders.items():
        if row.state.status not in SETTLED:
            yield f"unsettled: {order_id} is {row.state.status}"
        yield from _of_history(order_id, row, database)


def _of_history(order_id: str, row: OrderRow, database: Database) -> Iterator[str]:
    history = database.history[order_id]
    versions = [event.version for event in history]
    if versions != list(range(1, row.version + 1)):
        yield f"history: {order_id} has versions {versions}, is at {row.version}"
    state: State | None = None
    decisions = []
    for event in history:
        change = _CHANGES[event.type]
        if change in _DECISIONS:
            decisions.append(change)
        try:
            state = move(state, change)
        except IllegalMoveError as error:
            yield f"history: {order_id}: {error}"
    if state != row.state:
        yield f"history: {order_id} ends {state}, is {row.state}"
    due = [_RULE.decide(row.columns["total"], row.columns["cur"]).change]
    if row.state.status is OrderStatus.EXPIRED:
        due, allowed = [], database.expire_after_seconds
        waited = history[-1].occurred_at - row.created_at
        if not 0 < allowed < waited:
            yield f"expired: {order_id} after {waited} s, {allowed} were allowed"
    if row.state.status in SETTLED and decisions != due:
        yield f"decided: {order_id} {decisions}, due was {due}"


def _of_notices(database: Database) -> Iterator[str]:
    """One notice an outcome and channel."""
    written = Counter(database.notices)
    for order_id, row in database.orders.items():
        if row.state.status in SETTLED:
            count = written.pop((order_id, row.version, INBOX), 0)
            if count != 1:
                yield f"notices: {order_id} has {count}"
    yield from (f"notices: {notice} is about nothing" for notice in written)


def _of_events(database: Database, topic: Topic) -> Iterator[str]:
    """Every event on the log, as the same bytes; nothing waits for confirmation.

    An event that the log itself forgot after confirming it is the log's fault.
    """
    on_log = topic.names()
    for order_id, history in database.history.items():
        for event in history:
            name = EventRef(order_id, event.version)
            told = on_log.pop(name, None)
            if told is None and name not in topic.lost_after_confirmation:
                yield f"untold: {order_id}.{event.version}"
            if told is not None and told != {event.data.encode()}:
                yield f"untrue: {order_id}.{event.version}"
    yield from (f"invented: {name}" for name in on_log)
    yield from (f"unconfirmed: {name}" for name in database.outbox)
