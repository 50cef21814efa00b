"""run.py as a process of its own, on machines and with words that it did not expect.

Its servers are away: it starts nevertheless.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
RUN = f"{sys.executable} {ROOT / 'run.py'}"
AWAY = {
    "ORDERS_DATABASE__URL": "postgresql://u:Geheim%40Wort@127.0.0.1:1/d",
    "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "ORDERS_HTTP__PORT": "0",
    "ORDERS_OPERATIONS__PORT": "0",
    "ORDERS_LOG__FORMAT": "json",
    "ORDERS_SHUTDOWN__GRACE_SECONDS": "1",
}
SECONDS = 20

Shell = Callable[..., subprocess.Popen[str]]


def environment(settings: dict[str, str]) -> dict[str, str]:
    others = {k: v for k, v in os.environ.items() if not k.startswith("ORDERS_")}
    return {**others, **AWAY, **settings}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Starts a command line of the shell, which becomes run.py."""
    with ExitStack() as ends:

        def start(line: str, **settings: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                ["/bin/bash", "-c", line],
                env=environment(settings),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=tmp_path,
            )
            ends.callback(end, process)
            return process

        yield start


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=SECONDS)


def ran(line: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", line],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def started(process: subprocess.Popen[str]) -> tuple[dict[str, str], str]:
    """Return what ``node.started`` says, and the lines up to it."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        fields = json.loads(line)
        if fields["event"] == "node.started":
            return fields, "".join(lines)
    assert process.stderr is not None
    pytest.fail(f"it did not start: {''.join(lines)} {process.stderr.read()}")


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


# --- words ----------------------------------------------------------------------------


def test_words_behind_run_py_are_a_command(empty_database_url: str) -> None:
    settings = {"ORDERS_DATABASE__URL": empty_database_url}

    before = ran(f"{RUN} migrate --check", **settings)
    done = ran(f"{RUN} migrate", **settings)

    assert before.returncode == 1
    assert done.returncode == 0
    assert done.stdout.startswith("applied  0001_")
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("select count(*) from orders").fetchone() == (0,)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--help", 0, "Example: "),
        ("nonsense", 2, "No such command 'nonsense'"),
        ("migrate --nonsense", 2, "No such option"),
    ],
)
def test_run_py_never_serves_what_is_another_command(
    words: str, code: int, said: str
) -> None:
    done = ran(f"{RUN} {words}")

    assert done.returncode == code
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORDERS_DATABASE__URL", "postgresql://u:Geheim@h:70000/Geheim"),
        ("ORDERS_KAFKA__SSL_CA_FILE", "/nowhere"),
    ],
)
def test_a_setting_that_can_never_work_ends_the_process_in_5_seconds(
    name: str, value: str
) -> None:
    began = time.monotonic()

    done = ran(RUN, **{name: value})

    assert time.monotonic() - began < 5
    assert done.returncode == 1
    assert name in done.stderr
    assert "Geheim" not in done.stdout + done.stderr


# --- the machine ----------------------------------------------------------------------


def test_an_ipv6_address_is_bound_and_logged_as_a_url(shell: Shell) -> None:
    host = "[::1]"
    node = shell(f"exec {RUN}", ORDERS_HTTP__HOST=host, ORDERS_OPERATIONS__HOST=host)

    api = started(node)[0]["api"]

    assert api == f"http://[::1]:{port_of(api)}"
    with socket.create_connection(("::1", port_of(api)), timeout=SECONDS):
        pass


def test_every_ipv6_address_takes_ipv4_too(shell: Shell) -> None:
    node = shell(f"exec {RUN}", ORDERS_HTTP__HOST="::")

    port = port_of(started(node)[0]["api"])

    for loopback in ("::1", "127.0.0.1"):
        with socket.create_connection((loopback, port), timeout=SECONDS):
            pass


def test_every_client_is_answered_where_few_files_may_be_open(shell: Shell) -> None:
    node = shell(f"ulimit -n 256; exec {RUN}")
    fields, lines = started(node)
    answers: dict[bytes, int] = {}

    with ExitStack() as connections:
        clients = [
            connections.enter_context(
                socket.create_connection(
                    ("127.0.0.1", port_of(fields["api"])), timeout=SECONDS
                )
            )
            for _ in range(300)
        ]
        for client in clients:
            answer = answer_of(client)
            answers[answer] = answers.get(answer, 0) + 1

    limited = json.loads(
        next(line for line in lines.splitlines() if "http.connections_limited" in line)
    )
    assert limited["files"] == 256
    assert answers[b"404"] == limited["count"]
    assert answers[b"503"] > 0
    assert sum(answers.values()) == 300
    assert set(answers) <= {b"404", b"503", b"closed"}


def answer_of(client: socket.socket) -> bytes:
    """Return the status, or that the connection was closed; fails on silence."""
    try:
        client.sendall(b"GET /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n")
        return client.recv(1024)[9:12] or b"closed"
    except ConnectionError:
        return b"closed"


def test_a_low_soft_limit_of_files_is_raised(shell: Shell) -> None:
    node = shell(f"ulimit -S -n 256; exec {RUN}")

    _, lines = started(node)

    assert "http.connections_limited" not in lines


def test_too_few_files_end_the_start() -> None:
    done = ran(f"ulimit -n 100; exec {RUN}")

    assert done.returncode == 1
    assert "this process may open 100 files, and needs 160 at least" in done.stderr


def test_a_data_folder_that_cannot_be_made_is_said_with_its_setting() -> None:
    done = ran(
        RUN,
        ORDERS_DATABASE__URL="embedded",
        ORDERS_KAFKA__BOOTSTRAP_SERVERS="embedded",
        ORDERS_DATA_DIR="/dev/null/x",
    )

    assert done.returncode == 1
    assert "set ORDERS_DATA_DIR" in done.stderr


# --- streams --------------------------------------------------------------------------


def test_a_node_runs_without_standard_input_and_error(shell: Shell) -> None:
    node = shell(f"exec {RUN} <&- 2>&-")

    fields, _ = started(node)
    node.send_signal(signal.SIGTERM)

    assert fields["api"]
    assert node.wait(SECONDS) == 0


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (">&-", "Bad file descriptor"),
        ("> >(exec true)", "Broken pipe"),
    ],
)
def test_a_node_goes_on_without_its_log_and_says_so_once(
    shell: Shell, where: str, why: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    node = shell(f"exec {RUN} {where}", ORDERS_HTTP__PORT=str(port))
    assert node.stderr is not None

    line = node.stderr.readline()

    assert line == f"the log cannot be written, its lines are dropped: {why}\n"
    assert node.poll() is None
    node.send_signal(signal.SIGTERM)
    assert node.wait(SECONDS) == 0
    assert node.stderr.read() == ""


def test_a_running_node_logs_no_secret(shell: Shell) -> None:
    node = shell(
        f"exec {RUN}",
        ORDERS_LOG__LEVEL="debug",
        ORDERS_KAFKA__SECURITY_PROTOCOL="SASL_PLAINTEXT",
        ORDERS_KAFKA__SASL_USERNAME="node",
        ORDERS_KAFKA__SASL_PASSWORD="Geheimnis",  # noqa: S106 - a stand-in
    )
    assert node.stdout is not None
    _, lines = started(node)
    killed = threading.Timer(SECONDS, node.kill)
    killed.start()
    for line in node.stdout:  # until Kafka was tried, or that took too long
        lines += line
        if "kafka.unavailable" in line:
            break
    killed.cancel()

    node.send_signal(signal.SIGTERM)
    out, err = node.communicate(timeout=SECONDS)

    assert "database.unavailable" in lines
    assert "kafka.unavailable" in lines
    assert "Geheim" not in lines + out + err
