"""Many clients at once: the same keys at two nodes, and crowds that say nothing."""

import http.client
import json
import random
import resource
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import quantiles
from urllib.parse import urlsplit

import psycopg
import pytest

pytestmark = pytest.mark.acceptance

KEYS = 1_000
TIMES = 20
CLIENTS = 64
SLOW = IDLE = 500
LOOKS = 400
ANSWER_SECONDS = 30.0
UNCHANGING = ("user_id", "currency", "items", "total", "created_at")


@pytest.fixture(scope="module", autouse=True)
def many_descriptors() -> Iterator[None]:
    """Let this process, and the nodes it starts, hold a crowd's connections."""
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


def connection_to(node) -> http.client.HTTPConnection:
    there = urlsplit(node.url)
    assert there.hostname is not None
    return http.client.HTTPConnection(there.hostname, there.port, ANSWER_SECONDS)


def test_1000_keys_sent_20_times_each_to_two_nodes_are_1000_orders(
    make_node, order_body, empty_database_url: str
) -> None:
    nodes = [make_node(), make_node()]
    for node in nodes:
        node.start()
    chance = random.Random(7)  # noqa: S311 - no secret
    sendings = [
        (key, chance.choice(nodes)) for key in range(KEYS) for _ in range(TIMES)
    ]
    chance.shuffle(sendings)
    answers: dict[int, set[str]] = defaultdict(set)
    unlike: list[object] = []

    def send(mine) -> None:
        lines = {id(node): connection_to(node) for node in nodes}
        for key, node in mine:
            fields = {"Content-Type": "application/json", "Idempotency-Key": f"k-{key}"}
            line = lines[id(node)]
            body = json.dumps(order_body(user_id=key + 1))
            line.request("POST", "/v1/orders", body, fields)
            answer = line.getresponse()
            told = json.loads(answer.read())
            if answer.status != 202:
                unlike.append((key, answer.status, told))
                continue
            fixed = [told[name] for name in ("order_id", *UNCHANGING)]
            answers[key].add(json.dumps(fixed))
        for line in lines.values():
            line.close()

    threads = [
        threading.Thread(target=send, args=(sendings[number::CLIENTS],))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert unlike == []
    assert {key: told for key, told in answers.items() if len(told) != 1} == {}
    assert len(answers) == KEYS
    with psycopg.connect(empty_database_url) as database:
        row = database.execute("SELECT count(*) FROM orders").fetchone()
    assert row == (KEYS,)


@contextmanager
def crowd(node) -> Iterator[None]:
    """Hold idle connections, and others that send a byte of a head now and then."""
    there = urlsplit(node.url)
    done = threading.Event()

    with ExitStack() as held:
        quiet = [
            held.enter_context(socket.create_connection((there.hostname, there.port)))
            for _ in range(SLOW + IDLE)
        ]
        slow = quiet[:SLOW]
        for line in slow:
            line.sendall(b"GET /v1/orders HTTP/1.1\r\nHost: a\r\nX-Slow: ")

        def drip() -> None:
            while not done.wait(0.5):
                for line in slow:
                    line.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def slowest_percent(node, path: str) -> float:
    """Return the seconds that all but one in a hundred looks stay below."""
    line = connection_to(node)
    seconds = []
    for _ in range(LOOKS):
        began = time.monotonic()
        line.request("GET", path)
        answer = line.getresponse()
        answer.read()
        seconds.append(time.monotonic() - began)
        assert answer.status == 200
    line.close()
    return quantiles(seconds, n=100)[-1]


def test_500_slow_and_500_idle_connections_do_not_double_a_healthy_ones_p99(
    node, order_body
) -> None:
    path = f"/v1/orders/{node.post('/v1/orders', order_body()).json()['order_id']}"
    # The least of three: what else the machine does is not the crowd's doing.
    before = min(slowest_percent(node, path) for _ in range(3))

    with crowd(node):
        beside = min(slowest_percent(node, path) for _ in range(3))

    assert beside < 2 * before + 0.005
