"""``orders cancel``."""

from orders.cli.order_change import Reason, change_order
from orders.cli.order_view import OrderId
from orders.cli.output import AsJson
from orders.domain.changing import Action


def cancel(order_id: OrderId, reason: Reason = None, as_json: AsJson = False) -> None:
    """Cancel an order that is not paid yet, and show it.

    Example: orders cancel 019a8f0e-5c1b-7d2e-9f3a-4b5c6d7e8f90 --reason "a test"
    """
    change_order(Action.CANCEL, order_id, reason, as_json=as_json)
