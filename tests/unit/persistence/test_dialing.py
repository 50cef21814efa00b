"""Connecting ends for the caller, whatever the thread behind it waits for."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import cast
from unittest.mock import Mock

import psycopg
import pytest

from orders.persistence import dialing
from orders.persistence.bounded import BoundedConnection
from orders.persistence.dialing import LATE, dial

SOON = 0.02


class Server:
    """Answers once it is told to."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked = 0
        self.connection = cast("BoundedConnection", Mock())
        self.error: Exception | None = None

    def open(self) -> BoundedConnection:
        self.asked += 1
        self.answers.wait(10.0)
        if self.error is not None:
            raise self.error
        return self.connection


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.answers.set()


def late(server: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="looked up"):
        dial("target", server.open, SOON)


def test_a_connection_that_comes_in_time_is_returned(server: Server) -> None:
    server.answers.set()

    assert dial("target", server.open, 5.0) is server.connection


def test_what_went_wrong_is_raised(server: Server) -> None:
    server.error = psycopg.OperationalError("refused")
    server.answers.set()

    with pytest.raises(psycopg.OperationalError, match="refused"):
        dial("target", server.open, 5.0)


def test_a_late_attempt_is_taken_up_and_not_begun_again(server: Server) -> None:
    for _ in range(5):
        late(server)
    server.answers.set()

    assert dial("target", server.open, 5.0) is server.connection
    assert server.asked == 1


def test_another_target_has_an_attempt_of_its_own(server: Server) -> None:
    other = Server()
    other.answers.set()
    late(server)

    assert dial("another", other.open, 5.0) is other.connection
    server.answers.set()
    dial("target", server.open, 5.0)


def test_a_connection_that_comes_too_late_for_anyone_is_closed(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    monkeypatch.setattr(dialing, "_KEPT_SECONDS", SOON)
    late(server)
    server.answers.set()

    close = cast("Mock", server.connection.close)
    wait_until(lambda: close.called, 5.0)

    assert LATE.take("target") is None


def test_a_connection_that_was_returned_is_left_open(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialing, "_KEPT_SECONDS", SOON)
    server.answers.set()

    dial("target", server.open, 5.0)

    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline and _dialing():
        time.sleep(SOON)
    cast("Mock", server.connection.close).assert_not_called()


def _dialing() -> bool:
    return any(thread.name == "dialing" for thread in threading.enumerate())
