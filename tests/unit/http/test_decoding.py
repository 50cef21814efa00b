"""The bodies of ``POST /v1/orders``: what is taken, and what is said of the rest."""

import json
from copy import deepcopy

import pytest
from falcon.testing import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.domain.order import OrderLine, OrderRequest
from orders.http.decoding import decode_order, read_plain, read_strictly
from orders.http.problems import ProblemError

LINE = {"product_id": 3, "quantity": 2, "line_total": "99.80"}
GOOD = {"user_id": 7, "currency": "EUR", "items": [LINE], "total": "99.80"}
BIG = 2**63 - 1


def text(**changes: object) -> str:
    return json.dumps({**GOOD, **changes})


def without(name: str) -> str:
    return json.dumps({key: value for key, value in GOOD.items() if key != name})


def line(**changes: object) -> str:
    return text(items=[{**LINE, **changes}])


def raw(name: str, value: str) -> str:
    """The good body with the JSON text of one member replaced."""
    marked = text(**{name: "@"})
    return marked.replace('"@"', value)


def raw_line(name: str, value: str) -> str:
    return line(**{name: "@"}).replace('"@"', value)


# body, status, and the errors as pointer and code
BAD: dict[str, tuple[str | bytes, int, set[tuple[str, str]]]] = {
    "empty": ("", 400, {("", "body_missing")}),
    "blank": (" \r\n\t", 400, {("", "body_missing")}),
    "cut off": (text()[:-1], 400, {("", "not_json")}),
    "trailing": (text() + "x", 400, {("", "not_json")}),
    "two bodies": (text() + text(), 400, {("", "not_json")}),
    "trailing comma": (text()[:-1] + ",}", 400, {("", "not_json")}),
    "trailing NUL": (text() + "\0", 400, {("", "not_json")}),
    "form": ("user_id=7&total=99.80", 400, {("", "not_json")}),
    "single quotes": (text().replace('"', "'"), 400, {("", "not_json")}),
    "comment": ("/* */" + text(), 400, {("", "not_json")}),
    "bom": ("\ufeff" + text(), 400, {("", "not_json")}),
    "utf-16": (text().encode("utf-16"), 400, {("", "not_utf8")}),
    "latin-1": (text(reference="@").replace("@", "é").encode("latin-1"), 400,
                {("", "not_utf8")}),
    "overlong": (text(reference="@").encode().replace(b"@", b"\xc0\xaf"), 400,
                 {("", "not_utf8")}),
    "raw surrogate": (text(reference="@").encode().replace(b"@", b"\xed\xa0\x80"),
                      400, {("", "not_utf8")}),
    "lone surrogate": (raw("reference", r'"\ud800"'), 400,
                       {("/reference", "invalid_unicode")}),
    "surrogate in metadata": (raw("metadata", r'{"a":["\udfff"]}'), 400,
                              {("/metadata/a/0", "invalid_unicode")}),
    "raw newline": (text(reference="@").replace("@", "\n"), 400, {("", "not_json")}),
    "raw NUL": (text(reference="@").replace("@", "\0"), 400, {("", "not_json")}),
    "NaN": (raw("user_id", "NaN"), 400, {("/user_id", "not_json")}),
    "Infinity": (raw_line("quantity", "-Infinity"), 400,
                 {("/items/0/quantity", "not_json")}),
    "NaN in metadata": (raw("metadata", '{"a":NaN}'), 400,
                        {("/metadata/a", "not_json")}),
    "duplicate": (text()[:-1] + ', "user_id": 7}', 400,
                  {("/user_id", "duplicate_key")}),
    "duplicate items": (text()[:-1] + ', "items": []}', 400,
                        {("/items", "duplicate_key")}),
    "duplicate currency": (text()[:-1] + ', "currency": "USD"}', 400,
                           {("/currency", "duplicate_key")}),
    "duplicate in line": (
        text().replace('"quantity": 2', '"quantity": 1, "quantity": 2'), 400,
        {("/items/0/quantity", "duplicate_key")}),
    "duplicate escaped": (text()[:-1] + r', "user\u005fid": 7}', 400,
                          {("/user_id", "duplicate_key")}),
    "duplicate in metadata": (raw("metadata", '{"a":1,"a":1}'), 400,
                              {("/metadata/a", "duplicate_key")}),
    "leading zero": (raw("user_id", "07"), 400, {("", "not_json")}),
    "plus": (raw("user_id", "+7"), 400, {("", "not_json")}),
    "hex": (raw("user_id", "0x7"), 400, {("", "not_json")}),
    "deep": ("[" * 10_000, 400, {("", "nesting_too_deep")}),
    "deep closed": ("[" * 5000 + "]" * 5000, 400, {("", "nesting_too_deep")}),
    "deep metadata": (raw("metadata", '{"a":' * 17 + "1" + "}" * 17), 400,
                      {("", "nesting_too_deep")}),
    "deep unknown": (raw("x", '{"a":' * 5000 + "1" + "}" * 5000), 400,
                     {("", "nesting_too_deep")}),
    "array": ("[]", 422, {("", "wrong_type")}),
    "null": ("null", 422, {("", "wrong_type")}),
    "true": ("true", 422, {("", "wrong_type")}),
    "number": ("7", 422, {("", "wrong_type")}),
    "huge number": ("9" * 5000, 422, {("", "wrong_type")}),
    "string": ('"order"', 422, {("", "wrong_type")}),
    "nothing": ("{}", 422, {("/user_id", "missing_field"),
                            ("/items", "missing_field"),
                            ("/total", "missing_field")}),
    "no user": (without("user_id"), 422, {("/user_id", "missing_field")}),
    "no items": (without("items"), 422, {("/items", "missing_field")}),
    "no total": (without("total"), 422, {("/total", "missing_field")}),
    "unknown": (text(colour="red"), 422, {("/colour", "unknown_field")}),
    "unknown odd name": (text(**{"a/b~\0": 1}), 422,
                         {("/a~1b~0\0", "unknown_field")}),
    "unknown case": (text(User_Id=7), 422, {("/User_Id", "unknown_field")}),
    "unknown in line": (line(name="x"), 422, {("/items/0/name", "unknown_field")}),
    "user string": (text(user_id="7"), 422, {("/user_id", "wrong_type")}),
    "user float": (raw("user_id", "7.0"), 422, {("/user_id", "wrong_type")}),
    "user exponent": (raw("user_id", "7e0"), 422, {("/user_id", "wrong_type")}),
    "user bool": (text(user_id=True), 422, {("/user_id", "wrong_type")}),
    "user null": (text(user_id=None), 422, {("/user_id", "wrong_type")}),
    "user zero": (text(user_id=0), 422, {("/user_id", "out_of_range")}),
    "user minus zero": (raw("user_id", "-0"), 422, {("/user_id", "out_of_range")}),
    "user negative": (text(user_id=-1), 422, {("/user_id", "out_of_range")}),
    "user over": (text(user_id=BIG + 1), 422, {("/user_id", "out_of_range")}),
    "user 400 digits": (raw("user_id", "9" * 400), 422,
                        {("/user_id", "out_of_range")}),
    "user 5000 digits": (raw("user_id", "-" + "9" * 5000), 422,
                         {("/user_id", "out_of_range")}),
    "user 1e400": (raw("user_id", "1e400"), 422, {("/user_id", "wrong_type")}),
    "product over": (line(product_id=BIG + 1), 422,
                     {("/items/0/product_id", "out_of_range")}),
    "quantity zero": (line(quantity=0), 422,
                      {("/items/0/quantity", "out_of_range")}),
    "quantity over": (line(quantity=1_000_001), 422,
                      {("/items/0/quantity", "out_of_range")}),
    "quantity half": (line(quantity=0.5), 422, {("/items/0/quantity", "wrong_type")}),
    "items object": (text(items={}), 422, {("/items", "wrong_type")}),
    "items null": (text(items=None), 422, {("/items", "wrong_type")}),
    "items empty": (text(items=[]), 422, {("/items", "line_count")}),
    "items over": (text(items=[LINE] * 101), 422, {("/items", "line_count")}),
    "line null": (text(items=[LINE, None]), 422, {("/items/1", "wrong_type")}),
    "line empty": (text(items=[{}]), 422, {
        ("/items/0/product_id", "missing_field"),
        ("/items/0/quantity", "missing_field"),
        ("/items/0/line_total", "missing_field")}),
    "amount number": (text(total=99.8), 422, {("/total", "wrong_type")}),
    "amount integer": (line(line_total=99), 422,
                       {("/items/0/line_total", "wrong_type")}),
    "amount null": (text(total=None), 422, {("/total", "wrong_type")}),
    "amount bool": (text(total=True), 422, {("/total", "wrong_type")}),
    "amount one digit": (text(total="99.8"), 422, {("/total", "invalid_amount")}),
    "amount three digits": (text(total="99.800"), 422, {("/total", "invalid_amount")}),
    "amount negative": (text(total="-99.80"), 422, {("/total", "invalid_amount")}),
    "amount comma": (text(total="99,80"), 422, {("/total", "invalid_amount")}),
    "amount blank": (text(total=" 99.80"), 422, {("/total", "invalid_amount")}),
    "amount newline": (text(total="99.80\n"), 422, {("/total", "invalid_amount")}),
    "amount arabic": (text(total="٩٩.٨٠"), 422, {("/total", "invalid_amount")}),
    "amount empty": (text(total=""), 422, {("/total", "invalid_amount")}),
    "amount NaN": (text(total="NaN"), 422, {("/total", "invalid_amount")}),
    "amount exponent": (text(total="1e2"), 422, {("/total", "invalid_amount")}),
    "amount huge": (text(total="9" * 5000), 422, {("/total", "invalid_amount")}),
    "amount over": (text(total="10000000000000.01"), 422,
                    {("/total", "invalid_amount")}),
    "yen with digits": (text(currency="JPY"), 422, {
        ("/total", "invalid_amount"), ("/items/0/line_total", "invalid_amount")}),
    "sum": (text(total="49.90"), 422, {("/total", "total_mismatch")}),
    "zero": (text(items=[{**LINE, "line_total": "0"}], total="0.00"), 422,
             {("/total", "zero_total")}),
    "currency unknown": (text(currency="EUX"), 422,
                         {("/currency", "unknown_currency")}),
    "currency case": (text(currency="eur"), 422, {("/currency", "unknown_currency")}),
    "currency null": (text(currency=None), 422, {("/currency", "wrong_type")}),
    "currency NUL": (text(currency="EU\0"), 422, {("/currency", "unknown_currency")}),
    "reference null": (text(reference=None), 422, {("/reference", "wrong_type")}),
    "reference empty": (text(reference=""), 422, {("/reference", "wrong_length")}),
    "reference long": (text(reference="x" * 201), 422,
                       {("/reference", "wrong_length")}),
    "reference NUL": (text(reference="a\0"), 422,
                      {("/reference", "control_character")}),
    "reference newline": (text(reference="a\n"), 422,
                          {("/reference", "control_character")}),
    "reference raw DEL": (text(reference="@").replace("@", "\x7f"), 422,
                          {("/reference", "control_character")}),
    "reference raw C1": (text(reference="@").replace("@", "\x85"), 422,
                         {("/reference", "control_character")}),
    "metadata null": (text(metadata=None), 422, {("/metadata", "wrong_type")}),
    "metadata array": (text(metadata=[]), 422, {("/metadata", "wrong_type")}),
    "metadata text": (text(metadata="{}"), 422, {("/metadata", "wrong_type")}),
    "metadata large": (text(metadata={"a": "x" * 8184}), 422,
                       {("/metadata", "too_large")}),
    "metadata NUL": (text(metadata={"a": ["b\0"]}), 422,
                     {("/metadata/a/0", "control_character")}),
    "metadata NUL name": (text(metadata={"\0": 1}), 422,
                          {("/metadata/\0", "control_character")}),
    "metadata 1e400": (raw("metadata", '{"a":1e400}'), 422,
                       {("/metadata/a", "out_of_range")}),
    "metadata long number": (raw("metadata", '{"a":' + "9" * 65 + "}"), 422,
                             {("/metadata/a", "out_of_range")}),
    "everything at once": (
        json.dumps({"user_id": "7", "items": [{"product_id": 0, "quantity": 1.5}],
                    "total": 5, "x": 1}), 422,
        {("/user_id", "wrong_type"), ("/items/0/product_id", "out_of_range"),
         ("/items/0/quantity", "wrong_type"),
         ("/items/0/line_total", "missing_field"),
         ("/total", "wrong_type"), ("/x", "unknown_field")}),
}  # fmt: skip


