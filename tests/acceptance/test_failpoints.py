"""A running node that fails once at every step there is."""

from collections.abc import Callable

import psycopg
import pytest
import urllib3

from orders.failpoints.catalogue import ACTOR_PREFIX, CATALOGUE

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
# Apart, since of failures of one actor that follow each other five are logged.
ACTORS = {name for name in CATALOGUE if name.startswith(ACTOR_PREFIX)}
STEPS = set(CATALOGUE) - ACTORS
ABSENT = "01920000-0000-7000-8000-000000000001"
UNFINISHED = """
select count(*)
from orders o
where status not in ('PAID', 'FAILED')
   or (select count(*) from notifications n where n.order_id = o.order_id) <> 1
   or exists (select from outbox u where u.order_id = o.order_id)
"""


def reached(node) -> set[str]:
    """The failpoints whose error is in the node's log."""
    text = "\n".join(map(str, node.log_lines()))
    forms = ("FailpointError: {}", "FailpointError('{}')")
    return {n for n in CATALOGUE if any(form.format(n) in text for form in forms)}


def unfinished(url: str) -> object:
    """Count orders that are not settled, told of once, and published."""
    with psycopg.connect(url, autocommit=True) as connection:
        [(count,)] = connection.execute(UNFINISHED).fetchall()
    return count


def stored(url: str) -> set[str]:
    """Return the ids of all orders there are."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute("select order_id::text from orders").fetchall()
    return {order_id for (order_id,) in rows}


def drive(node, body: dict[str, object], acknowledged: set[str]) -> None:
    """Ask once for everything; an answer that fails or never comes is none."""
    try:
        order_id = node.post("/v1/orders", body).json()["order_id"]
        acknowledged.add(order_id)
        node.get(f"/v1/orders/{order_id}")
        node.get(f"/v1/orders/{order_id}/history")
        node.post(f"/v1/orders/{ABSENT}/cancel", {})
    except (urllib3.exceptions.HTTPError, KeyError):
        return


@pytest.mark.parametrize("names", [STEPS, ACTORS], ids=["steps", "actors"])
def test_a_node_that_fails_once_at_every_step_settles_every_order(
    make_node, order_body: Body, empty_database_url: str, wait_until, names: set[str]
) -> None:
    node = make_node(
        ORDERS_FAILPOINTS=",".join(f"{name}:2:raise" for name in sorted(names)),
        ORDERS_SUPERVISOR__MAX_RESTARTS="1000",
        ORDERS_SWEEPER__STUCK_AFTER_SECONDS="1",
    )
    node.start()
    acknowledged: set[str] = set()

    def all_reached() -> bool:
        drive(node, order_body(), acknowledged)
        return reached(node) == names

    wait_until(all_reached, 60)

    wait_until(lambda: unfinished(empty_database_url) == 0, 30)
    assert acknowledged
    assert acknowledged <= stored(empty_database_url)
    armed = [ln for ln in node.log_lines() if ln["event"] == "failpoints.armed"]
    assert [line["level"] for line in armed] == ["critical"]
