"""``POST /Orders``, as clients of the older service know it."""

import pytest
from falcon.testing import Result, TestClient
from hypothesis import given
from hypothesis import strategies as st

from orders.actors.messages import OUTCOME_UNKNOWN, OVERLOADED, Refused
from orders.domain.intake import KeyBusy, KeyReused, Replayed, RowRefused
from orders.domain.order import Order, OrderLine, OrderRequest
from orders.http.decoding import decode_order
from orders.http.older_route import _read_plain, _read_strictly, decode_older_order
from orders.http.parking import LATE
from orders.http.problems import ProblemError

BODY = '{"user_id":7,"product_id":3,"quantity":2,"total_price":99.80}'
ORDER = OrderRequest(7, "USD", 9980, (OrderLine(3, 2, 9980),))


def post(api: TestClient, body: str | bytes = BODY, **headers: str) -> Result:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.simulate_post("/Orders", body=body, headers=names)


def priced(price: str) -> str:
    return BODY.replace("99.80", price)


def test_the_answer_is_the_older_services(api: TestClient, process) -> None:
    result = post(api)

    assert result.status_code == 200
    assert result.headers["content-type"] == "application/json"
    assert result.json == {
        "message": "Successfully Loaded",
        "order_id": process.submissions[0].order.order_id,
        "status": "PENDING",
    }


def test_the_price_is_that_of_the_one_line(api: TestClient, process) -> None:
    post(api)

    assert process.submissions[0].order.request == ORDER


def test_the_order_is_the_one_that_the_newer_route_makes() -> None:
    newer = (
        b'{"user_id":7,"items":[{"product_id":3,"quantity":2,"line_total":"99.80"}],'
        b'"total":"99.80"}'
    )

    assert decode_older_order(BODY.encode(), "USD") == decode_order(newer, "USD")


@pytest.mark.parametrize(
    "body",
    [
        BODY.upper(),
        '{"User_Id":7,"Product_ID":3,"quantity":2,"Total_Price":99.8}',
        '{"user_id":7,"product_id":3,"quantity":2,"total_price":99.8,"x":{"y":[1]}}',
        '{"user_id":7,"product_id":3,"quantity":2,"total_price":9980e-2}',
        r'{"user\u005fid":7,"product_id":3,"quantity":2,"total_price":0.998E+2}',
        f" \n{BODY}\n",
    ],
)
def test_all_spellings_are_the_same_order(body: str) -> None:
    assert decode_older_order(body.encode(), "USD") == ORDER


@pytest.mark.parametrize(
    ("price", "minor"),
    [
        ("1", 100),
        ("0.01", 1),
        ("0.29", 29),
        ("1.1", 110),
        ("4.35", 435),
        ("1e2", 10000),
        ("1E+2", 10000),
        ("9007199254740.93", 900719925474093),
        ("10000000000000", 10**15),
    ],
)
def test_a_price_never_passes_through_a_float(price: str, minor: int) -> None:
    assert decode_older_order(priced(price).encode(), "USD").total == minor


@given(st.integers(1, 10**15))
def test_every_amount_survives(minor: int) -> None:
    body = priced(f"{minor // 100}.{minor % 100:02d}").encode()

    assert decode_older_order(body, "USD").total == minor


@pytest.mark.parametrize(
    ("currency", "price", "minor"), [("JPY", "99", 99), ("KWD", "1.234", 1234)]
)
def test_a_price_has_the_currencys_digits(
    currency: str, price: str, minor: int
) -> None:
    assert decode_older_order(priced(price).encode(), currency).total == minor


BAD = [
    *map(
        priced,
        [
            "0", "-0", "0.00", "-1", "99.801", "99.800", "1e-3", "1e400", "1e-400",
            "1e999999999999", "1e20", "10000000000000.01", "9" * 400, "9" * 5000,
            '"99.80"', "null", "true", "[]", "{}", "NaN", "Infinity", "099", ".5",
            "5.", "1e", "+1", "0." + "0" * 5000 + "1",
        ],
    ),
    "", " ", "null", "[]", "7", '"x"', "{}", "{", BODY[:-1], BODY + "x",
    BODY.replace("7", "0"), BODY.replace("7", "-1"), BODY.replace("7", "7.0"),
    BODY.replace("7", '"7"'), BODY.replace("7", "true"),
    BODY.replace("7", "9223372036854775808"), BODY.replace("7", "9" * 5000),
    BODY.replace(":2", ":0"), BODY.replace(":2", ":1000001"),
    BODY.replace('"quantity":2,', ""), BODY.replace("quantity", "amount"),
    BODY[:-1] + ',"user_id":7}', BODY[:-1] + ',"USER_ID":8}',
    BODY[:-1] + ',"x":NaN}', BODY[:-1] + r',"x":"\ud800"}',
    BODY[:-1] + ',"x":' + "[" * 10_000 + "}",
    "[" * 10_000, "\ufeff" + BODY, "user_id=7&product_id=3", "x" * 70_000,
]  # fmt: skip


