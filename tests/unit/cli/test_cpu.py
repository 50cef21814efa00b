"""A node runs on the CPU that it is given, or that it finds."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from orders.cli.cpu import running_on, stay_on, used_seconds

STAY = """
import os, sys, threading, time
from orders.cli.cpu import running_on
where = {}
told = threading.Event()

def note(name):
    told.wait(30)
    where[name] = os.sched_getaffinity(0)

earlier = threading.Thread(target=note, args=["earlier"])
earlier.start()
with running_on(sys.argv[1], None):
    later = threading.Thread(target=note, args=["later"])
    later.start()
    told.set()
    for thread in (earlier, later):
        thread.join()
print(where["earlier"], where["later"], os.sched_getaffinity(0))
"""


def said_by(program: str, *arguments: str) -> str:
    """Return what a process of its own prints: this one is to run on any CPU."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout


def test_all_threads_stay_on_the_cpu_whenever_they_started() -> None:
    cpu = min(os.sched_getaffinity(0))

    said = said_by(STAY, str(cpu))

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
    said = said_by(FOLLOW)

    assert said.strip() == "cpu.chosen True"


TROUBLE = """
import os, threading, time
import orders.cli.cpu as cpu

class Log:
    def info(self, event, cpu):
        chosen.release()

    def warning(self, event, error):
        print(event, error, os.sched_getaffinity(os.getpid()) == every)
        trouble.clear()
        warned.release()

def used_seconds():
    if trouble.is_set():
        raise OSError("too many open files")
    return real()

every, real = os.sched_getaffinity(0), cpu.used_seconds
chosen, warned = threading.Semaphore(0), threading.Semaphore(0)
trouble = threading.Event()
cpu.used_seconds, cpu._LOOK_SECONDS = used_seconds, (0.01, 0.02)
time.process_time = time.monotonic
with cpu.running_on("auto", Log()):
    chosen.acquire(timeout=30)
    trouble.set()
    warned.acquire(timeout=30)
    print(chosen.acquire(timeout=30))
"""


def test_a_node_that_cannot_look_runs_anywhere_until_it_can() -> None:
    said = said_by(TROUBLE)

    assert said.splitlines() == [
        "cpu.left_to_the_system too many open files True",
        "True",
    ]


def test_any_cpu_is_no_choice() -> None:
    allowed = os.sched_getaffinity(0)

    with running_on("any", SimpleNamespace()):
        assert os.sched_getaffinity(0) == allowed
        assert "cpu-keeper" not in {thread.name for thread in threading.enumerate()}


def test_a_number_that_is_not_ours_is_refused() -> None:
    other = max(os.sched_getaffinity(0)) + 1

    with (
        pytest.raises(OSError, match=f"ORDERS_CPU is {other}"),
        running_on(str(other), SimpleNamespace()),
    ):
        raise AssertionError("it runs there")


def test_it_is_known_how_much_a_cpu_was_in_use() -> None:
    assert sum(used_seconds().values()) > 0
