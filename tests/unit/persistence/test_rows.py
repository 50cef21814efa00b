import json
from datetime import UTC, datetime

import pytest

from orders.domain.intake import IdempotencyKey, NewOrder
from orders.domain.order import (
    SETTLED,
    UNSETTLED,
    OrderLine,
    OrderRequest,
    OrderStatus,
    PaymentStatus,
)
from orders.domain.records import DeadLetter
from orders.persistence.dead_letters import fingerprint
from orders.persistence.rows import (
    encode_orders,
    id_array,
    order_from_columns,
    text_array,
)

ID = "0192f0c1-0000-7000-8000-000000000001"
REQUEST = OrderRequest(7, "EUR", 300, (OrderLine(3, 2, 300),), "ref", '{"a":  1.50}')
AT = datetime(2026, 1, 2, tzinfo=UTC)


def test_an_order_is_sent_under_the_names_the_statements_read() -> None:
    key = IdempotencyKey("route", "key", b"\x01\xff")
    order = NewOrder(ID, "default", REQUEST, "data", key, "trace")

    [row] = json.loads(encode_orders([order]))

    assert row == {
        "id": ID,
        "tenant": "default",
        "usr": 7,
        "cur": "EUR",
        "total": 300,
        "items": [{"product_id": 3, "quantity": 2, "line_total": 300}],
        "data": "data",
        "ref": "ref",
        "meta": '{"a":  1.50}',
        "trace": "trace",
        "route": "route",
        "key": "key",
        "print": "01ff",
    }


def test_what_an_order_lacks_is_not_sent() -> None:
    request = REQUEST._replace(reference=None, metadata=None)

    [row] = json.loads(encode_orders([NewOrder(ID, "default", request, "data")]))

    assert set(row) == {"id", "tenant", "usr", "cur", "total", "items", "data"}


def test_a_lone_surrogate_is_refused_before_it_is_sent() -> None:
    request = REQUEST._replace(reference="\ud800")

    with pytest.raises(UnicodeEncodeError):
        encode_orders([NewOrder(ID, "default", request, "data")])


def test_columns_become_the_order_they_came_from() -> None:
    items = '[{"product_id": 3, "quantity": 2, "line_total": 300}]'

    order = order_from_columns(
        ID, "default", 7, "EUR", 300, items, "ref", '{"a":  1.50}',
        "PAID", "SUCCESS", 2, AT, AT,
    )  # fmt: skip

    assert order == (
        ID, "default", REQUEST, OrderStatus.PAID, PaymentStatus.SUCCESS, 2, AT, AT,
        None,
    )  # fmt: skip


def test_lines_may_gain_fields_that_this_version_does_not_know() -> None:
    items = '[{"product_id": 3, "quantity": 2, "line_total": 300, "tax": 57}]'

    order = order_from_columns(
        ID, "default", 7, "EUR", 300, items, None, None,
        "PAID", "SUCCESS", 2, AT, AT,
    )  # fmt: skip

    assert order.request.lines == (OrderLine(3, 2, 300),)


def test_ids_are_sent_sorted() -> None:
    assert id_array(["b", "c", "a"]) == "{a,b,c}"


def test_states_are_sent_as_an_array() -> None:
    assert text_array({OrderStatus.PENDING}) == "{PENDING}"


@pytest.mark.parametrize(
    "other",
    [
        DeadLetter("t", 0, 0, b"key", (("h", b"x"),), b"other", "bad"),
        DeadLetter("t", 0, 0, None, (("h", b"x"),), b"value", "bad"),
        DeadLetter("t", 0, 0, b"key", (("h", None),), b"value", "bad"),
    ],
    ids=["value", "key", "header"],
)
def test_other_bytes_have_another_fingerprint(other: DeadLetter) -> None:
    letter = DeadLetter("t", 0, 0, b"key", (("h", b"x"),), b"value", "bad")

    assert fingerprint(letter) != fingerprint(other)


def test_place_and_reason_are_not_part_of_the_fingerprint() -> None:
    letter = DeadLetter("t", 0, 0, b"key", (), b"value", "bad")

    assert fingerprint(letter) == fingerprint(letter._replace(offset=9, reason="x"))


@pytest.mark.parametrize(
    "items",
    [
        '{"a": 1}',
        "null",
        '"text"',
        "[1]",
        '[{"product_id": 3}]',
        '[{"product_id": "3", "quantity": 2, "line_total": 300}]',
        '[{"product_id": 3, "quantity": 2, "line_total": 3.5}]',
        '[{"product_id": 3, "quantity": 2, "line_total": -1}]',
        '[{"product_id": 3, "quantity": 2, "line_total": 9223372036854775808}]',
        "[" * 100_000 + "]" * 100_000,
        '[{"product_id": "\\ud800", "quantity": 2, "line_total": 300}]',
        "[{",
    ],
    ids=lambda items: items[:60],
)
def test_lines_that_cannot_be_read_are_said_to_be_so(items: str) -> None:
    order = order_from_columns(
        ID, "default", 7, "EUR", 300, items, "ref", None,
        "PAID", "SUCCESS", 2, AT, AT,
    )  # fmt: skip

    assert (order.order_id, order.request.reference) == (ID, "ref")
    assert order.request.lines == ()
    assert order.unreadable is not None
    assert order.unreadable.startswith("items: ")


def test_a_state_of_another_release_is_told_as_it_is() -> None:
    order = order_from_columns(
        ID, "default", 7, "EUR", 300, "[]", None, None, "ON_HOLD", "PARKED", 2, AT, AT,
    )  # fmt: skip

    assert (order.status, order.payment_status) == ("ON_HOLD", "PARKED")
    assert order.status not in SETTLED | UNSETTLED
    assert order.unreadable is None
