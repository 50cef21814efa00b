"""A node that is given a CPU stays on it."""

import os
import threading

import pytest

from orders.cli.cpu import stay_on


def in_a_thread(work) -> list[object]:
    """Run ``work`` where it leaves this process as it was."""
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(work()))
    thread.start()
    thread.join()
    return seen


def test_threads_that_are_started_later_stay_there_too() -> None:
    cpu = min(os.sched_getaffinity(0))

    def stay_and_start() -> object:
        stay_on(cpu)
        return in_a_thread(lambda: os.sched_getaffinity(0))

    assert in_a_thread(stay_and_start) == [[{cpu}]]


def test_a_cpu_that_is_not_ours_is_refused_with_those_that_are() -> None:
    allowed = os.sched_getaffinity(0)
    other = max(allowed) + 1

    with pytest.raises(OSError, match=f"ORDERS_CPU is {other}.* {max(allowed)}$"):
        stay_on(other)

    assert os.sched_getaffinity(0) == allowed
