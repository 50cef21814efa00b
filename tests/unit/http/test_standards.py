"""Each standard that is promised is read in full, and no more than it.

One table a part of the request; the parser's own are in ``test_parser_lines``.
"""

from datetime import UTC, datetime, timedelta

import pytest
from falcon.testing import TestClient

from orders.actors.messages import OVERLOADED, Refused
from orders.domain.listing import OrderPage
from orders.domain.order import OrderLine, OrderRequest
from orders.http.idempotency import fingerprint
from orders.http.moments import parse_moment

DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01T00:00:00Z", DAY),
        ("2026-01-01t00:00:00z", DAY),
        ("2026-01-01T00:00:00-00:00", DAY),
        ("2026-01-01T05:45:00+05:45", DAY),
        ("2025-12-31T00:01:00-23:59", DAY),
        ("2026-01-01T00:00:00.5Z", DAY + timedelta(milliseconds=500)),
        ("2026-01-01T00:00:00.123456Z", DAY + timedelta(microseconds=123_456)),
        ("2026-01-01T00:00:00.1234560Z", DAY + timedelta(microseconds=123_456)),
        ("2026-01-01T00:00:00.1234561Z", DAY + timedelta(microseconds=123_457)),
        ("2026-01-01T00:00:00.123456001Z", DAY + timedelta(microseconds=123_457)),
        ("2025-12-31T23:59:59.9999999Z", DAY),
        ("2025-12-31T23:59:60Z", DAY),
        ("2025-12-31T23:59:60.25Z", DAY + timedelta(milliseconds=250)),
        ("2026-01-01T05:29:60+05:30", DAY),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_moment_of_rfc_3339_is_read(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00+01",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+01:99",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T23:59:60Z",
        "2025-12-31T23:59:60+01:00",
        "2025-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "0001-01-01T00:00:00+01:00",
        "2026-W01-1T00:00:00Z",
        "٢٠٢٦-01-01T00:00:00Z",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z\n",
    ],
)
def test_what_is_no_moment_of_rfc_3339_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_moment(text)


@pytest.mark.parametrize(
    ("query", "reference"),
    [
        ("reference=a+b", "a b"),
        ("reference=a%20b", "a b"),
        ("reference=%61%7e%7E", "a~~"),
        ("reference=%C3%A9", "é"),
        ("reference=%c3%a9", "é"),
        ("reference=%F0%9F%98%80", "\U0001f600"),
        ("reference=%EF%BF%BD", "�"),
        ("reference=a=b%26c", "a=b&c"),
        ("%72eference=a", "a"),
        ("&reference=a&&", "a"),
        ("reference=a;b", "a;b"),
    ],
)
def test_a_query_is_percent_decoded_once(
    api: TestClient, process, query: str, reference: str
) -> None:
    process.on_question = lambda _: OrderPage((), None)

    answer = api.simulate_get("/v1/orders", query_string=query)

    assert answer.status_code == 200
    assert process.questions[-1].filters.reference == reference  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("reference=%FF", "invalid_parameter"),
        ("reference=a%C3", "invalid_parameter"),
        ("reference=%C0%80", "invalid_parameter"),
        ("reference=%ED%A0%80", "invalid_parameter"),
        ("reference=%F4%90%80%80", "invalid_parameter"),
        ("reference=a%00", "invalid_parameter"),
        ("reference=a%0A", "invalid_parameter"),
        ("reference=a%C2%85b", "invalid_parameter"),
        ("reference=a%E2%80%A8b", "invalid_parameter"),
        ("reference=a%E2%80%A9b", "invalid_parameter"),
        ("reference=", "invalid_parameter"),
        ("reference", "invalid_parameter"),
        ("reference=a&reference=a", "repeated_parameter"),
        ("reference=%FF&reference=a", "repeated_parameter"),
        ("Reference=a", "unknown_parameter"),
        ("%FF=a", "unknown_parameter"),
        ("limit=%EF%BC%97", "invalid_parameter"),
        ("limit=1e0", "invalid_parameter"),
        ("limit=+7", "invalid_parameter"),
        ("limit=-0", "invalid_parameter"),
        ("limit=7.0", "invalid_parameter"),
        ("limit=", "invalid_parameter"),
    ],
)
def test_a_query_that_says_something_else_is_400(
    api: TestClient, process, query: str, code: str
) -> None:
    answer = api.simulate_get("/v1/orders", query_string=query)

    assert answer.status_code == 400
    assert code in {error["code"] for error in answer.json["errors"]}
    assert process.questions == []


