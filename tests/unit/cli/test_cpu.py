"""A node that is given a CPU stays on it."""

import os
import subprocess
import sys

import pytest

from orders.cli.cpu import stay_on

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
