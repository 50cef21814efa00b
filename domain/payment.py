"""The default payment rule: a total that reaches the limit is declined."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from orders.domain.money import CURRENCY_DIGITS
from orders.domain.transitions import Change

AMOUNT_LIMIT = "amount_limit"


class Decision(NamedTuple):
    """The outcome of one payment attempt; ``reason`` is a machine's word."""

    change: Change
    reason: str | None


_APPROVED = Decision(Change.APPROVED, None)
_DECLINED = Decision(Change.DECLINED, AMOUNT_LIMIT)


class PaymentRule:
    """Declines totals at or above a limit, approves those below.

    Args:
        limit: major units, for every currency without a limit of its own.
        limits: major units by currency.

    """

    def __init__(
        self, limit: Decimal, limits: Mapping[str, Decimal] | None = None
    ) -> None:
        own = limits or {}
        # Rounded up: a limit between two minor units must not decline the lower.
        self._minor = {
            currency: int(
                own.get(currency, limit)
                .scaleb(digits)
                .to_integral_value(rounding=ROUND_CEILING)
            )
            for currency, digits in CURRENCY_DIGITS.items()
        }

    def decide(self, total: int, currency: str) -> Decision:
        """Decide on ``total`` minor units of ``currency``."""
        return _DECLINED if total >= self._minor[currency] else _APPROVED
