"""What a start says to a person: what it lacks, and what to try."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orders.cli.serve import invitation

ADDRESSES = {
    "ORDERS_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/orders",
    "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "ORDERS_HTTP__PORT": "0",
    "ORDERS_OPERATIONS__PORT": "0",
}
RUN = Path(__file__).parents[3] / "run.py"
API, OPERATIONS = "http://127.0.0.1:8080", "http://127.0.0.1:8081"


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orders.cli.main", "serve"],
        env={**os.environ, **ADDRESSES, **settings},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("section", ["HTTP", "OPERATIONS"])
def test_a_taken_port_is_said_with_its_setting(section: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(**{f"ORDERS_{section}__PORT": str(port)})

    assert done.returncode == 1
    assert done.stderr == (
        f"cannot start: cannot listen on 127.0.0.1 port {port}: "
        f"Address already in use; set ORDERS_{section}__PORT\n"
    )


def test_an_address_of_another_machine_is_said_with_its_setting() -> None:
    done = start(ORDERS_OPERATIONS__HOST="192.0.2.1")  # RFC 5737: nobody has it

    assert done.returncode == 1
    assert done.stderr.endswith("; set ORDERS_OPERATIONS__HOST\n")


def test_a_python_without_the_packages_is_told_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-S", RUN],  # -S leaves out what is installed
        env={},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        "cannot start: No module named 'orders': run `make install`, then "
        ".venv/bin/python run.py; or just `make run`\n"
    )


def test_an_invitation_names_the_documents_and_the_page() -> None:
    text = invitation(API, OPERATIONS, wants_keys=False)

    assert text.startswith(
        "\nReady. Try:\n\n  curl -s http://127.0.0.1:8080/v1/orders -H"
    )
    assert f"{API}/docs" in text
    assert f"{OPERATIONS}/ui" in text
    assert "keys create" not in text


def test_an_invitation_to_a_node_that_asks_for_keys_says_how_to_make_one() -> None:
    text = invitation(API, OPERATIONS, wants_keys=True)

    assert "orders keys create --tenant" in text
    assert "'Authorization: Bearer KEY'" in text