def as_bytes(body: str | bytes) -> bytes:
    return body if isinstance(body, bytes) else body.encode()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_is_refused_with_all_its_places(
    api: TestClient, process, name: str
) -> None:
    body, status, errors = BAD[name]

    result = api.simulate_post("/v1/orders", body=as_bytes(body))

    told = {(error["pointer"], error["code"]) for error in result.json["errors"]}
    assert (result.status_code, told) == (status, errors)
    assert result.json["code"] == {400: "malformed_body", 422: "invalid_order"}[status]
    assert process.submissions == []


@pytest.mark.parametrize("name", BAD)
def test_the_plain_reader_leaves_bad_bodies_alone(name: str) -> None:
    assert read_plain(as_bytes(BAD[name][0]), "USD") is None


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (text(), {}),
        (text(total="99.80", reference="é😀 x"), {"reference": "é😀 x"}),
        (text(reference="x" * 200), {"reference": "x" * 200}),
        (text(reference='say "hi" \\'), {"reference": 'say "hi" \\'}),
        (" \n" + text() + "\r\n\t", {}),
        (text().replace(" ", "\n\t "), {}),
        (text(user_id=BIG), {"user_id": BIG}),
        (without("currency"), {"currency": "USD"}),
        (
            text(items=[{**LINE, "line_total": "0"}, LINE]),
            {"lines": (OrderLine(3, 2, 0), OrderLine(3, 2, 9980))},
        ),
        (
            text(items=[{**LINE, "line_total": "1"}] * 100, total="100"),
            {"lines": (OrderLine(3, 2, 100),) * 100, "total": 10000},
        ),
        (
            raw("metadata", '{"b" : 1.50,  "a":"\\u00e9"}'),
            {"metadata": '{"b" : 1.50,  "a":"\\u00e9"}'},
        ),
        (raw("metadata", "{}"), {"metadata": "{}"}),
        (
            raw("metadata", '{"a":' * 16 + "1" + "}" * 16),
            {"metadata": '{"a":' * 16 + "1" + "}" * 16},
        ),
        (
            raw("metadata", '{"a":"' + "x" * 8184 + '"}'),
            {"metadata": '{"a":"' + "x" * 8184 + '"}'},
        ),
    ],
)
def test_a_good_body_is_read(body: str, changes: dict[str, object]) -> None:
    expected = OrderRequest(7, "EUR", 9980, (OrderLine(3, 2, 9980),))

    assert decode_order(body.encode(), "USD") == expected._replace(**changes)


