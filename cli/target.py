"""What a command works on: the settings, and the servers they lead to."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orders.cli.failure import CommandError
from orders.cli.running_stack import running_brokers, running_database_url

if TYPE_CHECKING:
    from orders.config.settings import Settings
    from orders.persistence.operator_reads import OperatorReads

_TABLE_MISSING = "42P01"
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to connect to


def read_settings(environ: Mapping[str, str] = os.environ) -> "Settings":
    """Read the settings as a node does.

    Raises:
        CommandError: they are wrong; the text lists every error.

    """
    # Imported here: it takes longer than all of `orders --help` may.
    from orders.cli.given_settings import given_settings  # noqa: PLC0415
    from orders.config.settings import SettingsError  # noqa: PLC0415

    try:
        return given_settings(environ)
    except SettingsError as error:
        raise CommandError(str(error)) from error


def local_url(host: str, port: int) -> str:
    """Return where this machine reaches a node that listens on ``host`` and ``port``.

    A node on every address is found on the loopback.
    """
    return origin(_ANY_ADDRESS.get(host, host), port)


def origin(host: str, port: int) -> str:
    """Return the URL of ``host`` and ``port``; IPv6 in brackets (RFC 3986, 3.2.2)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def database_url(settings: "Settings") -> str:
    """Return the database's address; of the running stack where it is embedded.

    Raises:
        CommandError: it is embedded, and does not run.

    """
    if settings.wants_embedded_database:
        return _running(running_database_url, "PostgreSQL", settings.data_dir)
    return settings.database.url.get_secret_value()


def bootstrap_servers(settings: "Settings") -> str:
    """Return the brokers' addresses; of the running stack where it is embedded.

    Raises:
        CommandError: it is embedded, and does not run.

    """
    if settings.wants_embedded_kafka:
        return _running(running_brokers, "Kafka", settings.data_dir)
    return settings.kafka.bootstrap_servers


@contextmanager
def database_reads() -> "Iterator[OperatorReads]":
    """Give read access to the database that the settings name.

    Raises:
        CommandError: no settings, no embedded stack, or no schema.
        DatabaseUnavailableError: PostgreSQL does not answer.

    """
    from orders.persistence.operator_reads import operator_reads  # noqa: PLC0415

    url = database_url(read_settings())
    with operator_reads(url) as reads, tells_missing_tables():
        yield reads


@contextmanager
def tells_missing_tables() -> Iterator[None]:
    """Say plainly what to do where the database has no tables yet.

    Raises:
        CommandError: what is run inside found no schema.

    """
    from orders.domain.errors import DatabaseUnavailableError  # noqa: PLC0415

    try:
        yield
    except DatabaseUnavailableError as error:
        if _TABLE_MISSING in str(error):
            raise CommandError(
                "the database lacks tables: run `orders migrate` first"
            ) from error
        raise


def _running(find: Callable[[Path], str | None], name: str, data_dir: Path) -> str:
    address = find(data_dir)
    if address is None:
        raise CommandError(
            f"the embedded {name} of {data_dir.resolve()} does not run: start it with "
            "`make run`, or name the directory of the one that runs in ORDERS_DATA_DIR"
        )
    return address
