"""What the service's SQL statements do, by their names in ``persistence/sql``.

Each takes a ``Call`` and returns rows, or a count of changed rows. A statement that
the service begins to use and that is missing here fails the run by its name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from sim_database import (
    Database,
    EventRow,
    KeyRow,
    OrderRow,
    StuckRow,
    Transaction,
    moment,
)
from sim_faults import Flaw

from orders.domain.order import UNSETTLED, OrderStatus, PaymentStatus
from orders.domain.transitions import Change, State, move

KEY_LOCK_SECONDS = 0.2
ROW_LOCK_SECONDS = 0.2

Rows = list[tuple[Any, ...]]
Handler = Callable[["Call"], "Rows | int"]

_ACCEPTED = "orders.order.accepted.v1"
_PENDING = move(None, Change.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Call:
    """One statement with its parameters, inside its transaction."""

    db: Database
    transaction: Transaction
    parameters: Sequence[Any]
    flaws: frozenset[Flaw]

    @property
    def now(self) -> float:
        """``now()``: when the transaction began."""
        return self.transaction.began

    def write(self, action: Callable[[], object]) -> None:
        """Let ``action`` happen at COMMIT."""
        self.transaction.writes.append(action)


def ids_of(text: str) -> list[str]:
    """Return the ids of an array's text."""
    return text[1:-1].split(",") if len(text) > 2 else []


# --- intake ------------------------------------------------------------------


def store_orders(call: Call) -> Rows:
    """Store orders without keys."""
    batch = msgspec.json.decode(call.parameters[0])
    return _store(call, batch, batch)


def store_keyed_orders(call: Call) -> Rows:
    """Take the keys in their order, then store the orders whose key was free."""
    batch = msgspec.json.decode(call.parameters[0])
    keyed = sorted((row for row in batch if "key" in row), key=_key_of)
    taken: set[tuple[str, str, str]] = set()
    winners = [row for row in batch if "key" not in row]
    for row in keyed:
        key = _key_of(row)
        call.db.lock(call.transaction, ("key", *key), KEY_LOCK_SECONDS)
        if key in call.db.keys or key in taken:
            continue
        taken.add(key)
        winners.append(row)
        call.write(partial(_keep_key, call.db, key, row))
    call.db.scheduler.pause(call.db.scheduler.latency())
    return _store(call, batch, winners)


def _store(call: Call, batch: list[Any], wanted: list[Any]) -> Rows:
    node_id = call.parameters[1]
    stored = set()
    for row in sorted(wanted, key=lambda row: str(row["id"])):
        if row["id"] not in call.db.orders:  # what is there is not waited for
            call.db.lock(call.transaction, ("order", row["id"]), ROW_LOCK_SECONDS)
        if row["id"] not in call.db.orders:
            stored.add(row["id"])
            call.write(partial(_keep_order, call, row, node_id))
    return [(moment(call.now), [r["id"] for r in batch if r["id"] not in stored])]


def _keep_key(db: Database, key: tuple[str, str, str], row: dict[str, Any]) -> None:
    print_ = bytes.fromhex(row["print"])
    db.keys[key] = KeyRow(row["id"], print_)


def _keep_order(call: Call, row: dict[str, Any], node_id: int) -> None:
    order_id = row["id"]
    call.db.orders[order_id] = OrderRow(row, _PENDING, 1, call.now)
    call.db.history[order_id] = [EventRow(1, _ACCEPTED, row["data"], call.now)]
    call.db.outbox[order_id, 1] = (node_id, call.now)


def _key_of(row: dict[str, str]) -> tuple[str, str, str]:
    return row["tenant"], row["route"], row["key"]


def read_key_holders(call: Call) -> Rows:
    """Return place, fingerprint and order of each key that is used."""
    found: Rows = []
    for asked in msgspec.json.decode(call.parameters[0]):
        held = call.db.keys.get(_key_of(asked))
        if held:
            found.append((asked["place"], held.fingerprint, held.order_id))
    return found


def read_orders(call: Call) -> Rows:
    """Return orders as they are."""
    found: Rows = []
    for order_id in ids_of(call.parameters[0]):
        row = call.db.orders.get(order_id)
        if row is not None:
            c = row.columns
            items = msgspec.json.encode(c["items"]).decode()
            moments = (moment(row.created_at), moment(call.now))
            who = (order_id, c["tenant"], c["usr"], c["cur"], c["total"])
            texts = (items, c.get("ref"), c.get("meta"))
            found.append((*who, *texts, *row.state, row.version, *moments))
    return found


