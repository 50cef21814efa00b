"""A node runs on the CPU that it is given, or that it finds."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from orders.cli.cpu import running_on, stay_on, used_seconds

STAY = """
import os, sys, threading, time
from orders.cli.cpu import stay_on
where = {}
told = threading.Event()

def note(name):
    told.wait(30)
    where[name] = os.sched_getaffinity(0)

earlier = threading.Thread(target=note, args=["earlier"])
earlier.start()
stay_on(int(sys.argv[1]))
later = threading.Thread(target=note, args=["later"])
later.start()
told.set()
for thread in (earlier, later):
    thread.join()
print(where["earlier"], where["later"], os.sched_getaffinity(0))
"""


def test_all_threads_stay_on_the_cpu_whenever_they_started() -> None:
    cpu = min(os.sched_getaffinity(0))

    said = subprocess.run(
        [sys.executable, "-c", STAY, str(cpu)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout

    assert said.strip() == f"{{{cpu}}} {{{cpu}}} {{{cpu}}}"


def test_a_cpu_that_is_not_ours_is_refused_with_those_that_are() -> None:
    allowed = os.sched_getaffinity(0)
    other = max(allowed) + 1

    with pytest.raises(OSError, match=f"ORDERS_CPU is {other}.* {max(allowed)}$"):
        stay_on(other)

    assert os.sched_getaffinity(0) == allowed


FOLLOW = """
import os, threading, time
from orders.cli.cpu import running_on

class Log:
    def info(self, event, cpu):
        print(event, os.sched_getaffinity(os.getpid()) == {cpu})
        told.set()

told = threading.Event()
time.process_time = time.monotonic  # as if all of a CPU were ours
with running_on("auto", Log()):
    told.wait(30)
"""


def test_a_busy_process_is_soon_kept_on_one_cpu() -> None:
    said = subprocess.run(
        [sys.executable, "-c", FOLLOW],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout

    assert said.strip() == "cpu.chosen True"


@pytest.mark.parametrize("choice", ["any", "auto"])
def test_an_idle_process_is_left_alone(choice: str) -> None:
    allowed = os.sched_getaffinity(0)

    with running_on(choice, SimpleNamespace()):
        assert os.sched_getaffinity(0) == allowed


def test_a_number_is_stayed_on() -> None:
    other = max(os.sched_getaffinity(0)) + 1

    with (
        pytest.raises(OSError, match=f"ORDERS_CPU is {other}"),
        running_on(str(other), SimpleNamespace()),
    ):
        raise AssertionError("it runs there")


def test_every_cpu_of_ours_has_been_in_use() -> None:
    used = used_seconds()

    assert set(used) >= os.sched_getaffinity(0)
    assert all(seconds > 0 for seconds in used.values())
