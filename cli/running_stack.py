"""Finds the embedded servers that another process runs; starts and changes nothing."""

from pathlib import Path


def running_database_url(data_dir: Path) -> str | None:
    """Return the URL of the embedded PostgreSQL of ``data_dir``, None if none runs."""
    from orders.devstack.postgres import EmbeddedPostgres  # noqa: PLC0415

    directory = data_dir / "postgres"
    port = _port_of_running(directory)
    return None if port is None else EmbeddedPostgres(directory, port).url


def running_brokers(data_dir: Path) -> str | None:
    """Return the address of the embedded Kafka of ``data_dir``, None if none runs."""
    from orders.devstack.kafka import EmbeddedKafka  # noqa: PLC0415

    directory = data_dir / "kafka"
    port = _port_of_running(directory)
    return None if port is None else EmbeddedKafka(directory, port).bootstrap_servers


def _port_of_running(directory: Path) -> int | None:
    """Return the port kept in ``directory`` if the process noted there still runs.

    The process must have the directory in its command line: a pid may have gone to
    another program since.
    """
    from orders.devstack.processes import command_line  # noqa: PLC0415

    try:
        pid = int((directory / "server.pid").read_text("ascii"))
        port = int((directory / "port").read_text("ascii"))
    except (OSError, ValueError):  # never started, about to be, or not ours to read
        return None
    return port if str(directory.resolve()) in command_line(pid) else None
