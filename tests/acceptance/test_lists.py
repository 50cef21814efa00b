"""Lists of orders of a running node."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
AT_START = 250
CLIENTS = 8


def test_paging_while_orders_arrive_shows_each_earlier_one_once(
    node, order_body: Body
) -> None:
    def place(_: int) -> str:
        return str(node.post("/v1/orders", order_body()).json()["order_id"])

    with ThreadPoolExecutor(CLIENTS) as threads:
        at_start = list(threads.map(place, range(AT_START)))
    seen: list[str] = []
    stop = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        arriving = threads.submit(place_until, stop, place)
        following: str | None = "/v1/orders?limit=9"
        for _ in range(1000):
            page = node.get(following).json()
            seen += [order["order_id"] for order in page["orders"]]
            following = page["next"]
            if following is None:
                break
        stop.set()
        arrived = arriving.result()

    counted = Counter(seen)
    assert [counted[order_id] for order_id in at_start] == [1] * AT_START
    assert seen == sorted(seen, reverse=True)
    assert arrived > 1


def place_until(stop: threading.Event, place: Callable[[int], str]) -> int:
    for number in count(1):
        place(number)
        if stop.is_set():
            return number
    raise AssertionError


def test_filters_find_an_order_and_each_page_links_the_next(
    node, order_body: Body
) -> None:
    for user_id, reference in [(41, "a b"), (41, "c"), (42, "a b")]:
        body = order_body("10.00", user_id) | {"reference": reference}
        placed = node.post("/v1/orders", body).json()
        settled = node.get(f"{placed['links']['self']}?wait=30").json()
        assert settled["status"] == "PAID"

    of_user = node.get("/v1/orders?user_id=41&status=PAID&limit=1")
    of_reference = node.get("/v1/orders?reference=a%20b&payment_status=SUCCESS")

    linked = of_user.headers["Link"].removeprefix("<").removesuffix('>; rel="next"')
    rest = node.get(linked).json()
    [newer], [older] = of_user.json()["orders"], rest["orders"]
    assert (newer["reference"], older["reference"]) == ("c", "a b")
    assert rest["next"] is None
    found = of_reference.json()["orders"]
    assert [order["user_id"] for order in found] == [42, 41]
    assert found[0] == node.get(found[0]["links"]["self"]).json()
