"""What a check is to hold the systems to."""

from dataclasses import dataclass

from orders.domain.audit import StoredOrder
from orders.domain.order import SETTLED
from orders.domain.payment import PaymentRule
from orders.verification.verdict import MAX_WITNESSES


@dataclass(frozen=True, slots=True)
class Rules:
    """The promises that depend on settings and on who is watching.

    Attributes:
        payment: the rule that every decision must follow, None where the limit was
            changed since the oldest order.
        grace_seconds: what is younger may still be on its way: unsettled, or not in
            Kafka. Nothing else needs it. It has to be longer than the service's own
            repairs take, such as those of the sweeper after up to 240 s.
        key_retention_seconds: how long a client's key is kept.
        journal_is_complete: whether the journals tell of every request that was ever
            made, so that any other order is one that nobody asked for.
        witnesses: how many findings of each group are shown.

    """

    payment: PaymentRule | None
    grace_seconds: float = 300.0
    key_retention_seconds: float = 24 * 3600.0
    journal_is_complete: bool = False
    witnesses: int = MAX_WITNESSES


def is_overdue(order: StoredOrder, rules: Rules) -> bool:
    """Tell whether ``order`` should be settled by now and is not."""
    return order.status not in SETTLED and order.idle_seconds > rules.grace_seconds
