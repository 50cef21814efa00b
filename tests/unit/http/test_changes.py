"""Cancel an order and try its payment again, as a client sees it."""

import json
from datetime import UTC, datetime

import pytest
from falcon.testing import Result, TestClient

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    OUTCOME_UNKNOWN,
    ChangeOrder,
    Refused,
)
from orders.domain.changing import (
    MAX_REASON_LENGTH,
    Action,
    Attempts,
    Changed,
    MoveRefused,
    OrderAbsent,
    VersionDiffers,
    after,
    decide_change,
)
from orders.domain.intake import KeyBusy, KeyReused, Replayed
from orders.domain.order import Order, OrderStatus, PaymentStatus
from orders.domain.settlement import Settlement
from orders.http.parking import LATE

LATER = datetime(2026, 3, 4, 5, 7, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def url(order: Order, action: str = "cancel") -> str:
    return f"/v1/orders/{order.order_id}/{action}"


def changed(order: Order, request: ChangeOrder) -> Changed:
    decided = decide_change(order, request.change, Attempts(1, 5))
    assert isinstance(decided, Settlement)
    return Changed(decided, after(order, decided, LATER))


@pytest.fixture
def failed_order(stored_order: Order) -> Order:
    return stored_order._replace(
        status=OrderStatus.FAILED, payment_status=PaymentStatus.FAILED, version=2
    )


@pytest.fixture
def paid_order(stored_order: Order) -> Order:
    return stored_order._replace(
        status=OrderStatus.PAID, payment_status=PaymentStatus.SUCCESS, version=2
    )


def code_of(answer: Result) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json["code"]


def test_a_cancelled_order_is_shown(api: TestClient, process, stored_order) -> None:
    process.on_change = lambda request: changed(stored_order, request)

    answer = api.simulate_post(url(stored_order))

    assert answer.status_code == 200
    assert answer.json["status"] == "CANCELLED"
    assert answer.json["payment_status"] == "NONE"
    assert answer.headers["etag"] == f'"{stored_order.version + 1}"'
    assert answer.headers["location"] == f"/v1/orders/{stored_order.order_id}"
    assert "idempotency-replayed" not in answer.headers


def test_a_retried_payment_is_under_way(api: TestClient, process, failed_order) -> None:
    process.on_change = lambda request: changed(failed_order, request)

    answer = api.simulate_post(url(failed_order, "payments"))

    assert answer.status_code == 202
    assert (answer.json["status"], answer.json["version"]) == ("PENDING", 3)


@pytest.mark.parametrize(
    ("path", "action"),
    [("cancel", Action.CANCEL), ("payments", Action.RETRY_PAYMENT)],
)
def test_what_is_asked_for_is_handed_on(
    api: TestClient, process, stored_order, path: str, action: Action
) -> None:
    api.simulate_post(
        url(stored_order, path),
        body=json.dumps({"reason": "wrong size: ü"}),
        headers={"Idempotency-Key": "k", "If-Match": '"4"', "traceparent": TRACE},
    )

    [request] = process.changes
    change = request.change
    assert change.key is not None
    assert change.key[:2] == (f"POST /v1/orders/{{order_id}}/{path}", "k")
    assert change._replace(key=None) == (
        stored_order.order_id,
        "default",
        action,
        "client",
        "wrong size: ü",
        4,
        None,
        TRACE,
        None,
    )


@pytest.mark.parametrize("body", [b"", b"{}", b'{"reason": "x"}'])
def test_a_reason_is_optional(
    api: TestClient, process, stored_order, body: bytes
) -> None:
    process.on_change = lambda request: changed(stored_order, request)

    answer = api.simulate_post(url(stored_order), body=body)

    assert answer.status_code == 200


def test_no_body_needs_no_content_type(
    api: TestClient, process, stored_order: Order
) -> None:
    process.on_change = lambda request: changed(stored_order, request)

    answer = api.simulate_post(url(stored_order), headers={"Content-Type": ""})

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["cancel", "payments"])
def test_the_key_stands_for_the_order_and_the_reason(
    api: TestClient, process, stored_order, path: str
) -> None:
    other = stored_order._replace(order_id=stored_order.order_id[:-1] + "2")
    key = {"Idempotency-Key": "k"}
    for order, body in [
        (stored_order, b""),
        (stored_order, b" { } "),
        (stored_order, b'{"reason":"a"}'),
        (stored_order, b'{"reason":"b"}'),
        (other, b""),
    ]:
        api.simulate_post(url(order, path), body=body, headers=key)

    prints = [request.change.key.fingerprint for request in process.changes]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


