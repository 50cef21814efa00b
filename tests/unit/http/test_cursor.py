"""Cursors come back as they were made, or not at all."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.listing import OrderFilters
from orders.domain.order import MAX_ID, OrderStatus, PaymentStatus
from orders.http import cursor
from orders.http.cursor import (
    MAX_CURSOR_LENGTH,
    CursorError,
    Place,
    decode_cursor,
    encode_cursor,
)
from orders.http.order_checks import REFERENCE

TENANT = "default"
PLACE = Place(OrderFilters(user_id=7), "01920000-0000-7000-8000-000000000001")
MADE = encode_cursor(TENANT, PLACE)

places = st.builds(
    Place,
    st.builds(
        OrderFilters,
        st.none() | st.sampled_from(OrderStatus),
        st.none() | st.sampled_from(PaymentStatus),
        st.none() | st.integers(1, MAX_ID),
        st.none() | st.from_regex(REFERENCE, fullmatch=True),
        st.none() | st.datetimes(timezones=st.just(UTC)),
        st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
    st.uuids().map(str),
)


@given(places)
def test_what_was_said_comes_back(place: Place) -> None:
    assert decode_cursor(TENANT, encode_cursor(TENANT, place)) == place


@given(places)
def test_a_cursor_needs_no_escapes_in_a_url_and_has_a_bounded_length(
    place: Place,
) -> None:
    made = encode_cursor(TENANT, place)

    assert re.fullmatch(r"[A-Za-z0-9_-]+", made)
    assert len(made) <= MAX_CURSOR_LENGTH


@pytest.mark.parametrize("position", range(len(MADE)))
def test_a_cursor_with_a_changed_character_is_none(position: int) -> None:
    for other in "AZaz09-_":
        changed = MADE[:position] + other + MADE[position + 1 :]
        if changed != MADE:
            with pytest.raises(CursorError):
                decode_cursor(TENANT, changed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "AAAA",
        "A" * 32,
        MADE[:-1],
        MADE[1:],
        f"{MADE}A",
        f"{MADE}==",
        f" {MADE}",
        f"{MADE}\n",
        MADE.replace(MADE[3], "é"),
        MADE + "A" * MAX_CURSOR_LENGTH,
        PLACE.before,
    ],
)
def test_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(CursorError):
        decode_cursor(TENANT, text)


def test_a_cursor_of_another_tenant_is_none() -> None:
    with pytest.raises(CursorError):
        decode_cursor("other", MADE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xc0",
        cursor._encode([b"short", None, None, None, None, None, None]),
        cursor._encode([bytes(16), "GONE", None, None, None, None, None]),
        cursor._encode([bytes(16), None, None, 0, None, None, None]),
        cursor._encode([bytes(16), None, None, MAX_ID + 1, None, None, None]),
        cursor._encode([bytes(16), None, None, None, "a\0", None, None]),
        cursor._encode([bytes(16), None, None, None, "a\n", None, None]),
        cursor._encode([bytes(16), None, None, None, "a" * 201, None, None]),
        cursor._encode([bytes(16), None, None, None, None, "soon", None]),
        cursor._encode([bytes(16), None, None, None, None, None]),
        cursor._encode([bytes(16), None, None, None, None, None, None, None]),
    ],
)
def test_a_forged_cursor_asks_for_nothing_that_a_query_could_not(
    content: bytes,
) -> None:
    sealed = cursor._digest(TENANT, content) + content
    forged = urlsafe_b64encode(sealed).rstrip(b"=").decode()

    with pytest.raises(CursorError):
        decode_cursor(TENANT, forged)


def test_another_spelling_of_the_same_bytes_is_none() -> None:
    # The last character of 35 bytes carries two bits that mean nothing.
    made = encode_cursor(TENANT, Place(OrderFilters(user_id=300), PLACE.before))
    spare = f"{made[:-1]}B"
    assert made.endswith("A")
    assert urlsafe_b64decode(f"{made}=") == urlsafe_b64decode(f"{spare}=")

    with pytest.raises(CursorError):
        decode_cursor(TENANT, spare)


def test_a_date_before_the_time_of_computers_comes_back() -> None:
    moment = datetime(1, 1, 1, tzinfo=UTC)
    place = Place(OrderFilters(created_gte=moment), PLACE.before)

    assert decode_cursor(TENANT, encode_cursor(TENANT, place)) == place
