"""Another node takes up what a node left behind that crashed at a certain step."""

from collections.abc import Callable

import pytest
from urllib3.exceptions import HTTPError

from orders.config.exit_codes import ESCALATED
from orders.failpoints.registry import KILLED

pytestmark = pytest.mark.acceptance

EXIT_SECONDS = 30
Body = Callable[..., dict[str, object]]
QUICK = {
    "ORDERS_KAFKA__SESSION_TIMEOUT_SECONDS": "6",  # until its partitions move on
    "ORDERS_SWEEPER__LEASE_SECONDS": "1",
    "ORDERS_SWEEPER__STUCK_AFTER_SECONDS": "1",
}


def test_an_event_that_its_node_did_not_live_to_publish_is_published_by_another(
    make_node, order_body: Body
) -> None:
    crashing = make_node(ORDERS_FAILPOINTS="publish.before_send:1:exit", **QUICK)
    crashing.start()
    order_id = crashing.post("/v1/orders", order_body()).json()["order_id"]
    exit_code = crashing.process.wait(10)

    other = make_node(**QUICK)
    other.start()
    told = other.get(f"/v1/orders/{order_id}?wait=30").json()

    assert exit_code == KILLED
    assert told["status"] == "PAID"


def test_a_node_whose_event_loop_crashes_says_so_and_asks_to_be_restarted(
    make_node, order_body: Body
) -> None:
    crashing = make_node(ORDERS_FAILPOINTS="http.before_answer:1:fatal")
    crashing.start()

    with pytest.raises(HTTPError):
        crashing.post("/v1/orders", order_body())
    exit_code = crashing.process.wait(EXIT_SECONDS)

    said = [line for line in crashing.log_lines() if line["event"] == "process.crashed"]
    assert exit_code == ESCALATED
    assert "FatalFailpointError" in said[0]["exception"]
