"""Where to go from an answer: ``components/links``."""

from typing import Final

from orders.contract.json_schema import JsonObject

_BODY = "$response.body#"


def _link(operation: str, **parameters: str) -> JsonObject:
    return {"operationId": operation, "parameters": parameters}


def _of_order(operation: str) -> JsonObject:
    return _link(operation, order_id=f"{_BODY}/order_id")


LINKS: Final[dict[str, JsonObject]] = {
    "OrderOfOrder": _of_order("getOrder"),
    "HistoryOfOrder": _of_order("getHistory"),
    "CancellationOfOrder": _of_order("cancelOrder"),
    "PaymentOfOrder": _of_order("retryPayment"),
    "RefundOfOrder": _of_order("refundOrder"),
    "RefundsOfOrder": _of_order("listRefunds"),
    "NotificationsOfOrder": _link("listNotifications", user_id=f"{_BODY}/user_id"),
    "OrderOfList": _link("getOrder", order_id=f"{_BODY}/orders/0/order_id"),
    "OrderOfBatch": _link("getOrder", order_id=f"{_BODY}/results/0/order_id"),
    "RefundOfRefund": _link(
        "getRefund", order_id=f"{_BODY}/order_id", refund_id=f"{_BODY}/refund_id"
    ),
    "RefundOfList": _link(
        "getRefund",
        order_id=f"{_BODY}/order_id",
        refund_id=f"{_BODY}/refunds/0/refund_id",
    ),
}
"""By name; an operation's answers name those that lead on from them."""
