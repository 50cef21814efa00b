"""One outcome for each payment attempt, and the one that the rule asks for.

Judged by the events alone, whether or not they make a legal path.
"""

from collections.abc import Iterator, Sequence

from orders.domain.audit import AuditedOrder, StoredOrder
from orders.domain.money import CURRENCY_DIGITS
from orders.domain.order import OrderStatus, PaymentStatus
from orders.domain.transitions import TRANSITIONS, Change
from orders.verification.path import change_of
from orders.verification.rules import Rules, is_overdue
from orders.verification.verdict import Finding, Group

_DECISIONS = frozenset({Change.APPROVED, Change.DECLINED})
_PAID = frozenset({OrderStatus.PAID, OrderStatus.REFUNDED})
_STATES = frozenset(tuple(transition.target) for transition in TRANSITIONS)


def check_money(
    found: AuditedOrder, order: StoredOrder, rules: Rules
) -> Iterator[Finding]:
    """Yield what is wrong with the payment of one order."""
    changes = [change_of(event) for event in found.history]
    decisions = [change for change in changes if change in _DECISIONS]
    for rule, detail in _faults(order, changes, decisions, rules):
        yield Finding(Group.MONEY, rule, order.order_id, detail)


def _faults(
    order: StoredOrder,
    changes: Sequence[Change | None],
    decisions: Sequence[Change | None],
    rules: Rules,
) -> Iterator[tuple[str, str]]:
    attempts = 1 + changes.count(Change.PAYMENT_RETRIED)
    if len(decisions) > attempts:
        yield "decided_twice", f"{len(decisions)} decisions of {attempts} attempts"
    if order.status in _PAID and Change.APPROVED not in decisions:
        yield "paid_without_approval", f"{order.status} without an approval"
    if Change.APPROVED in decisions and order.status not in _PAID:
        yield "approved_and_not_paid", f"approved and {order.status}"
    if order.status == OrderStatus.FAILED and Change.DECLINED not in decisions:
        yield "failed_without_decline", "FAILED without a decline"
    if (order.status, order.payment_status) not in _STATES:
        yield "state_impossible", f"{order.status} with {order.payment_status}"
    if order.payment_status == PaymentStatus.UNKNOWN and is_overdue(order, rules):
        yield "outcome_left_unknown", f"for {order.idle_seconds:.0f} s"
    yield from _limit_faults(order, decisions, rules)


def _limit_faults(
    order: StoredOrder, decisions: Sequence[Change | None], rules: Rules
) -> Iterator[tuple[str, str]]:
    if order.currency not in CURRENCY_DIGITS:
        yield "currency_unknown", f"{order.currency!r} has no limit"
        return
    if rules.payment is None or not decisions:
        return
    wanted = rules.payment.decide(order.total, order.currency).change
    if decisions[-1] is not wanted:
        total = f"{order.total} minor units of {order.currency}"
        yield "decision_breaks_limit", f"{decisions[-1]} with {total}"
