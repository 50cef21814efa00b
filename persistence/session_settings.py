"""What each session is told after it connected, and what is then read back.

The code reads dates, bytes and numbers in one form, plans by index and finds tables in
one schema. Databases, roles, libpq's environment and URLs may set all that otherwise,
so it is set by one query and checked by another: libpq's ``options`` would be shorter,
but PgBouncer refuses them, and nothing tells when they are lost.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from psycopg import RawCursor

from orders.persistence.bounded import BoundedConnection
from orders.persistence.failures import POOLED, UnsuitableServerError
from orders.persistence.statements import Statement, Statements

# https://www.postgresql.org/docs/current/runtime-config-client.html
RELIED_ON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client_encoding": "UTF8",
        "datestyle": "ISO, YMD",
        "intervalstyle": "postgres",
        "timezone": "UTC",
        "bytea_output": "hex",
        "extra_float_digits": "1",
        "search_path": "public",
        "standard_conforming_strings": "on",
        "transform_null_equals": "off",
        "array_nulls": "on",
        "row_security": "on",
        "default_transaction_isolation": "read committed",
        "default_transaction_deferrable": "off",
        # The warning of an unreplicated commit must come through.
        "client_min_messages": "warning",
    }
)
"""Neither a URL nor anything else may have these otherwise."""

_PREFERRED: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Plans must not depend on what a table held when they were first made.
        "plan_cache_mode": "force_generic_plan",
        "jit": "off",
        "enable_indexscan": "on",
        "enable_nestloop": "on",
    }
)

_WHERE_KNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {"idle_session_timeout": "0", "transaction_timeout": "0"}
)
"""Since PostgreSQL 14 and 17; they would end what has limits of its own."""

_OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w.-]*)=((?:\\.|\S)*)", re.ASCII)
_SESSION = Statements("session.sql")


def given_settings(options: str) -> dict[str, str]:
    """Return the settings in libpq's ``options``, which are set as ours are.

    Raises:
        UnsuitableServerError: they are not of the form ``-c name=value``, or change
            what the code relies on.

    """
    rest = _OPTION.sub("", options)
    if rest.strip():
        raise UnsuitableServerError(
            "the options of the database's URL may hold -c name=value alone"
        )
    given = {
        name.lower().replace("-", "_"): re.sub(r"\\(.)", r"\1", value)
        for name, value in _OPTION.findall(options)
    }
    for name, value in given.items():
        wanted = RELIED_ON.get(name)
        if wanted is not None and value.strip("\"'").lower() != wanted.lower():
            raise UnsuitableServerError(
                f"the options of the database's URL change {name}: this service works"
                f" with {wanted} alone"
            )
    return given


def settle(connection: BoundedConnection, settings: Mapping[str, str]) -> None:
    """Apply ``settings`` over the common ones, and see that the session keeps them.

    Raises:
        UnsuitableServerError: the session cannot be used, whatever is tried again.
        psycopg.Error: the server did not answer.

    """
    wanted = {**_WHERE_KNOWN, **_PREFERRED, **settings, **RELIED_ON}
    first, applied = _ask(connection, _SESSION["apply_settings"], wanted)
    second, kept = _ask(connection, _SESSION["read_settings"], wanted)
    lacking = wanted.keys() - applied.keys() - _WHERE_KNOWN.keys()
    if lacking:
        raise UnsuitableServerError(
            f"the server does not know the setting {', '.join(sorted(lacking))}"
        )
    if first != second or any(kept.get(name) != applied[name] for name in applied):
        raise UnsuitableServerError(POOLED)
    if kept["server_encoding"] != "UTF8":
        raise UnsuitableServerError(
            f"the database's encoding is {kept['server_encoding']}: make one with UTF8"
        )
    if kept["session_replication_role"] != "origin":
        raise UnsuitableServerError(
            "session_replication_role is not origin: the triggers that guard the"
            " history would not run"
        )
    connection.backend_pid = first


def _ask(
    connection: BoundedConnection, statement: Statement, wanted: Mapping[str, str]
) -> tuple[int, dict[str, str]]:
    names, values = list(wanted), list(wanted.values())
    with RawCursor(connection) as cursor:
        cursor.execute(statement.text, (names, values), prepare=False)
        [(pid, found)] = cursor.fetchall()
    return pid, dict(found)
