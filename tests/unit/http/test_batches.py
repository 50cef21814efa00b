"""Placing a batch of orders."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from falcon.testing import Result, TestClient

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    NOT_STORED,
    OUTCOME_UNKNOWN,
    OVERLOADED,
    Refused,
    Submission,
)
from orders.domain.intake import KeyBusy, KeyReused, Replayed, RowRefused, Stored
from orders.domain.order import Order
from orders.http.batch_storing import CHUNK_ROWS, MAX_RUNNING
from orders.http.parking import LATE

PATH = "/v1/orders/batch"
SOME = f"{PATH}?error_policy=reject_failed"
LINE = {"product_id": 3, "quantity": 2, "line_total": "9.50"}
ORDER = {"user_id": 7, "currency": "EUR", "items": [LINE], "total": "9.50"}
BAD = {**ORDER, "items": [{**LINE, "quantity": 0}]}


def post(
    api: TestClient, rows: list[dict[str, object]], path: str = PATH, **headers: str
) -> Result:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.simulate_post(path, body=json.dumps(rows), headers=names)


def keys(process) -> list[tuple[str, str]]:
    given = [submission.order.key for submission in process.submissions]
    return [(key.route, key.key) for key in given]


def codes(result: Result) -> list[str | None]:
    return [row.get("problem", {}).get("code") for row in result.json["results"]]


def nth(*answers: object) -> Callable[[Submission], object]:
    """Answer one submission after the other."""
    left = iter(answers)
    return lambda _: next(left)


STORED = Stored(datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))


def test_every_row_is_answered_with_its_order(api: TestClient, process) -> None:
    result = post(api, [ORDER, ORDER])

    ids = [submission.order.order_id for submission in process.submissions]
    assert result.status_code == 202
    assert (result.json["accepted"], result.json["rejected"]) == (2, 0)
    assert result.json["results"] == [
        {
            "index": index,
            "order_id": order_id,
            "status": "PENDING",
            "payment_status": "PENDING",
            "version": 1,
            "replayed": False,
            "links": {
                "self": f"/v1/orders/{order_id}",
                "history": f"/v1/orders/{order_id}/history",
            },
        }
        for index, order_id in enumerate(ids)
    ]


def test_lines_of_json_are_taken_too(api: TestClient, process) -> None:
    body = "\n".join([json.dumps(ORDER)] * 3)

    result = api.simulate_post(
        PATH, body=body, headers={"Content-Type": "application/x-ndjson; charset=utf-8"}
    )

    assert (result.status_code, result.json["accepted"]) == (202, 3)


def test_another_content_type_is_415(api: TestClient, process) -> None:
    result = post(api, [ORDER], Content_Type="text/csv")

    assert result.status_code == 415
    assert process.submissions == []


@pytest.mark.parametrize("count", [0, 1001])
def test_a_batch_has_1_to_1000_rows(api: TestClient, process, count: int) -> None:
    result = post(api, [{}] * count)

    assert (result.status_code, result.json["code"]) == (422, "invalid_batch")
    assert [error["code"] for error in result.json["errors"]] == ["row_count"]


def test_an_empty_body_is_400(api: TestClient) -> None:
    result = api.simulate_post(PATH, body=" \n")

    assert (result.status_code, result.json["code"]) == (400, "malformed_body")


def test_a_body_over_the_limit_of_batches_is_413(api: TestClient) -> None:
    result = api.simulate_post(PATH, body=b" " * 524_289)

    assert (result.status_code, result.json["code"]) == (413, "body_too_large")


def test_a_batch_may_be_larger_than_an_order(api: TestClient) -> None:
    assert post(api, [ORDER] * 900).status_code == 202


def test_an_unknown_policy_is_400(api: TestClient, process) -> None:
    result = post(api, [ORDER], f"{PATH}?error_policy=maybe")

    assert (result.status_code, result.json["code"]) == (400, "invalid_query")
    assert process.submissions == []


# --- what is not valid -------------------------------------------------------


def test_one_bad_row_refuses_all_by_default(api: TestClient, process) -> None:
    result = post(api, [ORDER, BAD, ORDER, {}])

    assert (result.status_code, result.json["code"]) == (422, "invalid_batch")
    assert [error["pointer"] for error in result.json["errors"]] == [
        "/1/items/0/quantity",
        "/3/user_id",
        "/3/items",
        "/3/total",
    ]
    assert process.submissions == []


def test_good_rows_are_taken_where_only_failed_ones_are_to_be_rejected(
    api: TestClient, process
) -> None:
    result = post(api, [BAD, ORDER], SOME)

    assert result.status_code == 202
    assert codes(result) == ["invalid_order", None]
    [error] = result.json["results"][0]["problem"]["errors"]
    assert error["pointer"] == "/0/items/0/quantity"
    assert len(process.submissions) == 1


def test_a_batch_without_a_good_row_is_422_by_either_policy(api: TestClient) -> None:
    result = post(api, [BAD], SOME)

    assert (result.status_code, result.json["code"]) == (422, "invalid_batch")


# --- keys --------------------------------------------------------------------


def test_each_row_of_a_batch_with_a_key_has_a_key_by_its_place(
    api: TestClient, process
) -> None:
    post(api, [ORDER] * 3, Idempotency_Key="k")

    first, *others = keys(process)
    assert first == ("POST /v1/orders/batch", "k")
    assert {route for route, _ in others} == {"POST /v1/orders/batch, rows"}
    assert [key.rpartition("/")[2] for _, key in others] == ["1", "2"]


def test_the_keys_are_the_same_wherever_the_batch_is_sent_again(
    api: TestClient, process
) -> None:
    post(api, [ORDER] * 3, Idempotency_Key="k")
    post(api, [ORDER] * 3, Idempotency_Key="k")

    assert keys(process)[:3] == keys(process)[3:]


def test_other_keys_give_other_keys_to_rows(api: TestClient, process) -> None:
    post(api, [ORDER] * 2, Idempotency_Key="k")
    post(api, [ORDER] * 2, Idempotency_Key="l")

    assert keys(process)[1] != keys(process)[3]


def test_the_keys_of_rows_stay_where_a_row_is_not_valid(
    api: TestClient, process
) -> None:
    post(api, [BAD, ORDER, BAD, ORDER], SOME, Idempotency_Key="k")

    assert keys(process)[0] == ("POST /v1/orders/batch", "k")
    assert keys(process)[1][1].endswith("/3")


def test_the_first_row_speaks_for_the_whole_batch(api: TestClient, process) -> None:
    post(api, [ORDER, ORDER], Idempotency_Key="k")
    post(api, [ORDER, {**ORDER, "user_id": 8}], Idempotency_Key="k")

    prints = [submission.order.key.fingerprint for submission in process.submissions]
    assert prints[0] != prints[2]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (KeyReused(), 422, "idempotency_key_reused"),
        (KeyBusy(), 409, "idempotency_key_in_use"),
        (Refused(DATABASE_UNAVAILABLE, 2), 503, "database_unavailable"),
        (Refused(OUTCOME_UNKNOWN, 2), 503, "outcome_unknown"),
        (RowRefused("secret"), 422, "order_refused"),
    ],
)
def test_nothing_more_is_handed_over_when_the_first_row_has_a_problem(
    api: TestClient, process, answer: object, status: int, code: str
) -> None:
    process.on_submission = lambda _: answer

    result = post(api, [ORDER] * 3, Idempotency_Key="k")

    assert (result.status_code, result.json["code"]) == (status, code)
    assert len(process.submissions) == 1


def test_keys_of_rows_belong_to_the_route_of_batches(api: TestClient, process) -> None:
    post(api, [{**ORDER, "idempotency_key": name} for name in "ab"])

    assert keys(process) == [
        ("POST /v1/orders/batch", "a"),
        ("POST /v1/orders/batch", "b"),
    ]


def test_rows_without_any_key_have_none(api: TestClient, process) -> None:
    post(api, [ORDER])

    assert process.submissions[0].order.key is None


def test_a_batch_that_was_stored_before_is_a_replay(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_submission = lambda _: Replayed(paid_order)

    result = post(api, [ORDER, ORDER], Idempotency_Key="k")

    assert result.headers["idempotency-replayed"] == "true"
    row = result.json["results"][1]
    assert (row["order_id"], row["status"]) == (paid_order.order_id, "PAID")
    assert row["replayed"] is True


def test_a_batch_that_was_stored_in_part_is_not_called_a_replay(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_submission = nth(Replayed(paid_order), STORED)

    result = post(api, [ORDER, ORDER], Idempotency_Key="k")

    assert "idempotency-replayed" not in result.headers
    assert [row["replayed"] for row in result.json["results"]] == [True, False]


# --- chunks and backpressure -------------------------------------------------


def test_a_chunk_is_handed_over_when_the_one_before_is_answered(
    api: TestClient, process, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, most = 0, 0
    submit, park = process.submit, process.park

    def counted_submit(submission: Submission) -> Refused | None:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        refusal: Refused | None = submit(submission)
        return refusal

    def counted_park(ticket) -> object:
        nonlocal waiting
        waiting -= 1
        answer: object = park(ticket)
        return answer

    monkeypatch.setattr(process, "submit", counted_submit)
    monkeypatch.setattr(process, "park", counted_park)

    assert post(api, [ORDER] * 100).json["accepted"] == 100
    assert most == CHUNK_ROWS


def fill_after(process, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let the lane be full once it has taken ``count`` orders."""
    submit = process.submit

    def limited(submission: Submission) -> Refused | None:
        if len(process.submissions) >= count:
            return Refused(OVERLOADED, 3.0)
        refusal: Refused | None = submit(submission)
        return refusal

    monkeypatch.setattr(process, "submit", limited)


