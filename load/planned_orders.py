"""The orders that clients send: each of its kind once, told apart for ever."""

import json
import random
from dataclasses import dataclass

from orders.verification.journal import order_fingerprint

ROUTE = "/v1/orders"
OLDER_ROUTE = "/Orders"

_OLDER_SHARE = 0.125
_DECLINED_SHARE = 0.1
_LIMIT_MINOR = 100_000
"""The default payment rule declines from here on."""
_LARGEST_MINOR = 500_000
_CURRENCY = "EUR"
_OLDER_CURRENCY = "USD"
_MINOR = 100


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One order: where it goes, under which key, and what must come back of it."""

    route: str
    key: str
    user_id: int
    body: bytes
    fingerprint: str


def plan_order(
    run: str,
    client: int,
    number: int,
    rng: random.Random,
    older_share: float = _OLDER_SHARE,
) -> PlannedOrder:
    """Return the ``number``-th order of a client; ``run`` makes its key unique.

    ``older_share`` of them, from 0 to 1, go to the older route.
    """
    key = f"{run}-{client}-{number}"
    total = _total(rng)
    # Unique where there is no reference: the older route has none.
    user_id = client * 10_000_000 + number + 1
    product_id, quantity = rng.randint(1, 10_000), rng.randint(1, 9)
    if rng.random() < older_share:
        return _older(key, user_id, product_id, quantity, total)
    first = rng.randint(1, total - 1)
    lines = [(product_id, quantity, first), (product_id + 1, 1, total - first)]
    body = {
        "user_id": user_id,
        "currency": _CURRENCY,
        "items": [
            {"product_id": product, "quantity": count, "line_total": _amount(price)}
            for product, count, price in lines
        ],
        "total": _amount(total),
        "reference": key,
    }
    fingerprint = order_fingerprint(user_id, _CURRENCY, total, lines, key)
    return PlannedOrder(ROUTE, key, user_id, json.dumps(body).encode(), fingerprint)


def _older(
    key: str, user_id: int, product_id: int, quantity: int, total: int
) -> PlannedOrder:
    body = (
        f'{{"user_id":{user_id},"product_id":{product_id},'
        f'"quantity":{quantity},"total_price":{_amount(total)}}}'
    )
    line = (product_id, quantity, total)
    fingerprint = order_fingerprint(user_id, _OLDER_CURRENCY, total, [line], None)
    return PlannedOrder(OLDER_ROUTE, key, user_id, body.encode(), fingerprint)


def _total(rng: random.Random) -> int:
    if rng.random() < _DECLINED_SHARE:
        return rng.randint(_LIMIT_MINOR, _LARGEST_MINOR)
    return rng.randint(2, _LIMIT_MINOR - 1)


def _amount(minor: int) -> str:
    return f"{minor // _MINOR}.{minor % _MINOR:02d}"
