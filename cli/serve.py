"""Serve: from the environment to a running node, and back."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from orders.cli.composition import compose
from orders.cli.cpu import stay_on
from orders.config.exit_codes import START_FAILED
from orders.config.logs import configure_logs, get_logger
from orders.config.settings import Settings, SettingsError, load_settings
from orders.config.signals import install_signals
from orders.failpoints.registry import arm
from orders.failpoints.specification import SpecificationError, parse
from orders.http.server import AddressUnavailableError

_LAST_LINES_SECONDS = 1.0
_ENDED_BY_SIGNAL = 128


class StartError(Exception):
    """The servers that the node needs could not be started."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are."""

    database_url: str
    bootstrap_servers: str


def serve(environ: Mapping[str, str] = os.environ) -> int:
    """Run one node until it is told to stop; return the exit code."""
    try:
        settings = load_settings(environ)
        arm_failpoints(settings.failpoints)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return START_FAILED
    sink = configure_logs(settings.log.format, settings.log.level, settings.node_name)
    if settings.failpoints:
        get_logger("orders").critical(
            "failpoints.armed", specification=settings.failpoints
        )
    # Until the node takes the signals over, embedded servers are being started:
    # leaving by an exception stops those that are up.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        with servers(settings) as addresses:
            if settings.cpu is not None:
                stay_on(settings.cpu)
            node = compose(
                settings,
                addresses.database_url,
                addresses.bootstrap_servers,
                log_lines_dropped=lambda: sink.dropped,
            )
            install_signals(node.stop_soon)
            return node.run(_invite if settings.wants_embedded_database else None)
    except (OSError, AddressUnavailableError, StartError) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return START_FAILED
    finally:
        sink.close(_LAST_LINES_SECONDS)


def arm_failpoints(specification: str) -> None:
    """Arm what a test asked for; before anything that has failpoints is made.

    Raises:
        SettingsError: the specification cannot be used.

    """
    try:
        arm(parse(specification))
    except SpecificationError as error:
        raise SettingsError([f"ORDERS_FAILPOINTS: {error}"]) from None


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(_ENDED_BY_SIGNAL + number)


@contextmanager
def servers(settings: Settings) -> Iterator[Addresses]:
    """Give the addresses of the settings, or start what is wanted embedded."""
    url = settings.database.url.get_secret_value()
    brokers = settings.kafka.bootstrap_servers
    if not (settings.wants_embedded_database or settings.wants_embedded_kafka):
        yield Addresses(url, brokers)
        return
    # Only here, so that a node in production does not need the `embedded` extra.
    from orders.devstack.errors import DevstackError  # noqa: PLC0415
    from orders.devstack.stack import EmbeddedStack  # noqa: PLC0415

    stack = EmbeddedStack(settings.data_dir, progress=_say)
    try:
        stack.start()
    except DevstackError as error:
        raise StartError(str(error)) from error
    try:
        yield Addresses(
            stack.database_url if settings.wants_embedded_database else url,
            stack.bootstrap_servers if settings.wants_embedded_kafka else brokers,
        )
    finally:
        stack.stop()


def _invite(api: str, operations: str) -> None:
    _say(f"""
Ready. Try:

  curl -s {api}/v1/orders -H 'Content-Type: application/json' -d '{{
    "user_id": 7, "currency": "EUR", "total": "99.80",
    "items": [{{"product_id": 3, "quantity": 2, "line_total": "99.80"}}]}}'

Watch it at {operations}/ui; the guide is README.md. Ctrl-C drains and stops.
""")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
