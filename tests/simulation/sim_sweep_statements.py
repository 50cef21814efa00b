"""What the sweeper's statements do: leases, leftovers and ages, in database time."""

from collections.abc import Iterable
from functools import partial

from sim_database import Database, StuckRow, moment
from sim_faults import Flaw
from sim_statements import Call, Handler, Rows

from orders.domain.order import UNSETTLED

_MARK_LOCK_SECONDS = 1.0


def register_node(call: Call) -> Rows:
    """Give a starting process an id."""
    node_id = len(call.db.nodes) + 1
    call.db.nodes[node_id] = call.now + call.parameters[1]
    return [(node_id,)]


def renew_node(call: Call) -> int:
    """Extend a node's lease."""
    node_id, seconds = call.parameters
    call.write(lambda: call.db.nodes.update({node_id: call.now + seconds}))
    return 1


def forget_dead_nodes(call: Call) -> int:
    """Nobody is gone for a day here."""
    del call
    return 0


def hold_lease(call: Call) -> int:
    """Take a lease that is free or lapsed, or extend one's own."""
    name, node_id, seconds = call.parameters
    call.db.lock(call.transaction, ("lease", name), _MARK_LOCK_SECONDS)
    holder, until = call.db.leases.get(name, (node_id, 0.0))
    lapsed = until < call.now and Flaw.ETERNAL_LEASE not in call.flaws
    if holder != node_id and not lapsed:
        return 0
    if holder != node_id:
        call.db.scheduler.note("lease_taken_over", node_id)
    lease = (node_id, call.now + seconds)
    call.write(lambda: call.db.leases.update({name: lease}))
    return 1


def end_node_lease(call: Call) -> int:
    """Tell the others that a node is gone."""
    [node_id] = call.parameters
    call.write(lambda: call.db.nodes.update({node_id: call.now}))
    return 1


def end_named_leases(call: Call) -> int:
    """Give up all the leases of a node."""
    leases = call.db.leases
    mine = [name for name, lease in leases.items() if lease[0] == call.parameters[0]]
    call.write(lambda: [leases.pop(name, None) for name in mine])
    return len(mine)


def own_outbox(call: Call) -> Rows:
    """Return one node's outbox rows behind a place."""
    node_id, order_id, version, older, limit = call.parameters
    due = (
        event
        for event, (owner, created_at) in call.db.outbox.items()
        if owner == node_id
        and event > (order_id, version)
        and created_at <= call.now - older
    )
    return _events(call.db, due, limit)


def abandoned_outbox(call: Call) -> Rows:
    """Return outbox rows of nodes that are gone, and old rows of any node."""
    order_id, version, older, limit = call.parameters
    eternal = Flaw.ETERNAL_LEASE in call.flaws
    alive = {n for n, until in call.db.nodes.items() if until > call.now or eternal}
    due = (
        event
        for event, (owner, created_at) in call.db.outbox.items()
        if event > (order_id, version)
        and (owner not in alive or created_at <= call.now - older)
    )
    return _events(call.db, due, limit)


def _events(db: Database, due: Iterable[tuple[str, int]], limit: int) -> Rows:
    found: Rows = []
    for order_id, version in sorted(due)[:limit]:
        event = db.history[order_id][version - 1]
        when = moment(event.occurred_at)
        found.append((order_id, version, event.type, event.data, when, None))
    return found


def outbox_state(call: Call) -> Rows:
    """Count what is not confirmed; the age of the oldest."""
    created = [created_at for _, created_at in call.db.outbox.values()]
    return [(len(created), max(0.0, call.now - min(created, default=call.now)))]


def lock_mark(call: Call) -> Rows:
    """Return the place the search has come to, unless another node moves it."""
    if not call.db.try_lock(call.transaction, "mark"):
        return []
    created_at, order_id = call.db.mark
    held = None if call.db.held_at is None else repr(call.db.held_at)
    return [(repr(created_at), order_id, held)]