def test_a_plain_body_takes_the_short_way() -> None:
    body = text(reference="A-1").encode()

    assert read_plain(body, "USD") == read_strictly(body, "USD")


def test_a_body_with_escapes_is_left_to_the_strict_reader() -> None:
    body = text(reference="@").replace("@", r"\u0041").encode()

    assert read_plain(body, "USD") is None
    assert read_strictly(body, "USD").reference == "A"


def test_a_wrong_sum_names_both_amounts() -> None:
    with pytest.raises(ProblemError) as caught:
        decode_order(text(total="49.90").encode(), "USD")

    (fault,) = caught.value.faults
    assert "49.90" in fault.message
    assert "99.80" in fault.message


def test_a_number_as_amount_is_told_to_be_a_string() -> None:
    with pytest.raises(ProblemError) as caught:
        decode_order(text(total=99.8).encode(), "USD")

    assert "as a string" in caught.value.faults[0].message


# --- both readers agree, and nothing is ever our fault ------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["99.80", "0", "1.5", "USD", "JPY", "\0", "\ud800"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
PLACES = st.sampled_from(
    ["user_id", "items", "total", "currency", "reference", "metadata", "new"]
)
LINE_PLACES = st.sampled_from(["product_id", "quantity", "line_total", "new"])
AMOUNTS = st.integers(0, 3).map(lambda cents: f"0.{cents:02d}")


