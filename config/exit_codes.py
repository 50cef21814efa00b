"""How the process says why it ended; listed in docs/operations.md."""

DRAINED = 0
"""Asked to stop, and drained."""
START_FAILED = 1
"""Settings, schema or a server's properties do not allow a start."""
USAGE = 2
"""The command line was wrong."""
ESCALATED = 70
"""Gave up on itself, to be restarted from outside (EX_SOFTWARE of sysexits.h)."""
FORCED = 75
"""Told a second time to stop, and left without draining (EX_TEMPFAIL)."""
