"""What is stuck holds up nothing else, and the node says what it is."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
WaitUntil = Callable[[Callable[[], bool], float], None]
QUICK = {
    "ORDERS_DATABASE__STATEMENT_TIMEOUT_SECONDS": "0.5",
    "ORDERS_SUPERVISOR__HANG_SECONDS": "5",
}
SILENT_RESOLVER = """
import socket, time
from pathlib import Path

real = socket.getaddrinfo

def getaddrinfo(host, *rest, **more):
    if host != "no-answer.test":
        return real(host, *rest, **more)
    for _ in range(600):
        if Path({flag!r}).exists():
            return real("127.0.0.1", *rest, **more)
        time.sleep(0.05)
    raise socket.gaierror(-3, "Temporary failure in name resolution")

socket.getaddrinfo = getaddrinfo
"""
"""Put into the node's interpreter: a name server that is silent until a file exists."""


def post(node, body: dict[str, object], **fields: str) -> tuple[int, float]:
    began = time.monotonic()
    status = node.post("/v1/orders", body, **fields).status
    return status, time.monotonic() - began


def test_a_name_that_does_not_resolve_is_waited_for(
    make_node, empty_database_url: str, tmp_path: Path, wait_until: WaitUntil
) -> None:
    flag, modules = tmp_path / "answers", tmp_path / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(SILENT_RESOLVER.format(flag=str(flag)))
    parts = urlsplit(empty_database_url)
    place = parts.netloc.replace("127.0.0.1", "no-answer.test")
    node = make_node(
        ORDERS_DATABASE__URL=urlunsplit(parts._replace(netloc=place)),
        PYTHONPATH=str(modules),
        **QUICK,
    )
    node.start(ready=False)
    events: set[object] = set()

    def waited() -> bool:
        events.update(line["event"] for line in node.log_lines())
        return "database.unavailable" in events

    wait_until(waited, 10.0)
    threads = _threads(node)
    time.sleep(7.0)  # an actor may be silent for 5 s

    assert node.probe("/readyz") == 503
    assert node.probe("/livez") == 200
    assert waited()
    assert not {"actor.hung", "actor.failed", "actor.escalated"} & events
    assert _threads(node) <= threads + 3
    flag.touch()
    node.wait_ready(10.0)


def _threads(node) -> int:
    return len(list(Path(f"/proc/{node.process.pid}/task").iterdir()))


@contextmanager
def share_lock(url: str) -> Iterator[None]:
    with psycopg.connect(url) as connection:
        connection.execute("lock table orders in share mode")
        yield


def test_a_locked_table_refuses_its_orders_and_nothing_else(
    node, empty_database_url: str, order_body: Body
) -> None:
    there = node.post("/v1/orders", order_body(), Prefer="wait=5").headers["Location"]
    with share_lock(empty_database_url):
        for _ in range(20):
            refused = node.post("/v1/orders", order_body())
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) >= 1
            assert refused.json()["code"] == "overloaded"
            assert node.get(there).status == 200
            assert node.probe("/readyz") == 200

    assert post(node, order_body())[0] == 202
    assert not [x for x in node.log_lines() if x["event"] == "database.unavailable"]


def test_a_held_key_delays_its_own_order_alone(
    node, empty_database_url: str, order_body: Body
) -> None:
    node.post("/v1/orders", order_body())
    with psycopg.connect(empty_database_url) as connection:
        for number in range(10):
            connection.execute(
                "insert into idempotency_keys values ('default', 'POST /v1/orders',"
                " %s, gen_random_uuid(), 'x', now())",
                (f"held-{number}",),
            )
        with ThreadPoolExecutor(10) as pool:
            held = [
                pool.submit(post, node, order_body(), Idempotency_Key=f"held-{n}")
                for n in range(10)
                for _ in range(2)
            ]
            others = [post(node, order_body()) for _ in range(100)]
        answers = [each.result()[0] for each in held]

    assert {status for status, _ in others} == {202}
    assert sorted(took for _, took in others)[97] < 0.5
    assert set(answers) == {409}


@pytest.fixture
def admin(empty_database_url: str) -> Iterator[psycopg.Connection]:
    """What waits for the standby cannot bring it back: this one does not wait."""
    with psycopg.connect(
        empty_database_url, autocommit=True, options="-c synchronous_commit=local"
    ) as connection:
        yield connection
        connection.execute("alter system reset synchronous_standby_names")
        connection.execute("select pg_reload_conf()")


def test_a_standby_that_is_away_makes_the_node_not_ready(
    make_node, admin: psycopg.Connection, order_body: Body, wait_until: WaitUntil
) -> None:
    node = make_node(**QUICK)
    node.start()
    admin.execute("alter system set synchronous_standby_names = 'absent'")
    admin.execute("select pg_reload_conf()")
    wait_until(lambda: node.probe("/readyz") == 503, 8.0)  # without a single order

    looks = []
    waiting = []
    for _ in range(8):
        refused = node.post("/v1/orders", order_body())
        looks.append((node.probe("/readyz"), refused.status))
        [(count,)] = admin.execute(
            "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
        )
        waiting.append(count)
        time.sleep(0.5)

    assert set(looks) == {(503, 503)}
    # One of each session that writes: two of the intake, and at most five others.
    assert max(waiting) <= 7
    assert waiting[-1] == waiting[-5]
    admin.execute("alter system reset synchronous_standby_names")
    admin.execute("select pg_reload_conf()")
    node.wait_ready(10.0)
    assert post(node, order_body())[0] == 202
