"""Many orders in one request, on running nodes."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psycopg
import pytest
from urllib3.exceptions import HTTPError

pytestmark = pytest.mark.acceptance

PATH = "/v1/orders/batch"
SOME = f"{PATH}?error_policy=reject_failed"
NDJSON = "application/x-ndjson"
ROWS = 1000
ORDERS = "select count(*) from orders"
PAID = "select count(*) from orders where status = 'PAID'"

Body = Callable[..., dict[str, object]]


def count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def rows(order_body: Body, number: int = ROWS) -> list[dict[str, object]]:
    return [order_body(user_id=index + 1) for index in range(number)]


def lines(batch: Sequence[object]) -> bytes:
    return "\n".join(json.dumps(row) for row in batch).encode()


def ids(answer) -> list[str]:
    return [row["order_id"] for row in answer.json()["results"]]


def spoiled(batch: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the batch with every second row not valid."""
    return [row if n % 2 else {**row, "user_id": 0} for n, row in enumerate(batch)]


@pytest.mark.parametrize("form", ["array", "lines"])
def test_a_thousand_orders_settle(
    node, order_body: Body, empty_database_url: str, wait_until, form: str
) -> None:
    batch = rows(order_body)

    if form == "array":
        answer = node.post(PATH, batch)
    else:
        answer = node.post(PATH, lines(batch), Content_Type=NDJSON)

    assert (answer.status, answer.json()["accepted"]) == (202, ROWS)
    assert len(set(ids(answer))) == ROWS
    wait_until(lambda: count(empty_database_url, PAID) == ROWS, 60)
    assert node.get(f"/v1/orders/{ids(answer)[-1]}").json()["user_id"] == ROWS
    assert node.metric("orders_accepted_total") == ROWS


def test_a_repeated_batch_gives_the_same_orders_on_any_node(
    node, make_node, order_body: Body, empty_database_url: str
) -> None:
    batch = rows(order_body)
    other = make_node()
    other.start()

    first = node.post(PATH, batch, Idempotency_Key="k")
    again = other.post(PATH, lines(batch), Idempotency_Key="k", Content_Type=NDJSON)

    assert (first.status, again.status) == (202, 202)
    assert ids(again) == ids(first)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert count(empty_database_url, ORDERS) == ROWS


