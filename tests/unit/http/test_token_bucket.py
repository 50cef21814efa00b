"""How often a key may be used, by a clock of the test's."""

import pytest

from orders.domain.api_keys import RateLimit
from orders.http.token_bucket import TokenBucket

TEN_A_SECOND = RateLimit(10, 20)


def test_a_burst_is_let_through_and_no_more() -> None:
    bucket = TokenBucket(TEN_A_SECOND, 0)

    waits = [bucket.take(0) for _ in range(21)]

    assert waits[:20] == [0] * 20
    assert waits[20] == pytest.approx(0.1)


def test_it_fills_by_the_clock() -> None:
    bucket = TokenBucket(TEN_A_SECOND, 0)
    for _ in range(20):
        bucket.take(0)

    waits = [bucket.take(0.25) for _ in range(3)]

    assert waits[:2] == [0, 0]
    assert waits[2] == pytest.approx(0.05)


def test_a_long_pause_fills_it_up_to_the_burst() -> None:
    bucket = TokenBucket(TEN_A_SECOND, 0)
    bucket.take(0)

    taken = sum(bucket.take(3600) == 0 for _ in range(100))

    assert taken == 20


def test_the_wait_it_names_is_enough() -> None:
    bucket = TokenBucket(RateLimit(0.5, 1), 0)
    bucket.take(0)

    wait = bucket.take(1)

    assert bucket.take(1 + wait) == 0


def test_a_refused_request_costs_nothing() -> None:
    bucket = TokenBucket(RateLimit(1, 1), 0)
    bucket.take(0)
    for moment in range(9):
        bucket.take(moment / 10)

    assert bucket.take(1.0) == 0


def test_the_fields_tell_the_policy_and_what_is_left() -> None:
    bucket = TokenBucket(TEN_A_SECOND, 0)
    for _ in range(5):
        bucket.take(0)

    assert bucket.fields() == (
        ("ratelimit-policy", '"default";q=20;w=2'),
        ("ratelimit", '"default";r=15;t=1'),
    )


def test_an_empty_bucket_tells_when_to_come_again() -> None:
    bucket = TokenBucket(RateLimit(0.1, 2), 0)
    for _ in range(3):
        bucket.take(0)

    assert dict(bucket.fields())["ratelimit"] == '"default";r=0;t=10'
