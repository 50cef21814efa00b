"""``orders demo``: the whole service in one command, and nothing left behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orders.devstack.deadline import wait_until as until
from orders.devstack.lock import DirectoryLock
from orders.devstack.processes import command_line

pytestmark = pytest.mark.acceptance

WaitUntil = Callable[[Callable[[], bool], float], None]
RUN_SECONDS = 120.0


class Demo:
    """``orders demo`` with data of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.output = data_dir / "output"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ORDERS_")},
            "ORDERS_DATA_DIR": str(self.data_dir),
        }
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "orders.cli.main", "demo"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(RUN_SECONDS)

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def text(self) -> str:
        return self.output.read_text("utf-8")

    def pids(self) -> list[int]:
        """The node and its two servers, as they noted themselves."""
        files = self.data_dir.glob("*/server.pid")
        return [int(text) for file in files if (text := file.read_text("ascii"))]


@pytest.fixture
def demo(server_directory: Path) -> Iterator[Demo]:
    # Not under tmp_path: pytest closes that to PostgreSQL's account.
    data_dir = Path(tempfile.mkdtemp(prefix="demo-", dir=server_directory))
    data_dir.chmod(0o711)
    demo = Demo(data_dir)
    yield demo
    pids = demo.pids()
    demo.kill()
    for pid in pids:  # the guards end them; a file must not go before its writer
        _wait_for_end(pid)
    shutil.rmtree(data_dir)


def _wait_for_end(pid: int) -> None:
    assert until(lambda: not command_line(pid), 60)


def test_a_hundred_orders_settle_and_nothing_is_left_running(demo: Demo) -> None:
    demo.start()
    exit_code = demo.wait()

    assert exit_code == 0, demo.text()
    assert "100 orders sent: 20 FAILED, 80 PAID" in demo.text()
    assert "exactly one notification" in demo.text()
    assert demo.pids() == []


def test_ctrl_c_stops_everything_in_good_order(
    demo: Demo, wait_until: WaitUntil
) -> None:
    demo.start()
    wait_until(lambda: "ready at" in demo.text(), RUN_SECONDS)
    pids = demo.pids()
    demo.send(signal.SIGINT)
    exit_code = demo.wait()

    assert exit_code == 130
    assert "Traceback" not in demo.text()
    assert len(pids) == 3
    assert [pid for pid in pids if command_line(pid)] == []
    assert demo.pids() == []  # each was stopped by its starter, not by a guard


def test_ctrl_c_while_the_servers_start_stops_those_that_did(
    demo: Demo, wait_until: WaitUntil
) -> None:
    demo.start()
    wait_until(lambda: len(demo.pids()) > 1, RUN_SECONDS)
    pids = demo.pids()
    demo.send(signal.SIGINT)
    exit_code = demo.wait()

    assert exit_code == 130
    assert "settled" not in demo.text()
    assert [pid for pid in pids if command_line(pid)] == []
    assert demo.pids() == []  # each was stopped by its starter, not by a guard


def test_a_killed_demo_leaves_nothing_running(
    demo: Demo, wait_until: WaitUntil
) -> None:
    demo.start()
    wait_until(lambda: "ready at" in demo.text(), RUN_SECONDS)
    pids = demo.pids()
    demo.send(signal.SIGKILL)
    demo.wait()

    assert len(pids) == 3
    wait_until(lambda: not any(command_line(pid) for pid in pids), 60)


def test_data_that_another_process_uses_are_left_alone(demo: Demo) -> None:
    owner = DirectoryLock(demo.data_dir)
    owner.acquire()
    try:
        demo.start()
        exit_code = demo.wait()
    finally:
        owner.release()

    assert exit_code == 1
    assert f"in use by process {os.getpid()}" in demo.text()
    assert not (demo.data_dir / "postgres").exists()