def test_rows_that_a_full_lane_did_not_take_are_told_to_come_again(
    api: TestClient, process, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_after(process, monkeypatch, 40)

    result = post(api, [ORDER] * 100)

    assert (result.status_code, result.json["accepted"]) == (202, 40)
    assert codes(result)[39:] == [None, OVERLOADED, *[NOT_STORED] * 59]
    assert result.json["results"][99]["problem"]["retryable"] is True
    assert result.headers["retry-after"] == "3"


def test_a_lane_that_takes_nothing_is_503(
    api: TestClient, process, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_after(process, monkeypatch, 0)

    result = post(api, [ORDER] * 3)

    assert (result.status_code, result.json["code"]) == (503, OVERLOADED)
    assert result.headers["retry-after"] == "3"
    assert codes(result) == [OVERLOADED, NOT_STORED, NOT_STORED]


def test_nothing_is_begun_once_the_database_is_away(api: TestClient, process) -> None:
    process.on_submission = lambda _: Refused(DATABASE_UNAVAILABLE, 2.0)

    post(api, [ORDER] * 100)

    assert len(process.submissions) == CHUNK_ROWS


def test_a_row_of_unknown_outcome_names_its_order(api: TestClient, process) -> None:
    process.on_submission = nth(STORED, Refused(OUTCOME_UNKNOWN, 2.0))

    result = post(api, [ORDER, ORDER])

    problem = result.json["results"][1]["problem"]
    assert result.status_code == 202
    assert problem["code"] == OUTCOME_UNKNOWN
    assert problem["order_id"] == process.submissions[1].order.order_id


def test_what_may_be_stored_weighs_most_where_nothing_is_known_to_be(
    api: TestClient, process
) -> None:
    process.on_submission = nth(
        KeyReused(), Refused(DATABASE_UNAVAILABLE, 2), Refused(OUTCOME_UNKNOWN, 2)
    )

    result = post(api, [ORDER] * 3)

    assert (result.status_code, result.json["code"]) == (503, OUTCOME_UNKNOWN)
    assert codes(result)[2] == OUTCOME_UNKNOWN


def test_rows_that_are_late_are_certainly_not_stored(api: TestClient, process) -> None:
    process.on_submission = lambda _: LATE

    result = post(api, [ORDER] * 2)

    assert (result.status_code, codes(result)) == (503, [NOT_STORED] * 2)
    assert all(submission.dropped for submission in process.submissions)


def test_no_chunk_is_begun_after_the_time_of_a_batch(api: TestClient, process) -> None:
    def slow(_: Submission) -> object:
        process.now += 20.0 / CHUNK_ROWS
        return STORED

    process.on_submission = slow

    result = post(api, [ORDER] * 100)

    assert result.json["accepted"] == CHUNK_ROWS
    assert codes(result)[CHUNK_ROWS] == NOT_STORED


def test_one_batch_too_many_is_turned_away(api: TestClient, process) -> None:
    inner: list[Result] = []

    def nested(_: Submission) -> object:
        inner.append(post(api, [ORDER]))
        return STORED

    process.on_submission = nested
    result = post(api, [ORDER])

    assert result.status_code == 202
    assert len(process.submissions) == MAX_RUNNING
    refusal = inner[0]
    assert (refusal.status_code, refusal.json["code"]) == (503, OVERLOADED)
    assert refusal.headers["retry-after"] == "3"
    assert process.turned_away == 1


def test_a_refused_batch_gives_its_place_back(api: TestClient) -> None:
    for _ in range(MAX_RUNNING):
        post(api, [BAD])

    assert post(api, [ORDER]).status_code == 202
