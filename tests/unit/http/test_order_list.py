"""Lists of orders over HTTP."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from falcon.testing import TestClient

from orders.actors.messages import DATABASE_UNAVAILABLE, ReadOrders, Refused
from orders.domain.listing import OrderFilters, OrderPage
from orders.domain.order import DEFAULT_TENANT, Order, OrderStatus, PaymentStatus
from orders.http.cursor import Place, encode_cursor
from orders.http.order_list import PARAMETERS
from orders.http.parking import LATE

ORDER_ID = "01920000-0000-7000-8000-000000000001"
OTHER_ID = "01910000-0000-7000-8000-000000000002"
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
EMPTY = OrderPage((), None)


def asked(process) -> ReadOrders:
    [question] = process.questions
    assert isinstance(question, ReadOrders)
    return question


def cursor(filters: OrderFilters, tenant_id: str = DEFAULT_TENANT) -> str:
    return encode_cursor(tenant_id, Place(filters, OTHER_ID))


def test_orders_are_shown_as_each_of_them_is(
    api: TestClient, process, stored_order: Order, paid_order: Order
) -> None:
    other = paid_order._replace(order_id=OTHER_ID)
    process.on_question = lambda _: OrderPage((stored_order, other), None)
    listed = api.simulate_get("/v1/orders").json
    process.on_question = lambda _: other
    alone = api.simulate_get(f"/v1/orders/{OTHER_ID}").json

    assert [order["order_id"] for order in listed["orders"]] == [ORDER_ID, OTHER_ID]
    assert listed["orders"][1] == alone


def test_without_parameters_the_newest_50_are_asked_for(
    api: TestClient, process
) -> None:
    process.on_question = lambda _: EMPTY

    api.simulate_get("/v1/orders")

    question = asked(process)
    assert question.tenant_id == DEFAULT_TENANT
    assert question.filters == OrderFilters()
    assert (question.before, question.limit) == (None, 50)


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("status=PAID", OrderFilters(status=OrderStatus.PAID)),
        (
            "payment_status=UNKNOWN",
            OrderFilters(payment_status=PaymentStatus.UNKNOWN),
        ),
        ("user_id=9223372036854775807", OrderFilters(user_id=2**63 - 1)),
        ("reference=a%20b%2C%C3%A9", OrderFilters(reference="a b,é")),
        ("created_gte=2026-01-02T12:00:00Z", OrderFilters(created_gte=NOON)),
        ("created_lt=2026-01-02t14:00:00.0%2B02:00", OrderFilters(created_lt=NOON)),
        (
            "user_id=7&status=FAILED&payment_status=FAILED",
            OrderFilters(OrderStatus.FAILED, PaymentStatus.FAILED, 7),
        ),
        (
            "reference=x&created_gte=2026-01-02T12:00:00Z",
            OrderFilters(reference="x", created_gte=NOON),
        ),
    ],
)
def test_filters_are_understood(
    api: TestClient, process, query: str, filters: OrderFilters
) -> None:
    process.on_question = lambda _: EMPTY

    result = api.simulate_get(f"/v1/orders?{query}")

    assert result.status_code == 200
    assert asked(process).filters == filters


def test_a_page_names_the_next_one_in_body_and_header(api: TestClient, process) -> None:
    process.on_question = lambda _: OrderPage((), OTHER_ID)

    result = api.simulate_get("/v1/orders?limit=3")

    place = cursor(OrderFilters())
    assert result.json["next"] == f"/v1/orders?limit=3&cursor={place}"
    assert result.headers["link"] == f'<{result.json["next"]}>; rel="next"'


def test_the_last_page_names_none(api: TestClient, process) -> None:
    process.on_question = lambda _: EMPTY

    result = api.simulate_get("/v1/orders")

    assert result.json == {"orders": [], "next": None}
    assert "link" not in result.headers


def test_the_next_page_goes_on_with_the_same_filters(api: TestClient, process) -> None:
    process.on_question = lambda _: OrderPage((), OTHER_ID)
    query = "status=PAID&reference=a%26b&created_lt=2026-01-02T12:00:00Z&limit=2"
    first = api.simulate_get(f"/v1/orders?{query}").json
    process.questions.clear()

    api.simulate_get(first["next"])

    question = asked(process)
    assert question.filters == OrderFilters(
        OrderStatus.PAID, reference="a&b", created_lt=NOON
    )
    assert (question.before, question.limit) == (OTHER_ID, 2)


def test_a_cursor_may_be_sent_with_its_own_filters_and_another_limit(
    api: TestClient, process
) -> None:
    process.on_question = lambda _: EMPTY
    filters = OrderFilters(user_id=7, created_gte=NOON)

    result = api.simulate_get(
        f"/v1/orders?cursor={cursor(filters)}&user_id=7&limit=200"
        "&created_gte=2026-01-02T13:00:00%2B01:00"
    )

    assert result.status_code == 200
    assert (asked(process).filters, asked(process).limit) == (filters, 200)


@pytest.mark.parametrize(
    "query",
    ["user_id=8", "status=PAID", "reference=x", "created_lt=2026-01-02T12:00:00Z"],
)
def test_a_cursor_with_another_filter_is_400(
    api: TestClient, process, query: str
) -> None:
    place = cursor(OrderFilters(user_id=7))

    result = api.simulate_get(f"/v1/orders?cursor={place}&{query}")

    assert (result.status_code, result.json["code"]) == (400, "invalid_query")
    assert ("cursor", "other_filter") in faults(result.json)
    assert process.questions == []


@pytest.mark.parametrize(
    "text",
    ["", "x", cursor(OrderFilters(), "other"), cursor(OrderFilters())[:-2], "%00"],
)
def test_a_wrong_cursor_is_400_and_named(api: TestClient, process, text: str) -> None:
    result = api.simulate_get(f"/v1/orders?cursor={text}")

    assert result.status_code == 400
    assert faults(result.json) == [("cursor", "invalid_parameter")]
    assert process.questions == []


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("status=paid", "status", "invalid_parameter"),
        ("status=", "status", "invalid_parameter"),
        ("status=PAID,FAILED", "status", "invalid_parameter"),
        ("payment_status=PAID", "payment_status", "invalid_parameter"),
        ("user_id=0", "user_id", "invalid_parameter"),
        ("user_id=9223372036854775808", "user_id", "invalid_parameter"),
        (f"user_id={'9' * 5000}", "user_id", "invalid_parameter"),
        ("reference=", "reference", "invalid_parameter"),
        ("reference=a%00", "reference", "invalid_parameter"),
        ("reference=a%0A", "reference", "invalid_parameter"),
        (f"reference={'x' * 201}", "reference", "invalid_parameter"),
        ("created_gte=2026-01-02", "created_gte", "invalid_parameter"),
        ("created_gte=2026-01-02T12:00:00", "created_gte", "invalid_parameter"),
        ("created_gte=2026-01-02T12:00:00+02:00", "created_gte", "invalid_parameter"),
        ("created_gte=2026-02-30T12:00:00Z", "created_gte", "invalid_parameter"),
        ("created_gte=2026-01-02T12:00:60Z", "created_gte", "invalid_parameter"),
        ("created_gte=0001-01-01T00:00:00%2B01:00", "created_gte", "invalid_parameter"),
        ("created_lt=9999-12-31T23:59:59-01:00", "created_lt", "invalid_parameter"),
        ("created_lt=2026-01-02T12:00:00%2B24:00", "created_lt", "invalid_parameter"),
        ("created_lt=%D9%A2026-01-02T12:00:00Z", "created_lt", "invalid_parameter"),
        ("limit=0", "limit", "invalid_parameter"),
        ("limit=201", "limit", "invalid_parameter"),
        ("limit=-1", "limit", "invalid_parameter"),
        ("limit=%D9%A3", "limit", "invalid_parameter"),
        ("limit=1&limit=2", "limit", "repeated_parameter"),
        ("offset=1", "offset", "unknown_parameter"),
        ("Status=PAID", "Status", "unknown_parameter"),
    ],
)
def test_a_wrong_query_is_400_and_named(
    api: TestClient, process, query: str, parameter: str, code: str
) -> None:
    result = api.simulate_get(f"/v1/orders?{query}")

    assert (result.status_code, result.json["code"]) == (400, "invalid_query")
    assert (parameter, code) in faults(result.json)
    assert process.questions == []


def test_everything_that_is_wrong_is_told_at_once(api: TestClient) -> None:
    result = api.simulate_get("/v1/orders?status=x&user_id=x&limit=x&cursor=x")

    assert [name for name, _ in faults(result.json)] == [
        "status",
        "user_id",
        "limit",
        "cursor",
    ]


def test_what_no_index_serves_is_400_and_says_what_is_possible(
    api: TestClient, process
) -> None:
    result = api.simulate_get("/v1/orders?user_id=7&reference=x")

    assert result.status_code == 400
    assert faults(result.json) == [
        ("user_id", "unserved_combination"),
        ("reference", "unserved_combination"),
    ]
    assert "user_id or reference" in result.json["errors"][0]["message"]
    assert process.questions == []


def test_a_time_that_ends_before_it_begins_is_400(api: TestClient, process) -> None:
    moment = quote("2026-01-02T12:00:00Z")

    result = api.simulate_get(f"/v1/orders?created_gte={moment}&created_lt={moment}")

    assert faults(result.json) == [("created_lt", "invalid_parameter")]
    assert process.questions == []


def test_a_forged_cursor_with_an_unserved_combination_is_400(
    api: TestClient, process
) -> None:
    place = cursor(OrderFilters(user_id=7, reference="x"))

    result = api.simulate_get(f"/v1/orders?cursor={place}")

    assert result.status_code == 400
    assert process.questions == []


@pytest.mark.parametrize("answer", [Refused(DATABASE_UNAVAILABLE, 5), LATE])
def test_a_list_that_cannot_be_read_now_is_503(
    api: TestClient, process, answer: object
) -> None:
    process.on_question = lambda _: answer

    result = api.simulate_get("/v1/orders")

    assert (result.status_code, result.json["code"]) == (503, DATABASE_UNAVAILABLE)
    assert "retry-after" in result.headers


def test_head_is_get_without_the_body(api: TestClient, process) -> None:
    process.on_question = lambda _: OrderPage((), OTHER_ID)

    result = api.simulate_head("/v1/orders")

    assert (result.status_code, result.content) == (200, b"")
    assert "link" in result.headers


def test_the_next_page_asks_for_nothing_unknown(api: TestClient, process) -> None:
    process.on_question = lambda _: OrderPage((), OTHER_ID)

    following = api.simulate_get("/v1/orders").json["next"]

    assert set(parse_qs(urlsplit(following).query)) <= set(PARAMETERS)


def faults(problem: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(fault["parameter"], fault["code"]) for fault in problem["errors"]]
