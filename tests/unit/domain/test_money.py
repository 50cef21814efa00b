"""Money is exact: minor units in, the same text out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.errors import MoneyError
from orders.domain.money import (
    CURRENCY_DIGITS,
    MAX_MINOR,
    currency_digits,
    format_amount,
    parse_amount,
)

CURRENCIES = st.sampled_from(sorted(CURRENCY_DIGITS))
AMOUNTS = st.integers(min_value=0, max_value=MAX_MINOR)


@given(AMOUNTS, CURRENCIES)
def test_every_amount_survives_the_way_out_and_back(minor: int, currency: str) -> None:
    assert parse_amount(format_amount(minor, currency), currency) == minor


@given(st.text(max_size=25), CURRENCIES)
def test_any_text_is_an_amount_or_a_money_error(text: str, currency: str) -> None:
    try:
        minor = parse_amount(text, currency)
    except MoneyError:
        return

    assert 0 <= minor <= MAX_MINOR
    assert format_amount(minor, currency).removesuffix(
        "." + "0" * CURRENCY_DIGITS[currency]
    ) == text.removesuffix("." + "0" * CURRENCY_DIGITS[currency])


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("99.80", "USD", 9980),
        ("99", "USD", 9900),
        ("0.01", "EUR", 1),
        ("0", "EUR", 0),
        ("0.00", "EUR", 0),
        ("1000", "JPY", 1000),
        ("1.234", "KWD", 1234),
        ("10000000000000.00", "USD", MAX_MINOR),
    ],
)
def test_amount_is_read(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (9980, "USD", "99.80"),
        (5, "USD", "0.05"),
        (0, "USD", "0.00"),
        (1000, "JPY", "1000"),
        (1, "KWD", "0.001"),
    ],
)
def test_amount_is_written_with_the_currencys_digits(
    minor: int, currency: str, text: str
) -> None:
    assert format_amount(minor, currency) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1 ",
        " 1",
        "1\n",
        "-1",
        "+1",
        "01",
        "00",
        ".50",
        "1.",
        "1.5",
        "1.500",
        "1,50",
        "1e3",
        "1_000",
        "0x10",
        "NaN",
        "Infinity",
        "\u0661\u0662.\u0660\u0660",
        "1.\uff15\uff10",
        "1.50\x00",
        "9" * 21,
        "9" * 5000,
    ],
)
def test_text_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(MoneyError):
        parse_amount(text, "USD")


def test_yen_have_no_decimals() -> None:
    with pytest.raises(MoneyError, match="JPY amounts have 0 decimal digits"):
        parse_amount("10.0", "JPY")


def test_amount_beyond_the_largest_is_refused() -> None:
    with pytest.raises(MoneyError, match="too large"):
        parse_amount("10000000000000.01", "USD")


@pytest.mark.parametrize("currency", ["", "usd", "XXX", "EURO", "US", "HRK", "XAU"])
def test_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(MoneyError):
        currency_digits(currency)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("USD", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("BHD", 3), ("TND", 3)],
)
def test_currency_has_its_digits(currency: str, digits: int) -> None:
    assert currency_digits(currency) == digits


def test_every_code_is_three_capital_letters() -> None:
    assert all(
        len(c) == 3 and c.isascii() and c.isalpha() and c.isupper()
        for c in CURRENCY_DIGITS
    )
