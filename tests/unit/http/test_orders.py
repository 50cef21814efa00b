"""Placing orders and looking at them."""

import json
from datetime import UTC, datetime

import pytest
from falcon.testing import Result, TestClient

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    OUTCOME_UNKNOWN,
    OVERLOADED,
    ReadHistory,
    ReadOrder,
    Refused,
    Submission,
)
from orders.domain.intake import KeyBusy, KeyReused, Replayed, RowRefused
from orders.domain.order import Order, OrderLine, OrderRequest
from orders.domain.records import HistoryEntry
from orders.http.parking import LATE

ORDER_ID = "01920000-0000-7000-8000-000000000001"
PATH = f"/v1/orders/{ORDER_ID}"
BODY = {
    "user_id": 7,
    "currency": "EUR",
    "items": [{"product_id": 3, "quantity": 2, "line_total": "99.80"}],
    "total": "99.80",
}


def post(api: TestClient, body: object = BODY, **headers: str) -> Result:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.simulate_post("/v1/orders", body=json.dumps(body), headers=names)


# --- POST --------------------------------------------------------------------


def test_a_committed_order_is_answered_202_with_its_location(
    api: TestClient, process
) -> None:
    result = post(api)

    order_id = process.submissions[0].order.order_id
    assert result.status_code == 202
    assert result.headers["location"] == f"/v1/orders/{order_id}"


def test_the_answer_shows_the_order_as_it_was_stored(api: TestClient, process) -> None:
    result = post(api, {**BODY, "reference": "A-1", "metadata": {"note": "x"}})

    order_id = process.submissions[0].order.order_id
    path = f"/v1/orders/{order_id}"
    assert result.json == {
        **BODY,
        "reference": "A-1",
        "metadata": {"note": "x"},
        "order_id": order_id,
        "status": "PENDING",
        "payment_status": "PENDING",
        "version": 1,
        "created_at": "2026-03-04T05:06:07.000089Z",
        "updated_at": "2026-03-04T05:06:07.000089Z",
        "links": {"self": path, "history": f"{path}/history"},
    }


def test_what_is_handed_over_is_the_checked_order(api: TestClient, process) -> None:
    post(api)

    order = process.submissions[0].order
    assert order.request == OrderRequest(7, "EUR", 9980, (OrderLine(3, 2, 9980),))
    assert order.key is None


def test_the_event_of_version_1_says_what_was_accepted(
    api: TestClient, process
) -> None:
    post(api)

    order = process.submissions[0].order
    event = json.loads(order.event_data)
    assert (event["order_id"], event["status"], event["version"]) == (
        order.order_id,
        "PENDING",
        1,
    )


def test_the_deadline_is_the_store_timeout_from_now(api: TestClient, process) -> None:
    post(api)

    assert process.submissions[0].deadline == pytest.approx(1001.8)
    assert process.tickets[0].deadline == process.submissions[0].deadline


def test_an_order_without_currency_has_the_default_one(
    api: TestClient, process
) -> None:
    post(api, {name: BODY[name] for name in ("user_id", "items", "total")})

    assert process.submissions[0].order.request.currency == "USD"


def test_a_valid_traceparent_goes_with_the_order(api: TestClient, process) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    post(api, traceparent=parent)

    assert process.submissions[0].order.traceparent == parent


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/json ;a=b"],
)
def test_json_is_taken_whatever_its_parameters(
    api: TestClient, content_type: str
) -> None:
    assert post(api, Content_Type=content_type).status_code == 202


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "",
    ],
)
def test_another_content_type_is_415(
    api: TestClient, process, content_type: str
) -> None:
    result = post(api, Content_Type=content_type)

    assert result.status_code == 415
    assert result.json["code"] == "unsupported_media_type"
    assert process.submissions == []


def test_a_body_without_content_type_is_415(process, api: TestClient) -> None:
    bare = TestClient(api.app)

    assert bare.simulate_post("/v1/orders", body="{}").status_code == 415


def test_a_compressed_body_is_415(api: TestClient) -> None:
    assert post(api, Content_Encoding="gzip").status_code == 415


def test_a_body_over_the_limit_is_413(api: TestClient, process) -> None:
    result = api.simulate_post("/v1/orders", body=b" " * 65_537)

    assert result.status_code == 413
    assert result.json["code"] == "body_too_large"


def test_an_unknown_query_parameter_of_a_post_is_400(api: TestClient, process) -> None:
    result = api.simulate_post("/v1/orders?wait=3", body=json.dumps(BODY))

    assert result.status_code == 400
    assert result.json["errors"][0]["parameter"] == "wait"
    assert process.submissions == []


# --- POST: keys --------------------------------------------------------------


