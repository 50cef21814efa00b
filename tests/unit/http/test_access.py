"""Who may do what, by the table; no route escapes it."""

import re

import falcon
import pytest
from falcon import inspect
from falcon.testing import TestClient

from orders.domain.api_keys import ActiveKey, RateLimit, Scope, mint_key
from orders.domain.order import Order
from orders.http.access import ROUTES, AccessControl, Rule
from orders.http.app import OrderApp, create_app
from orders.http.key_ring import NOBODY, KeyRing

FULL, NARROW, SLOW, STRANGER = (mint_key() for _ in range(4))
ALL = frozenset(Scope)
ORDER_ID = "01920000-0000-7000-8000-000000000001"
ORDER = {
    "user_id": 7,
    "currency": "EUR",
    "total": "99.80",
    "items": [{"product_id": 3, "quantity": 2, "line_total": "99.80"}],
}
OLDER = {"user_id": 7, "product_id": 3, "quantity": 2, "total_price": 99.8}
NEEDS_KEY = sorted(
    (method, path) for (method, path), need in ROUTES.items() if need is not Rule.PUBLIC
)


def concrete(path: str) -> str:
    return re.sub(r"\{\w+\}", ORDER_ID, path)


def bearer(key_text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key_text}"}


@pytest.fixture
def ring(process) -> KeyRing:
    ring = KeyRing(process.clock, max_age_seconds=30, default_limit=None)
    keys = [
        ActiveKey(FULL.key_id, FULL.digest, "acme", ALL, None, None),
        ActiveKey(NARROW.key_id, NARROW.digest, "acme", frozenset(), None, None),
        ActiveKey(SLOW.key_id, SLOW.digest, "acme", ALL, None, RateLimit(0.5, 2)),
        ActiveKey(STRANGER.key_id, STRANGER.digest, "other", ALL, None, None),
    ]
    ring.renew(keys, process.now)
    return ring


@pytest.fixture
def app(process, ring: KeyRing) -> OrderApp:
    """The application, where keys are asked for."""
    return create_app(
        backend=process,
        parking=process,
        meter=process,
        log=process,
        clock=process.clock,
        default_currency="USD",
        access=AccessControl(ring, process.clock),
    )


@pytest.fixture
def guarded(app: OrderApp) -> TestClient:
    return TestClient(app, headers={"Content-Type": "application/json"})


def test_every_route_that_is_served_is_in_the_table(app: OrderApp) -> None:
    served = {
        (method.method, route.path)
        for route in inspect.inspect_routes(app)
        for method in route.methods
        if not method.internal
    }

    assert served - ROUTES.keys() == set(), "say in http/access.py who may use it"


