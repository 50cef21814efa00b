"""The payment rule: a total that reaches the limit is declined."""

from decimal import Decimal

import pytest

from orders.domain.money import CURRENCY_DIGITS
from orders.domain.payment import AMOUNT_LIMIT, Decision, PaymentRule
from orders.domain.transitions import Change

APPROVED = Decision(Change.APPROVED, None)
DECLINED = Decision(Change.DECLINED, AMOUNT_LIMIT)


@pytest.mark.parametrize(
    ("total", "currency", "decision"),
    [
        (99_999, "USD", APPROVED),
        (100_000, "USD", DECLINED),
        (100_001, "USD", DECLINED),
        (999, "JPY", APPROVED),
        (1000, "JPY", DECLINED),
        (999_999, "KWD", APPROVED),
        (1_000_000, "KWD", DECLINED),
    ],
)
def test_limit_counts_in_major_units(
    total: int, currency: str, decision: Decision
) -> None:
    assert PaymentRule(Decimal(1000)).decide(total, currency) == decision


def test_currency_may_have_a_limit_of_its_own() -> None:
    rule = PaymentRule(Decimal(1000), {"JPY": Decimal(150_000)})

    assert rule.decide(149_999, "JPY") == APPROVED
    assert rule.decide(150_000, "JPY") == DECLINED


def test_limit_of_one_currency_leaves_the_others_alone() -> None:
    rule = PaymentRule(Decimal(1000), {"JPY": Decimal(150_000)})

    assert rule.decide(100_000, "USD") == DECLINED


@pytest.mark.parametrize(("total", "decision"), [(10, APPROVED), (11, DECLINED)])
def test_limit_between_two_minor_units_spares_the_lower(
    total: int, decision: Decision
) -> None:
    assert PaymentRule(Decimal("10.5")).decide(total, "JPY") == decision


def test_limit_of_zero_declines_everything() -> None:
    assert PaymentRule(Decimal(0)).decide(0, "USD") == DECLINED


def test_rule_knows_every_currency_that_money_knows() -> None:
    rule = PaymentRule(Decimal(1000))

    assert {rule.decide(0, currency) for currency in CURRENCY_DIGITS} == {APPROVED}
