"""Keys in memory: which one a header stands for, and how long that counts."""

from collections.abc import Iterator

import pytest

from orders.domain.api_keys import ActiveKey, NewKey, RateLimit, Scope, mint_key
from orders.http.key_ring import KeyRing

KEY = mint_key()
OTHER = mint_key()
MAX_AGE = 30.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def active(
    key: NewKey = KEY, *, left: float | None = None, limit: RateLimit | None = None
) -> ActiveKey:
    scopes = frozenset({Scope.READ})
    return ActiveKey(key.key_id, key.digest, "acme", scopes, left, limit)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(clock: Clock) -> KeyRing:
    return KeyRing(clock, max_age_seconds=MAX_AGE, default_limit=None)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_a_key_is_found_by_its_header(ring: KeyRing, scheme: str) -> None:
    ring.renew([active(), active(OTHER)], 1000)

    held = ring.find(f"{scheme} {KEY.text}")

    assert held is not None
    assert (held.caller.key_id, held.caller.tenant_id) == (KEY.key_id, "acme")


@pytest.mark.parametrize(
    "header",
    [
        KEY.text,
        f"Basic {KEY.text}",
        f"Bearer {KEY.text[:-1]}{'0' if KEY.text[-1] != '0' else '1'}",
        f"Bearer ok_{KEY.key_id}_{OTHER.text.rpartition('_')[2]}",
        f"Bearer {mint_key().text}",
        f"Bearer {KEY.text}, Bearer {KEY.text}",
        "Bearer ",
        "Bearer é",
        "",
    ],
    ids=str.split(
        "no_scheme other_scheme changed_secret others_secret unknown two_keys "
        "no_key not_ascii empty"
    ),
)
def test_another_header_stands_for_nobody(ring: KeyRing, header: str) -> None:
    ring.renew([active(), active(OTHER)], 1000)

    assert ring.find(header) is None


def test_a_key_that_is_not_read_any_more_is_gone(ring: KeyRing) -> None:
    ring.renew([active()], 1000)
    before = ring.find(f"Bearer {KEY.text}")
    ring.renew([active(OTHER)], 1010)

    assert before is not None
    assert ring.find(f"Bearer {KEY.text}") is None


def spellings(count: int) -> Iterator[str]:
    """Yield ways to write the scheme before a key."""
    for number in range(count):
        letters = zip("bearer", f"{number % 64:06b}", strict=True)
        scheme = "".join(it.upper() if bit == "1" else it for it, bit in letters)
        yield scheme + " " * (1 + number // 64 * 10)


def test_what_proved_right_is_remembered_within_bounds(ring: KeyRing) -> None:
    ring.renew([active()], 1000)

    found = [ring.find(f"{bearer}{KEY.text}") for bearer in spellings(2001)]

    assert all(found)
    assert len(ring._reading.seen) <= 1000
    assert max(map(len, ring._reading.seen)) <= 160


def test_a_key_expires_between_two_readings(ring: KeyRing, clock: Clock) -> None:
    ring.renew([active(left=5)], 1000)

    before = ring.find(f"Bearer {KEY.text}")
    clock.now = 1005
    after = ring.find(f"Bearer {KEY.text}")

    assert before is not None
    assert after is None


def test_nothing_was_read_at_first(ring: KeyRing) -> None:
    assert not ring.is_fresh()


def test_a_reading_counts_for_a_bounded_time(ring: KeyRing, clock: Clock) -> None:
    ring.renew([active()], 1000)

    clock.now = 1000 + MAX_AGE - 0.1
    before = ring.is_fresh()
    clock.now = 1000 + MAX_AGE

    assert before
    assert not ring.is_fresh()


def test_a_key_that_stays_keeps_what_it_used(ring: KeyRing) -> None:
    limit = RateLimit(1, 2)
    ring.renew([active(limit=limit)], 1000)
    first = ring.find(f"Bearer {KEY.text}")
    ring.renew([active(limit=limit)], 1000)

    second = ring.find(f"Bearer {KEY.text}")

    assert first is not None
    assert second is not None
    assert second.bucket is first.bucket is not None


def test_a_new_limit_holds_from_the_next_reading(ring: KeyRing) -> None:
    ring.renew([active(limit=RateLimit(1, 2))], 1000)
    ring.renew([active(limit=RateLimit(5, 9))], 1000)

    held = ring.find(f"Bearer {KEY.text}")

    assert held is not None
    assert held.bucket is not None
    assert held.bucket.limit == RateLimit(5, 9)


def test_the_default_limit_is_for_keys_without_their_own(clock: Clock) -> None:
    ring = KeyRing(clock, max_age_seconds=MAX_AGE, default_limit=RateLimit(3, 3))
    ring.renew([active(), active(OTHER, limit=RateLimit(7, 7))], 1000)

    found = [ring.find(f"Bearer {key.text}") for key in (KEY, OTHER)]

    assert [held and held.bucket and held.bucket.limit for held in found] == [
        RateLimit(3, 3),
        RateLimit(7, 7),
    ]