def scan_bound(call: Call) -> Rows:
    """Return the time before which no order can appear any more."""
    delay, holds = call.parameters
    began = call.db.oldest_open(call.transaction)
    bound = min(call.now - delay, max(began, call.now - holds))
    overstays = repr(began) if began < call.now - holds else None
    return [(repr(bound), call.now - bound, overstays)]


def note_hold(call: Call) -> int:
    """Remember since when a transaction is open."""
    [held_at] = call.parameters
    call.write(lambda: setattr(call.db, "held_at", float(held_at)))
    return 1


def end_hold(call: Call) -> int:
    """Forget about it."""
    call.write(lambda: setattr(call.db, "held_at", None))
    return 1


def go_back(call: Call) -> int:
    """Have the search begin again at a time it has passed."""
    place = (float(call.parameters[0]), "")
    call.write(lambda: setattr(call.db, "mark", min(call.db.mark, place)))
    return 1


def scan_unsettled(call: Call) -> Rows:
    """Note what is unsettled for too long, up to the first young one."""
    bound, older, _, limit = call.parameters
    db, mark = call.db, call.db.mark
    passed: list[tuple[float, str]] = []
    page = sorted((row.created_at, i) for i, row in db.orders.items())
    for place in [p for p in page if p > mark and p[0] < float(bound)][:limit]:
        if _open(db, place[1]):
            if place[0] > call.now - older:
                break
            stuck = StuckRow(place[0], 0, call.now)
            call.write(partial(db.stuck.setdefault, place[1], stuck))
        passed.append(place)
    if passed:
        call.write(lambda: setattr(db, "mark", passed[-1]))
    return [(len(passed),)]


def oldest_unsettled_age(call: Call) -> Rows:
    """Return the age of the oldest order that has no outcome."""
    created = [row.created_at for i, row in call.db.orders.items() if _open(call.db, i)]
    return [(call.now - min(created, default=call.now),)]


def forget_settled(call: Call) -> int:
    """Forget noted orders that are settled."""
    db = call.db
    settled = [i for i in _due(call) if not _open(db, i)][: call.parameters[0]]
    for order_id in settled:
        call.write(partial(db.stuck.pop, order_id, None))
    return len(settled)


def due_stuck(call: Call) -> Rows:
    """Take those that are due and old enough, and put them off."""
    _, older, _, limit, backoff, most = call.parameters
    db = call.db
    found: Rows = []
    for order_id in _due(call):
        row = db.stuck[order_id]
        old = row.created_at <= call.now - older
        if old and _open(db, order_id) and len(found) < limit:
            wait = min(most, backoff * 2 ** min(row.attempts, 30))
            later = StuckRow(row.created_at, row.attempts + 1, call.now + wait)
            call.write(partial(db.stuck.update, {order_id: later}))
            found.append((order_id, call.now - row.created_at))
    return found


def excuse_stuck(call: Call) -> int:
    """Put some off until they are so old."""
    ids, until_age = call.parameters
    for order_id in filter(None, ids.strip("{}").split(",")):
        row = call.db.stuck[order_id]
        at = max(call.now, row.created_at + until_age)
        later = StuckRow(row.created_at, max(0, row.attempts - 1), at)
        call.write(partial(call.db.stuck.update, {order_id: later}))
    return 1


def _due(call: Call) -> list[str]:
    return [i for i, r in call.db.stuck.items() if r.next_attempt_at <= call.now]


def _open(db: Database, order_id: str) -> bool:
    return db.orders[order_id].state.status in UNSETTLED


def delete_expired_keys(call: Call) -> int:
    """No key grows old in a run."""
    del call
    return 0


def dead_letter_count(call: Call) -> Rows:
    """Nobody writes records that name no order."""
    del call
    return [(0,)]


HANDLERS: dict[str, Handler] = {
    handler.__name__: handler
    for handler in (
        *(register_node, renew_node, forget_dead_nodes, hold_lease),
        *(end_node_lease, end_named_leases, own_outbox, abandoned_outbox),
        *(outbox_state, lock_mark, scan_bound, note_hold, end_hold, go_back),
        *(scan_unsettled, oldest_unsettled_age, forget_settled),
        *(due_stuck, excuse_stuck, delete_expired_keys, dead_letter_count),
    )
}
