"""Order ids are UUIDv7: sorted by time, and never the same."""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from orders.domain.identifiers import IdFactory, first_id_of, is_order_id

MANY = 5000


@pytest.fixture
def new_id() -> IdFactory:
    return IdFactory()


def test_id_is_canonical(new_id: IdFactory) -> None:
    text = new_id()

    assert str(uuid.UUID(text)) == text
    assert is_order_id(text)


def test_version_and_variant_are_those_of_uuid_7(new_id: IdFactory) -> None:
    ids = [uuid.UUID(new_id()) for _ in range(MANY)]

    assert {i.version for i in ids} == {7}
    assert {i.variant for i in ids} == {uuid.RFC_4122}


def test_id_begins_with_the_time_in_milliseconds(
    new_id: IdFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 0x0123456789AB * 1_000_000 + 999_999)

    assert new_id().startswith("01234567-89ab-7")


def test_later_ids_sort_behind_earlier_ones(
    new_id: IdFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(10**18, 10**18 + 1000 * 10**6, 10**6))
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))

    ids = [new_id() for _ in range(1000)]

    assert ids == sorted(ids)


def test_ids_differ_within_one_millisecond(
    new_id: IdFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)

    assert len({new_id() for _ in range(MANY)}) == MANY


def test_factories_share_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    factories = [IdFactory() for _ in range(4)]

    ids = {make() for make in factories for _ in range(1000)}

    assert len(ids) == 4000


def test_one_system_call_serves_408_ids(
    new_id: IdFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def urandom(size: int) -> bytes:
        sizes.append(size)
        return bytes(size)

    monkeypatch.setattr(os, "urandom", urandom)

    for _ in range(409):
        new_id()

    assert sizes == [4080, 4080]


def test_every_random_bit_takes_both_values(new_id: IdFactory) -> None:
    ids = [uuid.UUID(new_id()).int for _ in range(MANY)]
    random_bits = (0xFFF << 64) | 0x3FFF_FFFF_FFFF_FFFF

    ones, zeros = 0, 0
    for number in ids:
        ones |= number
        zeros |= ~number

    assert ones & random_bits == random_bits
    assert zeros & random_bits == random_bits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not-an-id",
        "0190F0A0-0000-7000-8000-000000000000",
        "0190f0a000007000800000000000000000",
        "{0190f0a0-0000-7000-8000-000000000000}",
        "0190f0a0-0000-7000-8000-00000000000",
        "0190f0a0-0000-7000-8000-0000000000000",
        "0190f0a0-0000-7000-8000-000000000000\n",
        "0190f0a0-0000-7000-8000-00000000000g",
        "\u0660190f0a0-0000-7000-8000-00000000000",
        "0190f0a0-0000-7000-8000-00000000000\x00",
    ],
)
def test_other_text_is_no_order_id(text: str) -> None:
    assert not is_order_id(text)


def test_first_id_of_a_time_sorts_before_every_id_of_it(
    new_id: IdFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_767_225_600_123 * 1_000_000)
    moment = datetime(2026, 1, 1, 0, 0, 0, 123_999, tzinfo=UTC)

    made = new_id()

    assert first_id_of(moment) <= made
    assert made < first_id_of(moment, timedelta(milliseconds=1))


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), "00000000-0000-0000-0000-000000000000"),
        (datetime(1, 1, 1, tzinfo=UTC), "00000000-0000-0000-0000-000000000000"),
        (datetime(9999, 12, 31, tzinfo=UTC), "e677ccf9-8000-0000-0000-000000000000"),
    ],
)
def test_first_id_of_any_time_is_canonical(moment: datetime, text: str) -> None:
    assert first_id_of(moment) == text
    assert is_order_id(text)
