"""A real node that asks for API keys: nobody gets in, sees or does more than theirs."""

import re
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from orders.domain.api_keys import Scope, mint_key
from orders.http.access import ROUTES, Rule
from orders.persistence.api_keys import operator_keys

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
MakeKey = Callable[..., str]
ALL = tuple(Scope)
SEEN_SECONDS = 30.0
NOT_SERVED = {"route_not_found", "method_not_allowed"}
GUARDED = sorted(key for key, need in ROUTES.items() if need is not Rule.PUBLIC)


@pytest.fixture
def keyed(make_node):
    """A node that asks for keys and reads them often."""
    node = make_node(
        ORDERS_AUTH__MODE="keys",
        ORDERS_AUTH__REFRESH_SECONDS="0.3",
        ORDERS_LOG__LEVEL="debug",
        ORDERS_LOG__ACCESS="true",
    )
    node.start()
    return node


@pytest.fixture
def make_key(keyed, empty_database_url: str, wait_until) -> MakeKey:
    """Makes a key; the node has read it when this returns, unless told otherwise."""

    def make(
        tenant: str = "acme",
        scopes: tuple[Scope, ...] = ALL,
        seconds: float | None = None,
        *,
        seen: bool = True,
    ) -> str:
        key = mint_key()
        with operator_keys(empty_database_url) as keys:
            keys.create(
                key,
                tenant_id=tenant,
                scopes=scopes,
                name="",
                seconds=seconds,
                limit=None,
            )
        if seen:
            wait_until(lambda: status_with(keyed, key.text) != 401, SEEN_SECONDS)
        return key.text

    return make


@pytest.fixture
def revoke(keyed, empty_database_url: str, wait_until) -> Callable[[str], None]:
    """Revokes a key, and waits until the node refuses it."""

    def run(text: str) -> None:
        with operator_keys(empty_database_url) as keys:
            keys.revoke(text.split("_")[1])
        wait_until(lambda: status_with(keyed, text) == 401, SEEN_SECONDS)

    return run


def status_with(node, text: str) -> int:
    return node.get("/nowhere", Authorization=f"Bearer {text}").status


def call(node, method: str, path: str, key: str | None, body: object = None):
    if method == "POST":
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return node.post(path, {} if body is None else body, **headers)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return node._pool.request(method, node.url + path, headers=headers)


def test_every_route_is_closed_to_all_but_the_right_key(
    keyed, make_key: MakeKey, revoke, order_body: Body, wait_until
) -> None:
    full, revoked, stranger = make_key(), make_key(), make_key("other")
    expired = make_key(seconds=2)
    revoke(revoked)
    wait_until(lambda: status_with(keyed, expired) == 401, SEEN_SECONDS)
    made = call(keyed, "POST", "/v1/orders", full, order_body()).json()
    keys_of = {need: [s for s in ALL if s != need] for need in ALL}
    without = {need: make_key(scopes=tuple(left)) for need, left in keys_of.items()}

    wrong: list[object] = []
    for method, template in GUARDED:
        path = re.sub(r"\{\w+\}", made["order_id"], template)
        for who, key in (
            ("nobody", None),
            ("wrong", mint_key().text),
            ("expired", expired),
            ("revoked", revoked),
        ):
            answer = call(keyed, method, path, key)
            challenged = "Bearer" in answer.headers.get("WWW-Authenticate", "")
            if answer.status != 401 or not challenged:
                wrong.append((method, template, who, answer.status))
        mine = call(keyed, "GET" if method == "HEAD" else method, path, full)
        if mine.status in {404, 405} and mine.json().get("code") in NOT_SERVED:
            wrong.append((method, template, "no such route", mine.status))
            continue
        lacking = call(keyed, method, path, without[ROUTES[method, template]])
        if lacking.status != 403:
            wrong.append((method, template, "without the scope", lacking.status))
        if "{order_id}" in template:
            theirs = call(keyed, method, path, stranger)
            if theirs.status != 404:
                wrong.append((method, template, "stranger", theirs.status))

    assert wrong == []