def test_a_replay_is_said_to_be_one(api: TestClient, process, paid_order) -> None:
    process.on_change = lambda _: Replayed(paid_order)

    answer = api.simulate_post(url(paid_order, "payments"))

    assert answer.status_code == 200
    assert answer.json["status"] == "PAID"
    assert answer.headers["idempotency-replayed"] == "true"


def test_an_illegal_move_says_where_the_order_stands(
    api: TestClient, process, paid_order
) -> None:
    process.on_change = lambda _: MoveRefused(paid_order, (Action.REFUND,))

    answer = api.simulate_post(url(paid_order))

    assert code_of(answer) == (409, "transition_not_allowed")
    assert answer.json["order"] == {
        "order_id": paid_order.order_id,
        "status": "PAID",
        "payment_status": "SUCCESS",
        "version": 2,
        "allowed_actions": ["refund"],
    }
    assert answer.json["retryable"] is False


def test_used_up_attempts_have_a_code_of_their_own(
    api: TestClient, process, failed_order
) -> None:
    process.on_change = lambda _: MoveRefused(failed_order, (), attempts_used_up=True)

    answer = api.simulate_post(url(failed_order, "payments"))

    assert code_of(answer) == (409, "payment_attempts_used_up")
    assert answer.json["order"]["allowed_actions"] == []


def test_another_version_is_412(api: TestClient, process, paid_order) -> None:
    process.on_change = lambda _: VersionDiffers(paid_order, (Action.REFUND,))

    answer = api.simulate_post(url(paid_order), headers={"If-Match": '"1"'})

    assert code_of(answer) == (412, "precondition_failed")
    assert answer.json["order"]["version"] == 2


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (OrderAbsent(), 404, "order_not_found"),
        (KeyReused(), 422, "idempotency_key_reused"),
        (KeyBusy(), 409, "idempotency_key_in_use"),
        (Refused(DATABASE_UNAVAILABLE, 2.0), 503, "database_unavailable"),
        (Refused(OUTCOME_UNKNOWN, 2.0), 503, "outcome_unknown"),
    ],
)
def test_other_outcomes_are_problems(
    api: TestClient, process, stored_order, outcome: object, status: int, code: str
) -> None:
    process.on_change = lambda _: outcome

    assert code_of(api.simulate_post(url(stored_order))) == (status, code)


def test_work_that_is_not_taken_is_refused(
    api: TestClient, process, stored_order
) -> None:
    process.refusal = Refused(DATABASE_UNAVAILABLE, 1.0)

    answer = api.simulate_post(url(stored_order))

    assert code_of(answer) == (503, "database_unavailable")
    assert answer.headers["retry-after"] == "1"


def test_a_change_that_nobody_took_in_time_is_not_made(
    api: TestClient, process, stored_order
) -> None:
    process.on_change = lambda _: LATE

    answer = api.simulate_post(url(stored_order))

    assert code_of(answer) == (503, "not_stored")
    assert not process.changes[0].claim()


