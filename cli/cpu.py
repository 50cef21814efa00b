"""Which CPU the node runs on."""

import os


def stay_on(cpu: int) -> None:
    """Have this thread, and those that it starts later, run on ``cpu`` alone.

    Raises:
        OSError: the process may not run there, or the system cannot do this.

    """
    if not hasattr(os, "sched_setaffinity"):
        raise OSError("ORDERS_CPU needs Linux")
    allowed = os.sched_getaffinity(0)
    if cpu not in allowed:
        numbers = ", ".join(map(str, sorted(allowed)))
        raise OSError(f"ORDERS_CPU is {cpu}; this process may use {numbers}")
    os.sched_setaffinity(0, {cpu})