class Forgotten:
    """A route that nobody entered into the table."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.text = "secret"

    def on_get_all(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.text = "secret"


def test_a_route_that_is_not_in_the_table_is_closed_to_every_key(app: OrderApp) -> None:
    app.add_route("/v1/forgotten", Forgotten())
    app.add_route("/v1/forgotten/{name}", Forgotten(), suffix="all")
    client = TestClient(app, headers=bearer(FULL.text))

    answers = [client.simulate_get(f"/v1/forgotten{end}") for end in ("", "/x")]

    assert [(it.status_code, it.json["code"]) for it in answers] == [
        (403, "route_closed"),
        (403, "route_closed"),
    ]


@pytest.mark.parametrize(("method", "path"), NEEDS_KEY)
@pytest.mark.parametrize(
    ("headers", "code", "challenge"),
    [
        ({}, "api_key_missing", 'Bearer realm="orders"'),
        ({"Authorization": "Basic eA=="}, "api_key_missing", 'Bearer realm="orders"'),
        (
            bearer(mint_key().text),
            "api_key_invalid",
            'Bearer realm="orders", error="invalid_token"',
        ),
    ],
    ids=["without a key", "with a password", "with a wrong key"],
)
def test_nobody_gets_in_without_a_valid_key(
    guarded: TestClient, process, method, path, headers, code, challenge
) -> None:
    answer = guarded.simulate_request(method, concrete(path), headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == challenge
    if method != "HEAD" and path != "/Orders":
        assert answer.json["code"] == code
    assert process.submissions == process.questions == []


@pytest.mark.parametrize(("method", "path"), NEEDS_KEY)
def test_a_key_without_the_scope_is_refused(
    guarded: TestClient, process, method: str, path: str
) -> None:
    answer = guarded.simulate_request(
        method, concrete(path), headers=bearer(NARROW.text)
    )

    challenge = answer.headers["www-authenticate"]
    assert answer.status_code == 403
    assert challenge.endswith(
        f'error="insufficient_scope", scope="{ROUTES[method, path]}"'
    )
    assert process.submissions == process.questions == []


def test_the_problem_of_a_missing_scope_names_it(guarded: TestClient) -> None:
    answer = guarded.simulate_post("/v1/orders", headers=bearer(NARROW.text))

    assert answer.json["code"] == "scope_missing"
    assert "orders:write" in answer.json["detail"]


@pytest.mark.parametrize("headers", [{}, bearer(mint_key().text)])
def test_the_older_route_refuses_in_its_own_form(
    guarded: TestClient, headers: dict[str, str]
) -> None:
    answer = guarded.simulate_post("/Orders", json=OLDER, headers=headers)

    assert answer.status_code == 401
    assert set(answer.json) == {"error"}
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("path", "body"), [("/v1/orders", ORDER), ("/Orders", OLDER)])
def test_an_order_belongs_to_the_tenant_of_the_key(
    guarded: TestClient, process, path: str, body: dict[str, object]
) -> None:
    answer = guarded.simulate_post(path, json=body, headers=bearer(STRANGER.text))

    assert answer.status_code < 300
    assert [it.order.tenant_id for it in process.submissions] == ["other"]


def test_a_question_is_asked_for_the_tenant_of_the_key(
    guarded: TestClient, process, stored_order: Order
) -> None:
    process.on_question = lambda _: stored_order._replace(tenant_id="acme")

    guarded.simulate_get(f"/v1/orders/{ORDER_ID}", headers=bearer(FULL.text))

    assert process.questions[0].tenant_id == "acme"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/v1/orders", 405)],
)
def test_what_does_not_exist_is_told_to_callers_with_a_key_alone(
    guarded: TestClient, method: str, path: str, status: int
) -> None:
    stranger = guarded.simulate_request(method, path)
    caller = guarded.simulate_request(method, path, headers=bearer(NARROW.text))

    assert (stranger.status_code, caller.status_code) == (401, status)


def test_a_key_over_its_limit_is_told_when_to_come_again(guarded: TestClient) -> None:
    answers = [
        guarded.simulate_get(f"/v1/orders/{ORDER_ID}", headers=bearer(SLOW.text))
        for _ in range(3)
    ]

    assert [it.status_code for it in answers] == [404, 404, 429]
    assert answers[2].json["code"] == "rate_limited"
    assert answers[2].json["retryable"] is True
    assert answers[2].headers["retry-after"] == "2"
    assert answers[2].headers["ratelimit"] == '"default";r=0;t=2'


def test_a_limited_key_is_told_what_is_left(guarded: TestClient) -> None:
    answer = guarded.simulate_get(f"/v1/orders/{ORDER_ID}", headers=bearer(SLOW.text))

    assert answer.headers["ratelimit-policy"] == '"default";q=2;w=4'
    assert answer.headers["ratelimit"] == '"default";r=1;t=2'


def test_keys_that_were_not_read_for_too_long_count_no_more(
    guarded: TestClient, process
) -> None:
    process.now += 30

    answer = guarded.simulate_get("/v1/orders", headers=bearer(FULL.text))
    older = guarded.simulate_post("/Orders", json=OLDER, headers=bearer(FULL.text))

    assert (answer.status_code, older.status_code) == (503, 503)
    assert answer.json["code"] == "database_unavailable"
    assert answer.headers["retry-after"] == older.headers["retry-after"] == "1"
    assert process.submissions == []


def test_the_head_is_judged_by_the_servers_decision_and_by_the_route(
    guarded: TestClient, ring: KeyRing
) -> None:
    # The server saw another path than the application does.
    caller = ring.find(bearer(NARROW.text)["Authorization"]).caller

    answer = guarded.simulate_get(
        f"/v1/orders/{ORDER_ID}", extras={"orders.caller": caller}
    )

    assert answer.status_code == 403


def test_a_path_that_only_looked_public_still_asks_for_a_key(
    guarded: TestClient,
) -> None:
    for path in (f"/v1/orders/{ORDER_ID}", "/nowhere"):
        answer = guarded.simulate_get(path, extras={"orders.caller": NOBODY})

        assert answer.status_code == 401


def test_the_key_is_in_no_line_no_answer_and_no_metric(
    guarded: TestClient, process
) -> None:
    def break_down(_question: object) -> object:
        raise RuntimeError("broken")

    process.on_question = break_down
    secret = FULL.text.rpartition("_")[2]

    answer = guarded.simulate_get(f"/v1/orders/{ORDER_ID}", headers=bearer(FULL.text))

    assert answer.status_code == 500
    assert secret not in answer.text + str(answer.headers)
    assert secret not in str(process.logged) + str(process.counted)


def test_each_answer_has_a_line_where_that_is_wanted(process, ring: KeyRing) -> None:
    lines: list[dict[str, object]] = []

    class Lines:
        def info(self, event: str, **fields: object) -> None:
            lines.append({"event": event, **fields})

    client = TestClient(
        create_app(
            backend=process,
            parking=process,
            meter=process,
            log=process,
            clock=process.clock,
            default_currency="USD",
            access=AccessControl(ring, process.clock),
            access_log=Lines(),
        )
    )
    path = f"/v1/orders/{ORDER_ID}"

    client.simulate_get(path, headers=bearer(FULL.text) | {"X-Request-Id": "mine"})
    client.simulate_get(path)

    assert [line.pop("duration_ms") is not None for line in lines] == [True, True]
    assert lines[0] == {
        "event": "http.answered",
        "request_id": "mine",
        "method": "GET",
        "route": "/v1/orders/{order_id}",
        "status": 404,
        "key_id": FULL.key_id,
        "tenant_id": "acme",
    }
    assert (lines[1]["status"], lines[1]["key_id"]) == (401, None)
    assert FULL.text.rpartition("_")[2] not in str(lines)
