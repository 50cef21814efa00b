"""Orders as the command line shows them, whatever is stored of them."""

from datetime import UTC, datetime

from orders.cli.order_view import order_facts, total_text
from orders.domain.order import (
    DEFAULT_TENANT,
    Order,
    OrderLine,
    OrderRequest,
    OrderStatus,
    PaymentStatus,
)

AT = datetime(2026, 3, 4, tzinfo=UTC)


def stored(currency: str = "EUR", unreadable: str | None = None) -> Order:
    lines = () if unreadable else (OrderLine(3, 2, 9980),)
    return Order(
        "o",
        DEFAULT_TENANT,
        OrderRequest(7, currency, 9980, lines),
        OrderStatus.told("ON_HOLD"),
        PaymentStatus.PENDING,
        1,
        AT,
        AT,
        unreadable,
    )


def test_an_amount_has_its_currencys_digits() -> None:
    assert total_text(stored()) == "99.80 EUR"


def test_an_amount_of_an_unknown_currency_is_told_in_minor_units() -> None:
    assert total_text(stored("QQQ")) == "9980 minor units QQQ"
    assert ("line", "product 3, 2 for 9980 minor units QQQ") in [
        *order_facts(stored("QQQ"))
    ]


def test_a_state_of_another_release_is_shown() -> None:
    assert ("status", "ON_HOLD") in [*order_facts(stored())]


def test_what_cannot_be_read_is_said() -> None:
    facts = [*order_facts(stored(unreadable="items: no array"))]

    assert ("unreadable", "items: no array") in facts
    assert "line" not in dict(facts)