def test_two_tenants_with_one_idempotency_key_get_an_order_each(
    keyed, make_key: MakeKey, order_body: Body
) -> None:
    mine, theirs = (f"Bearer {make_key(tenant)}" for tenant in ("acme", "other"))

    answers = [
        keyed.post("/v1/orders", order_body(), Idempotency_Key="one", Authorization=who)
        for who in (mine, theirs, mine, theirs)
    ]

    ids = [answer.json()["order_id"] for answer in answers]
    assert ids[0] != ids[1]
    assert ids[:2] == ids[2:]
    crossed = [
        keyed.get(f"/v1/orders/{order_id}", Authorization=who).status
        for order_id, who in ((ids[0], theirs), (ids[1], mine), (ids[0], mine))
    ]
    assert crossed == [404, 404, 200]


def test_two_keys_of_a_tenant_see_the_same_while_rotating(
    keyed, make_key: MakeKey, revoke, order_body: Body
) -> None:
    old, new = make_key(), make_key()
    made = call(keyed, "POST", "/v1/orders", old, order_body()).json()

    revoke(old)

    assert call(keyed, "GET", f"/v1/orders/{made['order_id']}", new).status == 200


def test_a_refused_client_is_answered_before_it_sends_its_body(keyed) -> None:
    address = urlsplit(keyed.url)
    head = b"POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"

    with socket.create_connection((address.hostname, address.port), 10) as client:
        client.sendall(head)
        answer = b""
        while chunk := client.recv(65_536):  # to the end: it closes
            answer += chunk

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nwww-authenticate: Bearer" in answer
    assert b"\r\nconnection: close\r\n" in answer


def test_no_path_that_is_spelt_otherwise_leads_around_the_scope(
    keyed, make_key: MakeKey, order_body: Body
) -> None:
    reader = make_key(scopes=(Scope.READ,))
    spellings = [
        "//v1/orders",
        "/v1%2Forders",
        "/v1/order%73",
        "/v1/orders/",
        "/Orders",
    ]

    answers = [call(keyed, "POST", path, reader, order_body()) for path in spellings]

    assert {answer.status for answer in answers} <= {403, 404, 405}
    assert keyed.metric("orders_accepted_total") == 0


def test_the_older_route_takes_a_key_and_refuses_in_its_own_form(
    keyed, make_key: MakeKey
) -> None:
    body = {"user_id": 7, "product_id": 3, "quantity": 2, "total_price": 99.8}

    taken = call(keyed, "POST", "/Orders", make_key(), body)
    refused = call(keyed, "POST", "/Orders", None, body)

    assert taken.status == 200
    assert refused.status == 401
    assert set(refused.json()) == {"error"}


def test_no_line_of_the_log_has_a_key_and_no_answer_a_banner(
    keyed, make_key: MakeKey, order_body: Body
) -> None:
    key = make_key()

    answers = [
        call(keyed, "POST", "/v1/orders", key, order_body()),
        call(keyed, "POST", "/v1/orders", key + "0", order_body()),
        call(keyed, "GET", "/nowhere", key),
    ]
    keyed.stop()

    log = keyed._log_file.read_text()
    lines = [it for it in keyed.log_lines() if it["event"] == "http.answered"]
    assert key.rpartition("_")[2] not in log
    assert {line["status"] for line in lines} >= {202, 401, 404}
    assert key.split("_")[1] in {line["key_id"] for line in lines}
    for answer in answers:
        names = {name.lower() for name in answer.headers}
        assert names.isdisjoint({"server", "x-powered-by"})
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_key_over_its_limit_is_answered_429(make_node, empty_database_url) -> None:
    node = make_node(
        ORDERS_AUTH__MODE="keys",
        ORDERS_AUTH__REFRESH_SECONDS="0.3",
        ORDERS_AUTH__RATE_PER_SECOND="0.001",
        ORDERS_AUTH__BURST="1",
    )
    node.start()
    key = mint_key()
    with operator_keys(empty_database_url) as keys:
        keys.create(key, tenant_id="a", scopes=ALL, name="", seconds=None, limit=None)
    node._until(lambda: status_with(node, key.text) != 401, SEEN_SECONDS, "no key")

    answer = node.get("/v1/notifications?user_id=7", Authorization=f"Bearer {key.text}")

    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 900
    assert answer.headers["RateLimit"].startswith('"default";r=0;t=')
    assert answer.headers["RateLimit-Policy"] == '"default";q=1;w=1000'
