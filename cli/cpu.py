"""Which CPU the node runs on."""

import os
import random
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orders.actors.ports import Log
from orders.cli.cpu_keeper import CpuKeeper
from orders.config.values import ANY_CPU, FOLLOW_THE_LOAD

_LOOK_SECONDS = (0.25, 0.75)
"""From one look to the next; random, so that two nodes do not move at once."""

_CPU_TIMES = Path("/proc/stat")
_THREADS = Path("/proc/self/task")
_USED_FIELDS = (0, 1, 2, 5, 6, 7)
"""user, nice, system, irq, softirq, steal; not idle and iowait (proc_stat(5))."""


@contextmanager
def running_on(choice: str, log: Log) -> Iterator[None]:
    """Run on the CPU that ``ORDERS_CPU`` chooses: a number, ``auto`` or ``any``.

    ``auto`` is ``any`` on a system that cannot do it.

    Raises:
        OSError: the process may not run on the CPU of that number.

    """
    if choice not in {ANY_CPU, FOLLOW_THE_LOAD}:
        stay_on(int(choice))
    if choice != FOLLOW_THE_LOAD or not _can_follow_the_load():
        yield
        return
    over = threading.Event()
    watch = threading.Thread(
        target=_follow_the_load, args=(over, log), name="cpu-keeper", daemon=True
    )
    watch.start()
    try:
        yield
    finally:
        over.set()


def stay_on(cpu: int) -> None:
    """Have all threads of this process, and later ones, run on ``cpu`` alone.

    Processes that it started before stay where they are.

    Raises:
        OSError: the process may not run there, or the system cannot do this.

    """
    if not hasattr(os, "sched_setaffinity"):
        raise OSError("ORDERS_CPU needs Linux")
    allowed = os.sched_getaffinity(0)
    if cpu not in allowed:
        numbers = ", ".join(map(str, sorted(allowed)))
        raise OSError(f"ORDERS_CPU is {cpu}; this process may use {numbers}")
    _run_on({cpu})


def used_seconds() -> dict[int, float]:
    """Return how long each CPU was in use.

    Raises:
        OSError: the system does not tell.

    """
    tick = os.sysconf("SC_CLK_TCK")
    used = {}
    for line in _CPU_TIMES.read_text("ascii").splitlines():
        name, *fields = line.split()
        number = name.removeprefix("cpu")
        if name.startswith("cpu") and number:
            used[int(number)] = sum(int(fields[it]) for it in _USED_FIELDS) / tick
    return used


def _can_follow_the_load() -> bool:
    return hasattr(os, "sched_setaffinity") and _CPU_TIMES.exists()


def _follow_the_load(over: threading.Event, log: Log) -> None:
    every = os.sched_getaffinity(0)
    keeper: CpuKeeper | None = None
    while not over.wait(random.uniform(*_LOOK_SECONDS)):  # noqa: S311 - no secret
        try:
            if keeper is None:
                keeper = _new_keeper(log)
            else:
                keeper.look()
        except OSError as error:  # out of descriptors, or the CPUs have changed
            keeper = None
            with suppress(OSError):
                _run_on(every)
            log.warning("cpu.left_to_the_system", error=str(error))


def _new_keeper(log: Log) -> CpuKeeper:
    return CpuKeeper(
        os.sched_getaffinity(0),
        log,
        used=used_seconds,
        own_seconds=time.process_time,
        clock=time.monotonic,
        run_on=_run_on,
    )


def _run_on(cpus: Collection[int]) -> None:
    for thread in _THREADS.iterdir():
        try:
            os.sched_setaffinity(int(thread.name), cpus)
        except ProcessLookupError:
            continue  # it has ended meanwhile