def probe(call: Call) -> Rows:
    """Say that the server takes writes."""
    del call
    return [(True,)]


def confirm(call: Call) -> Rows:
    """Commit a mark."""
    del call
    return [(True,)]


# --- settlement --------------------------------------------------------------


def read_open(call: Call) -> Rows:
    """Return the unsettled orders among some."""
    found: Rows = []
    ids, _, expire_after = call.parameters
    for order_id in ids_of(ids):
        row = call.db.orders.get(order_id)
        if row is not None and row.state.status in UNSETTLED:
            c = row.columns
            who = (order_id, c["tenant"], c["usr"], c["cur"], c["total"])
            too_old = 0 < expire_after < call.now - row.created_at
            when = moment(row.created_at)
            found.append((*who, *row.state, row.version, when, too_old))
    return found


def count_existing(call: Call) -> Rows:
    """Count those that exist."""
    return [(sum(i in call.db.orders for i in ids_of(call.parameters[0])),)]


def move_orders(call: Call) -> Rows:
    """Compare and set."""
    ids, status, payment, *source, version = call.parameters
    target = State(OrderStatus(status), PaymentStatus(payment))
    compares = Flaw.NO_COMPARE_AND_SET not in call.flaws
    moved: Rows = []
    for order_id in ids_of(ids):
        call.db.lock(call.transaction, ("order", order_id), ROW_LOCK_SECONDS)
        row = call.db.orders[order_id]
        same = row.state == tuple(source) and row.version == version
        if (same or not compares) and order_id not in call.transaction.moved:
            call.transaction.moved.add(order_id)
            call.write(partial(_move, row, target))
            moved.append((order_id,))
    return moved


def _move(row: OrderRow, target: State) -> None:
    row.state = target
    row.version += 1


def free_orders(call: Call) -> Rows:
    """Lock and return those that nobody holds."""
    free: Rows = []
    for order_id in ids_of(call.parameters[0]):
        if Flaw.WAIT_FOR_HELD in call.flaws:
            call.db.lock(call.transaction, ("order", order_id), ROW_LOCK_SECONDS)
        if call.db.lock_if_free(call.transaction, ("order", order_id)):
            free.append((order_id,))
    return free


def watch_held(call: Call) -> int:
    """Note orders for the sweeper, or have it look at them soon."""
    ids, seconds = call.parameters
    for order_id in ids_of(ids):
        if Flaw.HELD_FORGOTTEN not in call.flaws:
            call.write(partial(_watch, call, order_id, call.now + seconds))
    return 0


def _watch(call: Call, order_id: str, look_at: float) -> None:
    created_at = call.db.orders[order_id].created_at
    row = call.db.stuck.setdefault(order_id, StuckRow(created_at, 0, look_at))
    row.next_attempt_at = min(row.next_attempt_at, look_at)


def record_settlements(call: Call) -> Rows:
    """Write history, outbox and notification rows."""
    rows, node_id = call.parameters
    for row in msgspec.json.decode(rows):
        call.write(partial(_keep_event, call, row, node_id))
        apart = Flaw.NOTICE_APART in call.flaws
        later = call.transaction.afterwards if apart else call.transaction.writes
        later.append(partial(_keep_notice, call.db, row))
    return [(moment(call.now),)]


def _keep_event(call: Call, row: dict[str, Any], node_id: int) -> None:
    order_id = row["id"]
    version = call.db.orders[order_id].version
    event = EventRow(version, row["type"], row["data"], call.now)
    call.db.history[order_id].append(event)
    call.db.outbox[order_id, version] = (node_id, call.now)


def _keep_notice(db: Database, row: dict[str, Any]) -> None:
    if "channel" in row:
        db.notices.append((row["id"], row["version"], row["channel"]))


def forget_published(call: Call) -> int:
    """Delete outbox rows."""
    ids, version = call.parameters
    there = [(i, version) for i in ids_of(ids) if (i, version) in call.db.outbox]
    call.write(lambda: [call.db.outbox.pop(key, None) for key in there])
    return len(there)


HANDLERS: dict[str, Handler] = {
    handler.__name__: handler
    for handler in (
        *(store_orders, store_keyed_orders, read_key_holders, read_orders),
        *(probe, confirm),
        *(read_open, count_existing, move_orders, record_settlements),
        *(free_orders, watch_held, forget_published),
    )
}
