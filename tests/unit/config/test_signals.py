import faulthandler
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from orders.config.signals import install_signals


@pytest.fixture(autouse=True)
def _restore_signals() -> Iterator[None]:
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    faulthandler.unregister(signal.SIGUSR1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    asked: list[str] = []
    with (tmp_path / "stacks").open("w") as stacks:
        install_signals(lambda name: asked.append(name) is None, stacks_to=stacks)

        os.kill(os.getpid(), number)

    assert asked == [number.name]


def test_a_signal_that_can_bring_nothing_forward_ends_the_process(
    tmp_path: Path,
) -> None:
    asked: list[str] = []

    def stop(name: str) -> bool:
        asked.append(name)
        return len(asked) < 3

    with (tmp_path / "stacks").open("w") as stacks:
        install_signals(stop, lambda: asked.append("at once"), stacks_to=stacks)

        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    assert asked == ["SIGINT", "SIGTERM", "SIGTERM", "at once"]


def test_usr1_writes_every_threads_stack(tmp_path: Path) -> None:
    file = tmp_path / "stacks"
    with file.open("w") as stacks:
        install_signals(lambda _: True, stacks_to=stacks)

        os.kill(os.getpid(), signal.SIGUSR1)

    assert "test_usr1_writes_every_threads_stack" in file.read_text()
