"""The rows of refunds: written in the transaction that moves their order."""

from datetime import datetime

from orders.domain.refunds import MAX_REFUNDS, Refund, Refunded, RefundState
from orders.persistence.session import Session
from orders.persistence.statements import Statements


class RefundRows:
    """Reads and writes refunds over one session; owned by that session's thread.

    Every method raises what the session's do.
    """

    def __init__(self, session: Session) -> None:
        statements = Statements("refunding.sql")
        self._session = session
        self._refunded = statements["refunded"]
        self._keep_refund = statements["keep_refund"]
        self._refund_of_key = statements["refund_of_key"]
        self._read_refunds = statements["read_refunds"]

    def refunded(self, order_id: str, version: int) -> Refunded:
        """Return how much of the order had gone back at its ``version``.

        So that it fits the order's row, which was read before: what was refunded
        meanwhile makes the compare-and-set on the order fail.
        """
        parameters = (order_id, version)
        [refunded] = self._session.read(self._refunded, parameters, Refunded)
        return refunded

    def keep(self, refund: Refund, key: str | None) -> None:
        """Insert ``refund``; its time is that of the transaction."""
        parameters = (
            refund.order_id,
            refund.refund_id,
            refund.tenant_id,
            refund.version,
            refund.currency,
            refund.amount,
            refund.state,
            key,
            refund.actor,
            refund.reason,
        )
        self._session.change(self._keep_refund, parameters)

    def of_key(self, order_id: str, key: str) -> Refund:
        """Return the refund that was made with ``key``.

        Raises:
            LookupError: there is none.

        """
        found = self._session.read(self._refund_of_key, (order_id, key), _refund)
        if not found:
            raise LookupError(f"a key of order {order_id} has no refund")
        return found[0]

    def of_order(self, order_id: str) -> tuple[Refund, ...]:
        """Return the order's refunds, oldest first."""
        parameters = (order_id, MAX_REFUNDS)
        return tuple(self._session.read(self._read_refunds, parameters, _refund))


def _refund(
    refund_id: str,
    order_id: str,
    tenant_id: str,
    version: int,
    currency: str,
    amount: int,
    state: str,
    actor: str,
    reason: str | None,
    created_at: datetime,
) -> Refund:
    return Refund(
        refund_id,
        order_id,
        tenant_id,
        version,
        currency,
        amount,
        RefundState.told(state),
        actor,
        reason,
        created_at,
    )
