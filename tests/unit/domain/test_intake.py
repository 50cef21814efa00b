"""Outcomes of storing an order can be told apart, by their type and otherwise."""

import pytest

from orders.domain.intake import KeyBusy, KeyReused


@pytest.mark.parametrize("outcome", [KeyReused(), KeyBusy()], ids=repr)
def test_outcome_without_a_field_is_true(outcome: KeyReused | KeyBusy) -> None:
    assert outcome


def test_reused_and_busy_keys_differ() -> None:
    reused, busy = KeyReused(), KeyBusy()

    assert reused != busy


def test_same_outcomes_are_equal() -> None:
    first, second = KeyBusy(), KeyBusy()

    assert first == second