def test_a_batch_sent_twice_at_once_gives_the_same_orders(
    node, make_node, order_body: Body, empty_database_url: str
) -> None:
    batch = rows(order_body, 300)
    other = make_node()
    other.start()
    answers: list[list[str]] = []

    def send(to) -> None:
        answers.append(ids(to.post(PATH, batch, Idempotency_Key="k")))

    threads = [threading.Thread(target=send, args=(to,)) for to in (node, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert answers[0] == answers[1]
    assert count(empty_database_url, ORDERS) == 300


def test_another_body_for_the_key_is_refused_whole(
    node, order_body: Body, empty_database_url: str
) -> None:
    batch = rows(order_body, 100)
    node.post(PATH, batch, Idempotency_Key="k")

    answers = [
        node.post(PATH, other, Idempotency_Key="k")
        for other in (batch[1:], batch[:-1], [*batch, batch[0]])
    ]

    assert [a.json()["code"] for a in answers] == ["idempotency_key_reused"] * 3
    assert count(empty_database_url, ORDERS) == 100


def test_a_batch_that_a_crash_cut_short_is_filled_in_by_another_node(
    make_node, order_body: Body, empty_database_url: str, wait_until
) -> None:
    batch = rows(order_body)
    crashing = make_node(ORDERS_FAILPOINTS="intake.after_commit:5:exit")
    crashing.start()
    with suppress(HTTPError):  # it is gone before it answers
        crashing.post(PATH, batch, Idempotency_Key="k")
    crashing.process.wait(10)
    before = count(empty_database_url, ORDERS)
    other = make_node()
    other.start()

    answer = other.post(PATH, batch, Idempotency_Key="k")
    again = other.post(PATH, batch, Idempotency_Key="k")

    replayed = [row["replayed"] for row in answer.json()["results"]]
    assert 0 < before < ROWS
    assert (answer.status, answer.json()["accepted"]) == (202, ROWS)
    assert sum(replayed) == before
    assert ids(again) == ids(answer)
    wait_until(lambda: count(empty_database_url, PAID) == ROWS, 60)


def test_a_node_with_little_room_takes_a_part_and_says_which(
    make_node, order_body: Body, empty_database_url: str
) -> None:
    small = make_node(ORDERS_INTAKE__MAX_WAITING_ORDERS="10")
    small.start()

    answer = small.post(PATH, rows(order_body, 100))

    results = answer.json()["results"]
    codes = [row["problem"]["code"] for row in results if "problem" in row]
    assert answer.status == 202
    assert "Retry-After" in answer.headers
    assert codes == ["overloaded", *["not_stored"] * 89]
    assert count(empty_database_url, ORDERS) == answer.json()["accepted"] == 10


def test_half_a_batch_is_refused_or_taken_as_the_client_asks(
    node, order_body: Body, empty_database_url: str
) -> None:
    batch = spoiled(rows(order_body, 200))

    refused = node.post(PATH, batch, Idempotency_Key="k")
    stored = count(empty_database_url, ORDERS)
    taken = node.post(SOME, batch, Idempotency_Key="k")
    again = node.post(SOME, batch, Idempotency_Key="k")

    assert (refused.status, refused.json()["code"]) == (422, "invalid_batch")
    places = [error["pointer"] for error in refused.json()["errors"]]
    assert places == [f"/{n}/user_id" for n in range(0, 200, 2)]
    assert stored == 0
    assert (taken.status, taken.json()["accepted"]) == (202, 100)
    assert [row.get("order_id") for row in again.json()["results"]] == [
        row.get("order_id") for row in taken.json()["results"]
    ]
    assert count(empty_database_url, ORDERS) == 100


def test_rows_with_keys_of_their_own_are_found_in_any_batch(
    node, order_body: Body, empty_database_url: str
) -> None:
    one, two, three = (
        {**row, "idempotency_key": f"k{n}"} for n, row in enumerate(rows(order_body, 3))
    )

    first = ids(node.post(PATH, [one, two]))
    second = node.post(PATH, [three, two, {**order_body("5.00"), **_key(one)}])

    results = second.json()["results"]
    assert results[1]["order_id"] == first[1]
    assert [row.get("replayed") for row in results] == [False, True, None]
    assert results[2]["problem"]["code"] == "idempotency_key_reused"
    assert count(empty_database_url, ORDERS) == 3


def _key(row: dict[str, object]) -> dict[str, object]:
    return {"idempotency_key": row["idempotency_key"]}


def test_what_is_too_much_is_refused(node, order_body: Body) -> None:
    many = node.post(PATH, [order_body()] * (ROWS + 1))
    large = node.post(PATH, b" " * 524_289)
    single = node.post("/v1/orders", b" " * 65_537)

    assert (many.status, many.json()["code"]) == (422, "invalid_batch")
    assert (large.status, large.json()["code"]) == (413, "body_too_large")
    assert (single.status, single.json()["code"]) == (413, "body_too_large")


def test_single_orders_stay_quick_beside_batches(node, order_body: Body) -> None:
    batch = rows(order_body)
    ended = threading.Event()
    statuses: list[int] = []

    def send_batches() -> None:
        statuses.extend(node.post(PATH, batch).status for _ in range(5))
        ended.set()

    node.post("/v1/orders", order_body())
    sender = threading.Thread(target=send_batches)
    sender.start()
    times = []
    while not ended.is_set():
        began = time.perf_counter()
        assert node.post("/v1/orders", order_body()).status == 202
        times.append(time.perf_counter() - began)
    sender.join(30)

    times.sort()
    assert statuses == [202] * 5
    assert times[len(times) // 2] < 0.1