@st.composite
def near_orders(draw: st.DrawFn) -> bytes:
    """Bodies close to a good one: a member changed, bytes doubled or cut."""
    order = deepcopy(GOOD)
    amounts = draw(st.lists(AMOUNTS, min_size=1, max_size=3))
    order["items"] = [{**LINE, "line_total": amount} for amount in amounts]
    order["total"] = f"0.{sum(int(amount[2:]) for amount in amounts):02d}"
    for place in draw(st.lists(PLACES, max_size=2)):
        order[place] = draw(VALUES)
    if isinstance(order["items"], list) and order["items"] and draw(st.booleans()):
        first = order["items"][0]
        if isinstance(first, dict):
            first[draw(LINE_PLACES)] = draw(VALUES)
    ascii_only = draw(st.booleans())
    body = json.dumps(order, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    begin = draw(st.integers(0, len(body)))
    end = draw(st.integers(begin, len(body)))
    change = draw(st.sampled_from(["none", "none", "cut", "double", "junk"]))
    match change:
        case "cut":
            return body[:begin] + body[end:]
        case "double":
            return body[:end] + body[begin:]
        case "junk":
            return body[:begin] + draw(st.binary(max_size=4)) + body[begin:]
    return body


@settings(max_examples=5 * settings.default.max_examples)
@given(near_orders())
def test_the_plain_reader_takes_only_what_the_strict_one_takes_alike(
    body: bytes,
) -> None:
    plain = read_plain(body, "USD")

    if plain is not None:
        assert plain == read_strictly(body, "USD")


@settings(max_examples=2 * settings.default.max_examples)
@given(st.data())
def test_a_repeated_member_never_passes(data: st.DataObject) -> None:
    order = {**GOOD, "reference": "A"}
    name = data.draw(st.sampled_from(sorted(order)))
    member = f"{json.dumps(name)}: {json.dumps(order[name])}"
    body = f"{json.dumps(order)[:-1]}, {member}}}".encode()

    assert read_plain(body, "USD") is None
    with pytest.raises(ProblemError) as caught:
        read_strictly(body, "USD")
    assert caught.value.faults[0].code == "duplicate_key"


@settings(
    max_examples=4 * settings.default.max_examples,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(
    near_orders()
    | st.binary(max_size=60)
    | VALUES.map(lambda value: json.dumps(value).encode())
)
@pytest.mark.parametrize("path", ["/v1/orders", "/Orders"])
def test_no_body_is_ever_our_fault(
    api: TestClient, process, path: str, body: bytes
) -> None:
    result = api.simulate_post(path, body=body, headers={"Idempotency-Key": "k"})

    assert result.status_code in {200, 202, 400, 422}
    assert process.logged == []