@pytest.mark.parametrize("user_id", ["7", "007", "%37"])
@pytest.mark.parametrize("path", ["/v1/orders", "/v1/notifications"])
def test_a_user_is_named_alike_everywhere(
    api: TestClient, process, path: str, user_id: str
) -> None:
    process.on_question = lambda question: (
        () if hasattr(question, "user_id") else OrderPage((), None)
    )

    answer = api.simulate_get(path, query_string=f"user_id={user_id}")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("APPLICATION/Json", 200),
        ("application/*", 200),
        ("*/*;q=0.1", 200),
        ("text/html, application/json;q=0.1", 200),
        ("application/json;Q=1", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/json;q=0, */*", 406),
        ("*/*;q=0", 406),
        ("garbage", 406),
        ("application/json;q=x", 406),
    ],
)
def test_accept_is_that_of_rfc_9110(
    api: TestClient, process, accept: str, status: int
) -> None:
    process.on_question = lambda _: OrderPage((), None)

    answer = api.simulate_get("/v1/orders", headers={"Accept": accept})

    assert answer.status_code == status


@pytest.mark.parametrize(
    "separator", ["\n", "\x85", "\u2028", "\u2029", "\x0b", "\x7f"]
)
def test_a_reference_is_one_line(api: TestClient, separator: str) -> None:
    body = {
        "user_id": 7,
        "total": "5.00",
        "reference": f"a{separator}b",
        "items": [{"product_id": 3, "quantity": 1, "line_total": "5.00"}],
    }

    answer = api.simulate_post("/v1/orders", json=body)

    assert answer.status_code == 422
    assert answer.json["errors"][0]["code"] == "control_character"


@pytest.mark.parametrize("separator", ["\n", "\x85", "\u2028", "\u2029"])
def test_a_reason_is_one_line(api: TestClient, separator: str) -> None:
    path = "/v1/orders/01920000-0000-7000-8000-000000000001/cancel"

    answer = api.simulate_post(path, json={"reason": f"a{separator}b"})

    assert answer.status_code == 422


def print_of(metadata: str) -> bytes:
    lines = (OrderLine(3, 1, 500),)
    return fingerprint(OrderRequest(7, "EUR", 500, lines, None, metadata))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("1", "1e0"),
        ("1", "10E-1"),
        ("0", "-0"),
        ("0", "-0.0"),
        ("0.1", "0.10"),
        ("100000000000000000000", "1e20"),
        ("9007199254740993", "9007199254740992"),
        ("18446744073709551615", "18446744073709551616"),
        ("[1, {}]", "[1.0,{ }]"),
        ('"a"', '"\\u0061"'),
    ],
)
def test_equal_doubles_have_one_fingerprint(one: str, other: str) -> None:
    assert print_of(f'{{"a": {{"b": {one}}}}}') == print_of(f'{{"a":{{"b":{other}}}}}')


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "true"), ("0", "false"), ("1", '"1"'), ("1", "1.1"), ("0", "null")],
)
def test_what_differs_as_doubles_do_has_two(one: str, other: str) -> None:
    assert print_of(f'{{"a": {one}}}') != print_of(f'{{"a": {other}}}')


def test_a_usual_fingerprint_is_that_of_the_release_before() -> None:
    metadata = '{"a": 1, "b": [2.5, "x", true, null, -3], "c": {"d": 9007199254740992}}'

    assert print_of(metadata).hex() == "e6b379b83df2f373b96c0f299f07c8f5"


def test_a_read_that_is_refused_for_overload_pauses_for_a_moment(
    api: TestClient, process
) -> None:
    process.refusal = Refused(OVERLOADED, 3.0)

    answer = api.simulate_get("/v1/orders")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert process.now == 1000.25
