"""A node as a process of its own, driven over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
from urllib3.util import Retry, Timeout

from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
EXIT_SECONDS = 30.0


class RunningNode:
    """``run.py`` on free ports; its log lines are in ``log_file``."""

    def __init__(self, environment: dict[str, str], log_file: Path) -> None:
        self.environment = environment
        self._log_file = log_file
        self._pool = urllib3.PoolManager(
            maxsize=80, retries=Retry(0), timeout=Timeout(connect=5, read=40)
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.operations = ""

    def start(self, *, ready: bool = True) -> None:
        began = self._log_file.stat().st_size if self._log_file.exists() else 0
        with self._log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "run.py")],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
            )
        self._until(lambda: self._learn_addresses(began), 30, "it printed no address")
        if ready:
            self.wait_ready()

    def wait_ready(self, seconds: float = 30.0) -> None:
        self._until(lambda: self.probe("/readyz") == 200, seconds, "it is not ready")

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(EXIT_SECONDS)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(EXIT_SECONDS)

    def probe(self, path: str) -> int:
        try:
            return self._pool.request("GET", self.operations + path).status
        except urllib3.exceptions.HTTPError:
            return 0

    def page(self, path: str) -> str:
        """Return what the operations port answers."""
        return self._pool.request("GET", self.operations + path).data.decode()

    def metric(self, name: str) -> float:
        text = self._pool.request("GET", f"{self.operations}/metrics").data.decode()
        lines = [ln for ln in text.splitlines() if ln.startswith(f"{name}")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self._pool.request("GET", self.url + path, headers=headers)

    def post(self, path: str, body: object, **headers: str) -> urllib3.BaseHTTPResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self._pool.request("POST", self.url + path, body=data, headers=fields)

    def status_of(self, order_id: str) -> str:
        return str(self.get(f"/v1/orders/{order_id}").json()["status"])

    def log_lines(self) -> list[dict[str, object]]:
        lines = self._log_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def _learn_addresses(self, began: int) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail(f"the node ended: {self._log_file.read_text()[-3000:]}")
        with self._log_file.open("rb") as log:
            log.seek(began)
            for line in log.read().splitlines():
                if b'"node.started"' in line:
                    started = json.loads(line)
                    self.url, self.operations = started["api"], started["operations"]
                    return True
        return False

    def _until(self, condition: Callable[[], bool], seconds: float, why: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"{why}: {self._log_file.read_text()[-3000:]}")
            time.sleep(0.05)


NodeFactory = Callable[..., RunningNode]


@pytest.fixture
def make_node(
    empty_database_url: str,
    postgres_server: EmbeddedPostgres,
    kafka_server: EmbeddedKafka,
    topic: str,
    tmp_path: Path,
) -> Iterator[NodeFactory]:
    """Makes nodes that share one fresh database and one fresh topic."""
    nodes: list[RunningNode] = []

    def make(**settings: str) -> RunningNode:
        name = f"node-{len(nodes) + 1}"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ORDERS_")},
            "ORDERS_NODE_NAME": name,
            "ORDERS_DATABASE__URL": empty_database_url,
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": kafka_server.bootstrap_servers,
            "ORDERS_KAFKA__TOPIC": topic,
            "ORDERS_KAFKA__GROUP": f"{topic}-group",
            "ORDERS_HTTP__PORT": "0",
            "ORDERS_OPERATIONS__PORT": "0",
            "ORDERS_LOG__FORMAT": "json",
            **settings,
        }
        node = RunningNode(environment, tmp_path / f"{name}.log")
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        node.kill()
    # A test that failed half-way may have left them stopped.
    postgres_server.start()
    kafka_server.start()


@pytest.fixture
def node(make_node: NodeFactory) -> RunningNode:
    """One node that is ready."""
    running = make_node()
    running.start()
    return running


def order(total: str = "99.80", user_id: int = 7) -> dict[str, object]:
    """Return the body of an order of one line."""
    line = {"product_id": 3, "quantity": 2, "line_total": total}
    return {"user_id": user_id, "currency": "EUR", "items": [line], "total": total}


@pytest.fixture
def order_body() -> Callable[..., dict[str, object]]:
    """Makes the body of an order."""
    return order


@pytest.fixture(scope="module")
def shared_node(
    postgres_server: EmbeddedPostgres,
    kafka_server: EmbeddedKafka,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningNode]:
    """One node for tests that leave nothing behind; on the server's own database."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("ORDERS_")},
        "ORDERS_DATABASE__URL": postgres_server.url,
        "ORDERS_KAFKA__BOOTSTRAP_SERVERS": kafka_server.bootstrap_servers,
        "ORDERS_KAFKA__TOPIC": "shared",
        "ORDERS_HTTP__PORT": "0",
        "ORDERS_OPERATIONS__PORT": "0",
        "ORDERS_LOG__FORMAT": "json",
    }
    log_file = tmp_path_factory.mktemp("shared") / "node.log"
    running = RunningNode(environment, log_file)
    running.start()
    yield running
    running.kill()
