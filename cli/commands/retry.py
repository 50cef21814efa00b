"""``orders retry``."""

from orders.cli.order_change import Reason, change_order
from orders.cli.order_view import OrderId
from orders.cli.output import AsJson
from orders.domain.changing import Action


def retry(order_id: OrderId, reason: Reason = None, as_json: AsJson = False) -> None:
    """Try the payment of a failed order again, and show the order.

    A node settles it by the limit that the node has now.

    Example: orders retry 019a8f0e-5c1b-7d2e-9f3a-4b5c6d7e8f90
    """
    change_order(Action.RETRY_PAYMENT, order_id, reason, as_json=as_json)
