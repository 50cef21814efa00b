"""The rules that one order, with all that is stored under its id, must keep."""

import json
from collections.abc import Iterator, Sequence

from orders.domain.audit import AuditedOrder, StoredKey, StoredOrder
from orders.domain.changing import ASKED_FOR
from orders.domain.events import event_data
from orders.domain.money import CURRENCY_DIGITS
from orders.verification.money_checks import check_money
from orders.verification.notice_checks import check_notices
from orders.verification.path import Path, change_of
from orders.verification.refund_checks import check_refunds
from orders.verification.rules import Rules, is_overdue
from orders.verification.verdict import Finding, Group

_NAMES_AN_ORDER = "{order_id}"
"""In the route of keys for changes, of which an order may have several; a key of any
other route stands for the request that made the order."""


def check_order(found: AuditedOrder, path: Path, rules: Rules) -> Iterator[Finding]:
    """Yield what is wrong with one order; ``path`` is its history, walked."""
    order = found.order
    yield from _check_rows(found)
    yield from _check_waiting(found, rules)
    if order is None:
        return
    yield from _check_lines(order)
    yield from _check_path(found, order, path, rules)
    yield from _check_texts(order, path)
    yield from check_money(found, order, rules)
    yield from check_refunds(found, order)
    yield from check_notices(found, order)


def _check_rows(found: AuditedOrder) -> Iterator[Finding]:
    if found.order is None:
        rule = "order_row_missing"
        detail = (
            f"{len(found.history)} history rows, {len(found.notices)} notifications,"
            f" {len(found.waiting)} outbox rows, {len(found.keys)} keys and"
            f" {len(found.refunds)} refunds name it"
        )
        yield Finding(Group.LOST, rule, found.order_id, detail)
    changing = [key for key in found.keys if _NAMES_AN_ORDER in key.route]
    creating = [key for key in found.keys if key not in changing]
    if len(creating) > 1:
        yield Finding(
            Group.DUPLICATES, "order_has_two_keys", found.order_id, _names(creating)
        )
    made = [change_of(event) in ASKED_FOR for event in found.history].count(True)
    if len(changing) > made:
        detail = f"{made} changes for the keys {_names(changing)}"
        yield Finding(Group.LOST, "key_without_its_change", found.order_id, detail)


def _names(keys: Sequence[StoredKey]) -> str:
    return ", ".join(f"{key.key!r} of {key.route}" for key in keys[:3])


def _check_lines(order: StoredOrder) -> Iterator[Finding]:
    """Hold the lines against the total: none is taken where they differ."""
    try:
        prices = [line["line_total"] for line in json.loads(order.items)]
    except (KeyError, TypeError, ValueError, RecursionError):
        prices = []
    if not prices:
        rule, detail = "order_lines_missing", f"its lines are {order.items!r:.60}"
        yield Finding(Group.LOST, rule, order.order_id, detail)
    elif not all(type(price) is int for price in prices) or sum(prices) != order.total:
        rule = "total_is_not_its_lines"
        detail = f"the total is {order.total}, its lines are {prices!r:.60}"
        yield Finding(Group.LOST, rule, order.order_id, detail)


def _check_waiting(found: AuditedOrder, rules: Rules) -> Iterator[Finding]:
    versions = {event.version for event in found.history}
    for row in found.waiting:
        where = f"version {row.version}"
        if row.version not in versions:
            yield Finding(
                Group.EVENTS, "outbox_row_without_event", found.order_id, where
            )
        elif row.age_seconds > rules.grace_seconds:
            detail = f"{where} waits in the outbox for {row.age_seconds:.0f} s"
            yield Finding(Group.EVENTS, "event_waits_too_long", found.order_id, detail)


def _check_path(
    found: AuditedOrder, order: StoredOrder, path: Path, rules: Rules
) -> Iterator[Finding]:
    def finding(rule: str, detail: str) -> Finding:
        return Finding(Group.TRANSITIONS, rule, order.order_id, detail)

    if is_overdue(order, rules):
        idle = f"{order.status} for {order.idle_seconds:.0f} s"
        yield finding("order_not_settled", idle)
    if not found.history:
        yield finding("history_missing", "it has no history row")
    elif path.rule is not None:
        yield finding(path.rule, path.detail)
    else:
        last = path.steps[-1]
        end = (*last.state, last.event.version)
        stands = (order.status, order.payment_status, order.version)
        if stands != end:
            detail = f"the order is {_words(stands)}, its history ends {_words(end)}"
            yield finding("order_differs_from_history", detail)


def _words(parts: tuple[str, str, int]) -> str:
    status, payment_status, version = parts
    return f"{status}/{payment_status} at version {version}"


def _check_texts(order: StoredOrder, path: Path) -> Iterator[Finding]:
    if order.currency not in CURRENCY_DIGITS:
        return  # a finding of its own, and no text can be expected
    for step in path.steps:
        version = step.event.version
        expected = event_data(
            order.order_id,
            order.tenant_id,
            order.user_id,
            order.total,
            order.currency,
            step.state,
            version,
            # What people give as a reason is for the history alone.
            None if step.change in ASKED_FOR else step.event.reason,
        )
        # Another release may have written more; what it says must still be true.
        if step.event.data != expected and not _says(step.event.data, expected):
            detail = f"version {version} does not say what the order was"
            yield Finding(Group.EVENTS, "event_misstates_order", order.order_id, detail)


def _says(text: str, expected: str) -> bool:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return False
    wanted = json.loads(expected)
    return isinstance(told, dict) and wanted.items() <= told.items()
