"""Money: an integer of minor units and an ISO 4217 currency, never a float."""

import re
from typing import Final

from orders.domain.errors import MoneyError

# ISO 4217 list one: minor-unit digits of the active currencies (https://www.six-group.com/en/products-services/financial-information/
# data-standards.html). Funds and metals codes without a minor unit are left out.
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_TWO_DIGITS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN "
    "BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
    "GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD "
    "KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN "
    "NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG "
    "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH "
    "USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
CURRENCY_DIGITS = (
    dict.fromkeys(_NO_DIGITS.split(), 0)
    | dict.fromkeys(_TWO_DIGITS.split(), 2)
    | dict.fromkeys(_THREE_DIGITS.split(), 3)
)
"""Decimal digits by ISO 4217 code."""

MAX_MINOR = 10**15
"""The largest amount of one order, in minor units; sums stay far inside 64 bits."""

MAX_AMOUNT_LENGTH: Final = 20
"""Characters of an amount."""
AMOUNT_PATTERN: Final = r"(0|[1-9][0-9]*)(?:\.([0-9]+))?"
"""An amount of any currency; how many digits it has is the currency's."""
_AMOUNT = re.compile(AMOUNT_PATTERN, re.ASCII)


def currency_digits(currency: str) -> int:
    """Return how many decimal digits ``currency`` has.

    Raises:
        MoneyError: the code is not an active ISO 4217 currency.

    """
    try:
        return CURRENCY_DIGITS[currency]
    except KeyError:
        raise MoneyError(f"{currency!r} is not an ISO 4217 currency") from None


def parse_amount(text: str, currency: str) -> int:
    """Return the minor units of a decimal string such as ``"99.80"``.

    Exactly the currency's digits are asked for, or none at all: ``"99.80"`` and
    ``"99"`` are dollars, ``"99.8"`` and ``"99.800"`` are not.

    Raises:
        MoneyError: not a decimal string, wrong digits, or out of range.

    """
    digits = currency_digits(currency)
    match = _AMOUNT.fullmatch(text) if len(text) <= MAX_AMOUNT_LENGTH else None
    if match is None:
        raise MoneyError('an amount is a decimal string such as "99.80"')
    whole, fraction = match.groups()
    if fraction is not None and len(fraction) != digits:
        raise MoneyError(f"{currency} amounts have {digits} decimal digits")
    minor: int = int(whole) * 10**digits + int(fraction or 0)
    if minor > MAX_MINOR:
        raise MoneyError("the amount is too large")
    return minor


def format_amount(minor: int, currency: str) -> str:
    """Return ``minor`` units as a decimal string with the currency's digits.

    Raises:
        KeyError: this release does not know the currency.

    """
    digits = CURRENCY_DIGITS[currency]
    if not digits:
        return str(minor)
    whole, fraction = divmod(minor, 10**digits)
    return f"{whole}.{fraction:0{digits}d}"


def shown_amount(minor: int, currency: str) -> str | None:
    """Return what ``format_amount`` does, or None where this release does not know the
    currency: another one stored it, and a wrong amount is worse than none.
    """
    return format_amount(minor, currency) if currency in CURRENCY_DIGITS else None
