"""Which CPU the node runs on."""

import os
from pathlib import Path


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
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), {cpu})
