"""What is noticed of how a node's process ends, with processes that are none."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from orders.chaos.node import ChaosNode, NodeFailedError
from orders.chaos.stack import Gates


class FakeProcess:
    """Runs until it is killed, or until ``ends`` says otherwise."""

    pid = 1

    def __init__(self) -> None:
        self.ends: int | None = None

    def poll(self) -> int | None:
        return self.ends

    def wait(self, _seconds: float) -> int:
        if self.ends is None:
            raise subprocess.TimeoutExpired("node", 0)
        return self.ends

    def kill(self) -> None:
        if self.ends is None:
            self.ends = -signal.SIGKILL

    def communicate(self, _text: bytes, timeout: float) -> None:
        """Let the guard go."""


class FakeGates:
    http_port = operations_port = 1
    bootstrap_servers = "127.0.0.1:1"


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[FakeProcess]:
    started: list[FakeProcess] = []

    def start(*_: object, **__: object) -> FakeProcess:
        started.append(FakeProcess())
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return started


@pytest.fixture
def start(
    processes: list[FakeProcess], tmp_path: Path
) -> Callable[[], tuple[ChaosNode, FakeProcess]]:
    def made() -> tuple[ChaosNode, FakeProcess]:
        gates = cast("Gates", FakeGates())
        node = ChaosNode("node-1", gates, {}, tmp_path / "node.log")
        node.start()
        return node, processes[-2]  # the last one is its guard

    return made


Start = Callable[[], tuple[ChaosNode, FakeProcess]]


def test_a_node_that_runs_is_killed(start: Start) -> None:
    node, _ = start()

    node.kill()

    assert not node.is_running
    assert node.take_death() is None


def test_a_node_that_had_ended_cannot_be_killed(start: Start) -> None:
    node, process = start()
    process.ends = 70

    with pytest.raises(NodeFailedError, match="had ended with 70"):
        node.kill()


def test_a_death_that_nobody_waited_for_is_told_once(start: Start) -> None:
    node, process = start()
    process.ends = 70

    assert node.take_death() == "node-1 ended by itself with 70"
    assert node.take_death() is None


def test_an_end_that_was_waited_for_is_no_death(start: Start) -> None:
    node, process = start()
    process.ends = 137

    node.wait_exit(1)

    assert node.take_death() is None


def test_each_life_has_a_death_of_its_own(
    start: Start, processes: list[FakeProcess]
) -> None:
    node, process = start()
    process.ends = 137
    node.wait_exit(1)
    node.start()
    processes[-2].ends = 1

    assert node.take_death() == "node-1 ended by itself with 1"
