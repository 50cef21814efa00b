"""The text of an event is JSON, though nothing in it is ever escaped."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.events import event_data, event_type
from orders.domain.identifiers import IdFactory
from orders.domain.money import CURRENCY_DIGITS, MAX_MINOR, format_amount
from orders.domain.order import MAX_ID
from orders.domain.payment import AMOUNT_LIMIT
from orders.domain.transitions import TRANSITIONS, Change, State

STATES = sorted({t.target for t in TRANSITIONS})
TENANTS = st.from_regex(re.compile(r"[a-z0-9_-]{1,63}", re.ASCII), fullmatch=True)


@given(
    tenant_id=TENANTS,
    user_id=st.integers(min_value=1, max_value=MAX_ID),
    total=st.integers(min_value=0, max_value=MAX_MINOR),
    currency=st.sampled_from(sorted(CURRENCY_DIGITS)),
    state=st.sampled_from(STATES),
    version=st.integers(min_value=1, max_value=10_000),
    reason=st.sampled_from([None, AMOUNT_LIMIT]),
)
def test_text_reads_as_what_was_put_in(
    tenant_id: str,
    user_id: int,
    total: int,
    currency: str,
    state: State,
    version: int,
    reason: str | None,
) -> None:
    order_id = IdFactory()()

    text = event_data(
        order_id, tenant_id, user_id, total, currency, state, version, reason
    )

    expected = {
        "order_id": order_id,
        "tenant_id": tenant_id,
        "version": version,
        "status": state.status.value,
        "payment_status": state.payment_status.value,
        "user_id": user_id,
        "currency": currency,
        "total": format_amount(total, currency),
    }
    if reason is not None:
        expected["reason"] = reason
    assert json.loads(text) == expected


def test_same_facts_make_the_same_bytes() -> None:
    facts = ("id", "default", 7, 9980, "USD", STATES[0], 1)

    assert event_data(*facts) == event_data(*facts)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (Change.ACCEPTED, "orders.order.accepted.v1"),
        (Change.APPROVED, "orders.order.paid.v1"),
        (Change.DECLINED, "orders.order.failed.v1"),
    ],
)
def test_type_names_the_change(change: Change, name: str) -> None:
    assert event_type(change) == name


def test_every_change_has_a_type_of_its_own() -> None:
    assert len({event_type(change) for change in Change}) == len(Change)
