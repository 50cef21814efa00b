"""Orders as bytes."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from orders.domain.order import Order
from orders.http.rendering import render_order, timestamp


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
        (
            datetime(2026, 1, 1, 23, tzinfo=timezone(timedelta(hours=-2))),
            "2026-01-02T01:00:00.000000Z",
        ),
    ],
)
def test_times_are_utc_with_microseconds(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text


def test_metadata_is_shown_as_the_exact_text_that_came(stored_order: Order) -> None:
    text = '{"b" : 1.50,  "a":"\\u00e9é"}'
    request = stored_order.request._replace(metadata=text)

    body = render_order(stored_order._replace(request=request))

    assert text.encode() in body
    assert json.loads(body)["metadata"] == {"b": 1.5, "a": "éé"}


def test_a_reference_is_escaped(stored_order: Order) -> None:
    reference = 'a"b\\c</script>é😀'
    request = stored_order.request._replace(reference=reference)

    body = render_order(stored_order._replace(request=request))

    assert json.loads(body)["reference"] == reference


def test_what_an_order_does_not_have_is_left_out(stored_order: Order) -> None:
    shown = json.loads(render_order(stored_order))

    assert not {"reference", "metadata"} & shown.keys()


@pytest.mark.parametrize(
    ("currency", "text"), [("JPY", "9980"), ("USD", "99.80"), ("KWD", "9.980")]
)
def test_amounts_have_the_currencys_digits(
    stored_order: Order, currency: str, text: str
) -> None:
    request = stored_order.request._replace(currency=currency)

    shown = json.loads(render_order(stored_order._replace(request=request)))

    assert (shown["total"], shown["items"][0]["line_total"]) == (text, text)


def test_a_changed_order_shows_when(paid_order: Order) -> None:
    later = paid_order.created_at + timedelta(seconds=1)

    shown = json.loads(render_order(paid_order._replace(updated_at=later)))

    assert shown["created_at"] == "2026-03-04T05:06:07.000089Z"
    assert shown["updated_at"] == "2026-03-04T05:06:08.000089Z"