def test_a_key_is_stored_with_its_route_and_fingerprint(
    api: TestClient, process
) -> None:
    post(api, Idempotency_Key="k-1")

    key = process.submissions[0].order.key
    assert (key.route, key.key) == ("POST /v1/orders", "k-1")
    assert len(key.fingerprint) == 16


@pytest.mark.parametrize("key", ["!", "~" * 255, "8e03978e-40d5-43e8-bc93"])
def test_visible_ascii_is_a_key(api: TestClient, key: str) -> None:
    assert post(api, Idempotency_Key=key).status_code == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb", "é", "a\x7f"])
def test_anything_else_is_not_a_key(api: TestClient, process, key: str) -> None:
    result = post(api, Idempotency_Key=key)

    assert result.status_code == 400
    assert result.json["code"] == "idempotency_key_invalid"
    assert result.json["errors"][0]["parameter"] == "Idempotency-Key"
    assert process.submissions == []


def test_a_replay_answers_the_order_as_it_now_is(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_submission = lambda _: Replayed(paid_order)

    result = post(api, Idempotency_Key="k")

    assert result.status_code == 202
    assert result.headers["idempotency-replayed"] == "true"
    assert result.headers["location"] == PATH
    assert (result.json["order_id"], result.json["status"]) == (ORDER_ID, "PAID")


def test_a_first_answer_is_not_called_a_replay(api: TestClient) -> None:
    assert "idempotency-replayed" not in post(api, Idempotency_Key="k").headers


def test_a_replay_with_a_wait_answers_200_at_once_when_settled(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_submission = lambda _: Replayed(paid_order)

    result = post(api, Idempotency_Key="k", Prefer="wait=5")

    assert result.status_code == 200
    assert process.questions == []


@pytest.mark.parametrize(
    ("answer", "status", "code", "retryable"),
    [
        (KeyReused(), 422, "idempotency_key_reused", False),
        (KeyBusy(), 409, "idempotency_key_in_use", True),
        (RowRefused("secret detail"), 422, "order_refused", False),
        (Refused(OVERLOADED, 2.2), 503, "overloaded", True),
        (Refused(DATABASE_UNAVAILABLE, 0), 503, "database_unavailable", True),
        (Refused("something_new", 1), 503, "something_new", True),
    ],
)
def test_what_was_not_stored_is_a_problem(
    api: TestClient,
    process,
    answer: object,
    status: int,
    code: str,
    retryable: bool,
) -> None:
    process.on_submission = lambda _: answer

    result = post(api, Idempotency_Key="k")

    assert (result.status_code, result.json["code"]) == (status, code)
    assert result.json["retryable"] is retryable
    assert ("retry-after" in result.headers) is retryable
    assert "secret" not in result.text


def test_a_refusal_at_the_door_is_503_with_whole_seconds(
    api: TestClient, process
) -> None:
    process.refusal = Refused(OVERLOADED, 2.2)

    result = post(api)

    assert (result.status_code, result.json["code"]) == (503, "overloaded")
    assert result.headers["retry-after"] == "3"


# --- POST: late --------------------------------------------------------------


def test_a_late_order_that_nobody_took_is_certainly_not_stored(
    api: TestClient, process
) -> None:
    process.on_submission = lambda _: LATE

    result = post(api)

    assert (result.status_code, result.json["code"]) == (503, "not_stored")
    assert "order_id" not in result.json
    assert "location" not in result.headers
    assert result.headers["retry-after"] == "1"


def test_a_late_order_is_claimed_so_that_no_writer_takes_it(
    api: TestClient, process
) -> None:
    process.on_submission = lambda _: LATE

    post(api)

    assert not process.submissions[0].claim()


def test_a_late_order_in_the_writers_hands_is_of_unknown_outcome(
    api: TestClient, process
) -> None:
    def take(submission: Submission) -> object:
        assert submission.claim()
        return LATE

    process.on_submission = take

    result = post(api)

    order_id = process.submissions[0].order.order_id
    assert (result.status_code, result.json["code"]) == (503, "outcome_unknown")
    assert result.json["order_id"] == order_id
    assert result.headers["location"] == f"/v1/orders/{order_id}"
    assert result.headers["retry-after"] == "1"


def test_an_unknown_outcome_from_the_writer_names_the_order_too(
    api: TestClient, process
) -> None:
    process.on_submission = lambda _: Refused(OUTCOME_UNKNOWN, 4)

    result = post(api)

    order_id = process.submissions[0].order.order_id
    assert result.json["order_id"] == order_id
    assert result.headers["location"] == f"/v1/orders/{order_id}"
    assert result.headers["retry-after"] == "4"


# --- POST: Prefer ------------------------------------------------------------


def test_a_wait_that_sees_the_order_settled_answers_200(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_question = lambda _: paid_order

    result = post(api, Prefer="wait=5")

    assert (result.status_code, result.json["status"]) == (200, "PAID")
    assert result.headers["preference-applied"] == "wait=5"


def test_a_wait_asks_for_the_stored_order_until_its_end(
    api: TestClient, process, paid_order: Order, stored_order: Order
) -> None:
    process.on_question = lambda q: paid_order if q.wait_until else stored_order

    post(api, Prefer="wait=5")

    question = process.questions[-1]
    assert question.order_id == process.submissions[0].order.order_id
    assert question.wait_until == 1005.0
    assert process.tickets[-1].deadline > question.wait_until


def test_a_wait_first_looks_without_waiting(
    api: TestClient, process, paid_order: Order, stored_order: Order
) -> None:
    process.on_question = lambda q: paid_order if q.wait_until else stored_order

    post(api, Prefer="wait=5")

    assert [q.wait_until for q in process.questions] == [None, 1005.0]


def test_a_wait_that_ends_first_answers_202(
    api: TestClient, process, stored_order: Order
) -> None:
    process.on_question = lambda _: stored_order

    result = post(api, Prefer="wait=5")

    assert result.status_code == 202
    assert result.headers["preference-applied"] == "wait=5"


@pytest.mark.parametrize("answer", [LATE, None, Refused("any", 1)])
def test_a_committed_order_is_202_even_if_it_cannot_be_read(
    api: TestClient, process, answer: object
) -> None:
    process.on_question = lambda _: answer

    result = post(api, Prefer="wait=5")

    assert (result.status_code, result.json["status"]) == (202, "PENDING")
    assert "preference-applied" not in result.headers


def test_a_wait_is_capped_and_says_so(
    api: TestClient, process, stored_order: Order
) -> None:
    process.on_question = lambda _: stored_order

    result = post(api, Prefer="wait=86400")

    assert process.questions[-1].wait_until == 1030.0
    assert result.headers["preference-applied"] == "wait=30"


@pytest.mark.parametrize("prefer", ["wait=0", "wait", "wait=x", "respond-async", ""])
def test_other_preferences_are_ignored(api: TestClient, process, prefer: str) -> None:
    result = post(api, Prefer=prefer)

    assert result.status_code == 202
    assert "preference-applied" not in result.headers
    assert process.questions == []


# --- GET ---------------------------------------------------------------------


def test_an_order_is_shown_with_its_version_as_etag(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_question = lambda _: paid_order

    result = api.simulate_get(PATH)

    assert (result.status_code, result.json["order_id"]) == (200, ORDER_ID)
    assert result.headers["etag"] == '"2"'
    assert "retry-after" not in result.headers


def test_an_unsettled_order_says_when_to_look_again(
    api: TestClient, process, stored_order: Order
) -> None:
    process.on_question = lambda _: stored_order

    assert api.simulate_get(PATH).headers["retry-after"] == "1"


def test_a_look_names_tenant_and_order(
    api: TestClient, process, stored_order: Order
) -> None:
    process.on_question = lambda _: stored_order

    api.simulate_get(PATH.upper().replace("/V1/ORDERS", "/v1/orders"))

    (question,) = process.questions
    assert isinstance(question, ReadOrder)
    assert (question.tenant_id, question.order_id) == ("default", ORDER_ID)
    assert question.wait_until is None


@pytest.mark.parametrize("header", ['"1"', 'W/"1"', '"0", "1"', "*", ' "9" ,W/"1"'])
def test_a_known_version_is_304_without_a_body(
    api: TestClient, process, stored_order: Order, header: str
) -> None:
    process.on_question = lambda _: stored_order

    result = api.simulate_get(PATH, headers={"If-None-Match": header})

    assert (result.status_code, result.content) == (304, b"")
    assert result.headers["etag"] == '"1"'


@pytest.mark.parametrize("header", ['"2"', "1", '"11"', "", '"'])
def test_another_version_is_shown(
    api: TestClient, process, stored_order: Order, header: str
) -> None:
    process.on_question = lambda _: stored_order

    result = api.simulate_get(PATH, headers={"If-None-Match": header})

    assert result.status_code == 200


@pytest.mark.parametrize("order_id", ["1", "x" * 36, "%00", f"{ORDER_ID}0", "%20"])
def test_a_malformed_id_is_404_without_asking(
    api: TestClient, process, order_id: str
) -> None:
    result = api.simulate_get(f"/v1/orders/{order_id}")

    assert (result.status_code, result.json["code"]) == (404, "order_not_found")
    assert process.questions == []


@pytest.mark.parametrize(
    ("query", "headers"), [("?wait=3", {}), ("", {"Prefer": "wait=3"})]
)
def test_a_look_may_wait(
    api: TestClient,
    process,
    paid_order: Order,
    stored_order: Order,
    query: str,
    headers: dict[str, str],
) -> None:
    process.on_question = lambda q: paid_order if q.wait_until else stored_order

    result = api.simulate_get(PATH + query, headers=headers)

    assert process.questions[-1].wait_until == 1003.0
    assert process.tickets[-1].deadline == pytest.approx(1004.8)
    assert ("preference-applied" in result.headers) is bool(headers)


def test_the_query_comes_before_the_preference(
    api: TestClient, process, paid_order: Order, stored_order: Order
) -> None:
    process.on_question = lambda q: paid_order if q.wait_until else stored_order

    api.simulate_get(f"{PATH}?wait=3", headers={"Prefer": "wait=9"})

    assert process.questions[-1].wait_until == 1003.0


@pytest.mark.parametrize("wait", ["", "x", "-1", "1.5", "٣", "1e3", "9" * 5000])
def test_a_wait_that_is_no_number_is_400(api: TestClient, wait: str) -> None:
    result = api.simulate_get(PATH, params={"wait": wait})

    assert (result.status_code, result.json["code"]) == (400, "invalid_query")
    assert result.json["errors"][0]["parameter"] == "wait"


def test_all_wrong_parameters_are_named(api: TestClient, process) -> None:
    result = api.simulate_get(f"{PATH}?a=1&b=&wait=1&wait=2")

    named = {error["parameter"]: error["code"] for error in result.json["errors"]}
    assert result.status_code == 400
    assert named == {
        "a": "unknown_parameter",
        "b": "unknown_parameter",
        "wait": "repeated_parameter",
    }


@pytest.mark.parametrize("path", [PATH, f"{PATH}/history"])
@pytest.mark.parametrize("answer", [LATE, Refused(DATABASE_UNAVAILABLE, 1)])
def test_a_database_that_is_away_is_503_never_404(
    api: TestClient, process, path: str, answer: object
) -> None:
    process.on_question = lambda _: answer

    result = api.simulate_get(path)

    assert (result.status_code, result.json["code"]) == (503, "database_unavailable")
    assert result.headers["retry-after"] == "1"


def test_head_is_get_without_the_body(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_question = lambda _: paid_order

    result = api.simulate_head(PATH)

    assert (result.status_code, result.content) == (200, b"")
    assert result.headers["etag"] == '"2"'


# --- history -----------------------------------------------------------------


HISTORY = (
    HistoryEntry(
        1,
        "orders.order.accepted.v1",
        '{"status":"PENDING","payment_status":"PENDING","total":"1.00"}',
        datetime(2026, 1, 2, tzinfo=UTC),
        "order-intake",
        None,
    ),
    HistoryEntry(
        2,
        "orders.order.failed.v1",
        '{"status":"FAILED","payment_status":"FAILED"}',
        datetime(2026, 1, 3, tzinfo=UTC),
        "payment-resolver",
        "amount_limit",
    ),
)


def test_the_history_shows_what_became_of_the_order_who_did_it_and_why(
    api: TestClient, process
) -> None:
    process.on_question = lambda _: HISTORY

    result = api.simulate_get(f"{PATH}/history")

    assert isinstance(process.questions[0], ReadHistory)
    assert result.json["order_id"] == ORDER_ID
    assert result.json["events"][1] == {
        "version": 2,
        "type": "orders.order.failed.v1",
        "status": "FAILED",
        "payment_status": "FAILED",
        "occurred_at": "2026-01-03T00:00:00.000000Z",
        "actor": "payment-resolver",
        "cause": "payment_rule",
        "reason": "amount_limit",
        "data": {"status": "FAILED", "payment_status": "FAILED"},
    }


def test_the_history_shows_the_published_data_whole(api: TestClient, process) -> None:
    process.on_question = lambda _: HISTORY

    first = api.simulate_get(f"{PATH}/history").json["events"][0]

    assert first["data"]["total"] == "1.00"
    assert (first["cause"], first["reason"]) == ("client_request", None)


def test_a_history_that_the_client_has_is_not_sent_again(
    api: TestClient, process
) -> None:
    process.on_question = lambda _: HISTORY

    fresh = api.simulate_get(f"{PATH}/history", headers={"If-None-Match": '"1"'})
    known = api.simulate_get(f"{PATH}/history", headers={"If-None-Match": '"2"'})

    assert (fresh.status_code, fresh.headers["etag"]) == (200, '"2"')
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("order_id", [ORDER_ID, "nonsense"])
def test_the_history_of_no_order_is_404(api: TestClient, order_id: str) -> None:
    result = api.simulate_get(f"/v1/orders/{order_id}/history")

    assert (result.status_code, result.json["code"]) == (404, "order_not_found")


def test_the_history_takes_no_parameters(api: TestClient) -> None:
    assert api.simulate_get(f"{PATH}/history?wait=1").status_code == 400
