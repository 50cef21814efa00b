"""Which requests count as the same one."""

import pytest

from orders.domain.order import OrderLine, OrderRequest
from orders.http.decoding import decode_order
from orders.http.idempotency import fingerprint

REQUEST = OrderRequest(7, "USD", 300, (OrderLine(1, 2, 100), OrderLine(2, 1, 200)))


@pytest.mark.parametrize(
    "other",
    [
        REQUEST._replace(user_id=8),
        REQUEST._replace(currency="EUR"),
        REQUEST._replace(total=301),
        REQUEST._replace(lines=REQUEST.lines[::-1]),
        REQUEST._replace(lines=(OrderLine(1, 2, 101), OrderLine(2, 1, 199))),
        REQUEST._replace(lines=(OrderLine(1, 3, 100), OrderLine(2, 1, 200))),
        REQUEST._replace(reference="a"),
        REQUEST._replace(metadata="{}"),
        REQUEST._replace(metadata='{"a":1}'),
    ],
)
def test_another_meaning_has_another_fingerprint(other: OrderRequest) -> None:
    assert fingerprint(other) != fingerprint(REQUEST)


def test_a_reference_is_not_taken_for_metadata() -> None:
    one = REQUEST._replace(reference="{}")
    two = REQUEST._replace(metadata="{}")

    assert fingerprint(one) != fingerprint(two)


def test_spelling_does_not_count() -> None:
    one = decode_order(
        b'{"user_id":7,"items":[{"product_id":1,"quantity":2,"line_total":"3.00"}],'
        b'"total":"3.00","metadata":{"a":1,"b":[2.0,"x"]}}',
        "USD",
    )
    two = decode_order(
        b'{ "metadata": {"b": [2.00, "\\u0078"], "a": 1}, "total": "3",'
        b'"currency": "USD", "items": [{"line_total": "3", "quantity": 2,'
        b'"product_id": 1}], "user\\u005fid": 7}\n',
        "USD",
    )

    assert fingerprint(one) == fingerprint(two)