@pytest.mark.parametrize(
    ("headers", "advice"),
    [({"Idempotency-Key": "k"}, "same Idempotency-Key"), ({}, "If-Match")],
)
def test_a_change_whose_outcome_is_not_known_says_how_to_go_on(
    api: TestClient, process, stored_order, headers: dict[str, str], advice: str
) -> None:
    def take_and_never_answer(request: ChangeOrder) -> object:
        request.claim()
        return LATE

    process.on_change = take_and_never_answer

    answer = api.simulate_post(url(stored_order), headers=headers)

    assert code_of(answer) == (503, "outcome_unknown")
    assert advice in answer.json["detail"]
    assert answer.headers["location"] == f"/v1/orders/{stored_order.order_id}"
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (b"[]", "", "wrong_type"),
        (b'"x"', "", "wrong_type"),
        (b'{"why": "x"}', "/why", "unknown_field"),
        (b'{"reason": 1}', "/reason", "wrong_type"),
        (b'{"reason": null}', "/reason", "wrong_type"),
        (b'{"reason": ""}', "/reason", "wrong_length"),
        (
            json.dumps({"reason": "x" * (MAX_REASON_LENGTH + 1)}).encode(),
            "/reason",
            "wrong_length",
        ),
        (b'{"reason": "a\\u0000b"}', "/reason", "control_character"),
        (b'{"reason": "a\\nb"}', "/reason", "control_character"),
    ],
)
def test_a_body_that_is_wrong_is_422_with_its_place(
    api: TestClient, process, stored_order, body: bytes, pointer: str, code: str
) -> None:
    answer = api.simulate_post(url(stored_order), body=body)

    assert code_of(answer) == (422, "invalid_request")
    [fault] = answer.json["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)
    assert process.changes == []


@pytest.mark.parametrize(
    "body", [b"{", b'{"reason": "\\ud800"}', b'{"reason":"a","reason":"b"}', b"\xff"]
)
def test_a_body_that_is_no_sound_json_is_400(
    api: TestClient, process, stored_order, body: bytes
) -> None:
    answer = api.simulate_post(url(stored_order), body=body)

    assert code_of(answer) == (400, "malformed_body")


def test_the_longest_reason_is_taken_however_it_is_escaped(
    api: TestClient, process, stored_order
) -> None:
    process.on_change = lambda request: changed(stored_order, request)
    reason = "\N{GRINNING FACE}" * MAX_REASON_LENGTH

    answer = api.simulate_post(
        url(stored_order), body=json.dumps({"reason": reason}, ensure_ascii=True)
    )

    assert answer.status_code == 200
    assert process.changes[0].change.reason == reason


@pytest.mark.parametrize(
    ("headers", "body", "query", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, b"{}", "", 415, "unsupported_media_type"),
        ({}, b" " * 10_000, "", 413, "body_too_large"),
        ({"Accept": "text/html"}, b"", "", 406, "not_acceptable"),
        ({"Idempotency-Key": "a b"}, b"", "", 400, "idempotency_key_invalid"),
        ({"If-Match": "3"}, b"", "", 400, "bad_request"),
        ({}, b"", "force=1", 400, "invalid_query"),
    ],
)
def test_a_request_that_cannot_be_understood_changes_nothing(
    *,
    api: TestClient,
    process,
    stored_order,
    headers: dict[str, str],
    body: bytes,
    query: str,
    status: int,
    code: str,
) -> None:
    answer = api.simulate_post(
        url(stored_order), headers=headers, body=body, query_string=query
    )

    assert code_of(answer) == (status, code)
    assert process.changes == []


@pytest.mark.parametrize("order_id", ["x", "1", "0" * 36])
def test_what_is_no_order_id_is_404(api: TestClient, process, order_id: str) -> None:
    answer = api.simulate_post(f"/v1/orders/{order_id}/cancel")

    assert code_of(answer) == (404, "order_not_found")
    assert process.changes == []


def test_an_order_id_may_be_in_upper_case(
    api: TestClient, process, stored_order
) -> None:
    order_id = stored_order.order_id.upper()

    api.simulate_post(f"/v1/orders/{order_id}/cancel")

    assert process.changes[0].change.order_id == stored_order.order_id


@pytest.mark.parametrize("path", ["cancel", "payments"])
def test_only_post_is_possible(api: TestClient, stored_order, path: str) -> None:
    answer = api.simulate_get(url(stored_order, path))

    assert code_of(answer) == (405, "method_not_allowed")
