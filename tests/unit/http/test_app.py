"""What every answer has, whichever route it came from."""

import re

import pytest
from falcon.testing import TestClient

from orders.actors.messages import OVERLOADED, Refused

ORDER_ID = "01920000-0000-7000-8000-000000000001"
ORDER = (
    '{"user_id":7,"currency":"EUR","total":"99.80",'
    '"items":[{"product_id":3,"quantity":2,"line_total":"99.80"}]}'
)


@pytest.mark.parametrize(
    "path", ["/v1/orders", "/nowhere", f"/v1/orders/{ORDER_ID}", "/problems"]
)
def test_every_answer_carries_the_common_headers(api: TestClient, path: str) -> None:
    result = api.simulate_get(path)

    assert result.headers["x-content-type-options"] == "nosniff"
    assert result.headers["cache-control"] == "no-store"
    assert result.headers["referrer-policy"] == "no-referrer"
    assert result.headers["content-security-policy"] == "default-src 'none'"
    assert re.fullmatch("[0-9a-f-]{36}-[0-9a-f]+", result.headers["x-request-id"])


@pytest.mark.parametrize("given", ["a", "A-z_9" * 12, "x" * 64])
def test_a_safe_request_id_is_echoed(api: TestClient, given: str) -> None:
    result = api.simulate_get("/nowhere", headers={"X-Request-Id": given})

    assert result.headers["x-request-id"] == given
    assert result.json["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a;b", "é", 'a"', "a\x00"])
def test_an_unsafe_request_id_is_replaced(api: TestClient, given: str) -> None:
    result = api.simulate_get("/nowhere", headers={"X-Request-Id": given})

    assert re.fullmatch("[0-9a-f-]{36}-[0-9a-f]+", result.headers["x-request-id"])


@pytest.mark.parametrize(
    "path", ["/", "/orders", "/v1/orders/a/b", "/v2/orders", "/é%00"]
)
def test_an_unknown_path_is_a_404_problem(api: TestClient, path: str) -> None:
    result = api.simulate_get(path)

    assert result.status_code == 404
    assert result.headers["content-type"] == "application/problem+json"
    assert result.json["code"] == "route_not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/orders", "POST"),
        ("DELETE", f"/v1/orders/{ORDER_ID}", "GET"),
        ("POST", f"/v1/orders/{ORDER_ID}/history", "GET"),
        ("PUT", "/v1/notifications", "GET"),
        ("GET", "/Orders", "POST"),
    ],
)
def test_a_method_that_is_not_there_is_a_405_problem_with_allow(
    api: TestClient, method: str, path: str, allowed: str
) -> None:
    result = api.simulate_request(method, path)

    assert result.status_code == 405
    assert allowed in result.headers["allow"]
    assert result.json["code"] == "method_not_allowed"


@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")
@pytest.mark.parametrize("method", ["BREW", "WEBSOCKET"])
def test_an_unheard_of_method_is_a_400_problem(
    api: TestClient, process, method: str
) -> None:
    result = api.simulate_request(method, "/v1/orders")

    assert result.status_code == 400
    assert result.json["code"] == "bad_request"
    assert process.counted[0][0] == "other"


def test_a_problem_has_all_its_members(api: TestClient) -> None:
    result = api.simulate_get(
        f"/v1/orders/{ORDER_ID}", headers={"X-Request-Id": "mine"}
    )

    assert result.json == {
        "type": "/problems/order_not_found",
        "title": "There is no such order",
        "status": 404,
        "detail": "No order has this id.",
        "instance": f"/v1/orders/{ORDER_ID}",
        "code": "order_not_found",
        "errors": [],
        "request_id": "mine",
        "retryable": False,
    }


def test_answers_are_counted_by_template_not_by_path(api: TestClient, process) -> None:
    api.simulate_get(f"/v1/orders/{ORDER_ID}")
    api.simulate_get("/nowhere")

    assert process.counted == [
        ("GET", "/v1/orders/{order_id}", 404),
        ("GET", "unmatched", 404),
    ]


def test_an_unexpected_exception_is_a_500_problem_that_tells_nothing(
    api: TestClient, process
) -> None:
    def break_down(_question: object) -> object:
        raise RuntimeError("password=hunter2")

    process.on_question = break_down

    result = api.simulate_get(f"/v1/orders/{ORDER_ID}")

    assert result.status_code == 500
    assert result.json["code"] == "internal_error"
    assert "hunter2" not in result.text


def test_an_unexpected_exception_is_logged_under_its_request_id(
    api: TestClient, process
) -> None:
    error = RuntimeError("broken")

    def break_down(_question: object) -> object:
        raise error

    process.on_question = break_down

    result = api.simulate_get(f"/v1/orders/{ORDER_ID}")

    ((event, fields),) = process.logged
    assert event == "http.request_failed"
    assert fields["request_id"] == result.headers["x-request-id"]
    assert fields["exc_info"] is error


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "nonsense"])
def test_a_client_that_does_not_take_json_gets_406(
    api: TestClient, process, accept: str
) -> None:
    result = api.simulate_post("/v1/orders", body="{}", headers={"Accept": accept})

    assert result.status_code == 406
    assert process.submissions == []


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "text/html, application/json;q=0.1"]
)
def test_a_client_that_takes_json_is_served(api: TestClient, accept: str) -> None:
    result = api.simulate_get("/v1/notifications", headers={"Accept": accept})

    assert result.json["code"] == "invalid_query"


def test_options_lists_the_methods(api: TestClient) -> None:
    result = api.simulate_options("/v1/orders")

    assert result.status_code == 200
    assert "POST" in result.headers["allow"]


@pytest.mark.parametrize(
    ("path", "body", "reasons"),
    [
        ("/v1/orders", b"{}", ["invalid_order"]),
        ("/v1/orders", b"{", ["malformed_body"]),
        ("/Orders", b"{}", ["invalid_order"]),
        ("/v1/orders/batch", b"[{}]", ["invalid_batch"]),
        ("/v1/orders/no-id/cancel", b"", ["order_not_found"]),
        ("/v1/orders?x=1", b"{}", ["invalid_query"]),
    ],
)
def test_what_is_refused_is_counted_by_its_code(
    api: TestClient, process, path: str, body: bytes, reasons: list[str]
) -> None:
    api.simulate_post(path, body=body)

    assert process.rejections == reasons


def test_rows_of_a_batch_that_are_refused_are_counted(api: TestClient, process) -> None:
    rows = f"[{ORDER}, {{}}, {{}}]"

    api.simulate_post("/v1/orders/batch?error_policy=reject_failed", body=rows)

    assert process.rejections == ["invalid_order", "invalid_order"]


def test_what_the_actors_refuse_is_counted_by_them_alone(
    api: TestClient, process
) -> None:
    process.refusal = Refused(OVERLOADED, 1.0)

    api.simulate_post("/v1/orders", body=ORDER)

    assert process.rejections == []


def test_a_question_without_an_answer_is_no_refusal(api: TestClient, process) -> None:
    api.simulate_get(f"/v1/orders/{ORDER_ID}")

    assert process.rejections == []
