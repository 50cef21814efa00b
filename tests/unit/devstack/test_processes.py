"""Only a process that is still ours is ever ended."""

import os
import signal

import pytest

from orders.devstack import processes
from orders.devstack.errors import DevstackError

Sent = list[tuple[int, int]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    signals: Sent = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    return signals


def test_our_own_command_line_is_found() -> None:
    assert "python" in processes.command_line(os.getpid())


def test_a_pid_that_went_to_another_program_is_left_alone(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "command_line", lambda pid: "an editor")

    processes.end_leftover(77, "/data/kafka", signal.SIGTERM)

    assert sent == []


def test_a_leftover_is_asked_politely_first(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command_line(pid: int) -> str:
        return "" if sent else "java /data/kafka"

    monkeypatch.setattr(processes, "command_line", command_line)

    processes.end_leftover(77, "/data/kafka", signal.SIGTERM)

    assert sent == [(77, signal.SIGTERM)]


def test_a_leftover_that_stays_is_killed_and_then_reported(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "command_line", lambda pid: "java /data/kafka")
    monkeypatch.setattr(processes, "wait_until", lambda condition, seconds: False)

    with pytest.raises(DevstackError, match="does not end"):
        processes.end_leftover(77, "/data/kafka", signal.SIGTERM)

    assert sent == [(77, signal.SIGTERM), (77, signal.SIGKILL)]