@pytest.mark.parametrize("body", BAD)
def test_anything_else_is_400_in_the_older_words(
    api: TestClient, process, body: str
) -> None:
    result = post(api, body.encode())

    assert result.status_code == 400
    if len(body) < 65_536:
        assert result.json["error"] == "Invalid JSON data"
    assert process.submissions == []


def test_bytes_that_are_not_utf_8_are_400(api: TestClient) -> None:
    assert post(api, b"\xff\xfe").status_code == 400


def test_the_errors_say_more_than_the_older_service_did(api: TestClient) -> None:
    result = post(api, '{"user_id":0,"product_id":3,"total_price":"1"}')

    told = {(error["pointer"], error["code"]) for error in result.json["errors"]}
    assert told == {
        ("/user_id", "out_of_range"),
        ("/quantity", "missing_field"),
        ("/total_price", "wrong_type"),
    }


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/json"])
def test_json_is_read_whatever_the_content_type(
    api: TestClient, content_type: str
) -> None:
    assert post(api, Content_Type=content_type, Accept="text/html").status_code == 200


def test_a_key_belongs_to_this_route(api: TestClient, process) -> None:
    post(api, Idempotency_Key="k")

    key = process.submissions[0].order.key
    assert (key.route, key.key) == ("POST /Orders", "k")


def test_a_wrong_key_is_400(api: TestClient) -> None:
    result = post(api, Idempotency_Key="a b")

    assert result.status_code == 400
    assert "Idempotency-Key" in result.json["error"]


def test_a_replay_answers_the_order_as_it_now_is(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_submission = lambda _: Replayed(paid_order)

    result = post(api, Idempotency_Key="k")

    assert (result.status_code, result.json["status"]) == (200, "PAID")
    assert result.json["order_id"] == paid_order.order_id
    assert result.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("answer", [KeyReused(), RowRefused("secret detail")])
def test_what_will_never_be_stored_is_400(
    api: TestClient, process, answer: object
) -> None:
    process.on_submission = lambda _: answer

    result = post(api, Idempotency_Key="k")

    assert result.status_code == 400
    assert result.json.keys() == {"error"}
    assert "secret" not in result.text


@pytest.mark.parametrize("answer", [KeyBusy(), Refused(OVERLOADED, 1), LATE])
def test_what_may_work_later_is_503_with_retry_after(
    api: TestClient, process, answer: object
) -> None:
    process.on_submission = lambda _: answer

    result = post(api, Idempotency_Key="k")

    assert (result.status_code, result.headers["retry-after"]) == (503, "1")
    assert result.json.keys() == {"error"}


def test_an_unknown_outcome_says_where_the_order_would_be(
    api: TestClient, process
) -> None:
    process.on_submission = lambda _: Refused(OUTCOME_UNKNOWN, 1)

    result = post(api)

    order_id = process.submissions[0].order.order_id
    assert result.headers["location"] == f"/v1/orders/{order_id}"


NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)


@given(NUMBERS, NUMBERS, st.sampled_from(["", ' ,"x":1', ',"quantity":1', " "]))
def test_the_plain_reader_takes_only_what_the_strict_one_takes_alike(
    user_id: object, price: object, more: str
) -> None:
    body = (
        f'{{"user_id":{user_id},"product_id":3,"quantity":2,'
        f'"total_price":{price}{more}}}'
    ).encode()

    plain = _read_plain(body, "USD")

    if plain is not None:
        assert plain == _read_strictly(body, "USD")


def test_the_plain_reader_takes_the_plain_body() -> None:
    assert _read_plain(BODY.encode(), "USD") == ORDER


def test_a_body_with_a_repeated_name_is_not_plain() -> None:
    body = BODY[:-1] + ',"user_id":8}'

    with pytest.raises(ProblemError):
        decode_older_order(body.encode(), "USD")
