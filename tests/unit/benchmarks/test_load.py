"""What the load client sends and counts."""

import json

import pytest

from benchmarks.figures import quantile
from benchmarks.requests import Questions, Requests
from benchmarks.tally import Tally


def bodies_of(requests: Requests, count: int) -> list[bytes]:
    return [requests.next().partition(b"\r\n\r\n")[2] for _ in range(count)]


@pytest.mark.parametrize("path", ["/Orders", "/v1/orders"])
def test_every_fifth_order_is_above_the_limit(path: str) -> None:
    orders = [json.loads(body) for body in bodies_of(Requests(path), 100)]

    prices = [float(it.get("total_price") or it["total"]) for it in orders]
    assert sum(price >= 1000 for price in prices) == 20


def test_a_request_says_how_long_it_is() -> None:
    head, _, body = Requests("/v1/orders").next().partition(b"\r\n\r\n")

    assert f"Content-Length: {len(body)}".encode() in head


def test_keys_are_different() -> None:
    requests = Requests("/v1/orders", "round-1")

    heads = [requests.next().partition(b"\r\n\r\n")[0] for _ in range(5)]
    keys = {line for h in heads for line in h.split(b"\r\n") if b"Idempotency" in line}
    assert len(keys) == 5


def test_an_api_key_goes_with_every_request_that_is_given_one() -> None:
    with_key = Requests("/Orders", api_key="ok_1_2").next()

    assert b"\r\nAuthorization: Bearer ok_1_2\r\n" in with_key
    assert b"Authorization" not in Requests("/Orders").next()


def test_a_batch_has_an_order_a_line() -> None:
    [body] = bodies_of(Requests("/v1/orders/batch", batch=100), 1)

    users = [json.loads(line)["user_id"] for line in body.splitlines()]
    assert len(set(users)) == len(users) == 100


def test_questions_begin_again_after_the_last() -> None:
    questions = Questions(["/a", "/b"])

    lines = [questions.next().split(b"\r\n")[0] for _ in range(3)]
    assert lines == [f"GET {path} HTTP/1.1".encode() for path in ("/a", "/b", "/a")]


def test_refused_requests_are_not_accepted() -> None:
    tally = Tally()
    for status in (200, 202, 400, 503):
        tally.add(status, 0.001)

    assert (tally.summary().answered, tally.summary().accepted) == (4, 2)


def test_a_refusal_that_says_when_to_come_again_is_explained() -> None:
    tally = Tally()
    for status in (202, 429, 503):
        tally.add(status, 0.001, says_when=status > 202)
    assert tally.summary().unexplained == 0

    tally.add(503, 0.001, says_when=False)
    tally.add(500, 0.001, says_when=True)

    assert tally.summary().unexplained == 2


def test_parts_add_up_to_the_whole() -> None:
    parts = [Tally(), Tally()]
    parts[0].add(202, 0.001)
    parts[1].add(202, 0.003)
    parts[1].lost = 1

    whole = Tally.sum(parts).summary()

    assert (whole.answered, whole.lost, whole.max_ms) == (2, 1, 3.0)


@pytest.mark.parametrize(("share", "value"), [(0.5, 51), (0.99, 100), (0.999, 100)])
def test_a_quantile_is_one_of_the_values(share: float, value: float) -> None:
    assert quantile([float(it) for it in range(1, 101)], share) == value
