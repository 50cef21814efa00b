"""Serve: from the environment to a running node, and back."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from orders.cli.composition import compose
from orders.cli.cpu import running_on
from orders.cli.given_settings import given_settings
from orders.config.exit_codes import START_FAILED
from orders.config.logs import configure_logs, get_logger
from orders.config.settings import Settings, SettingsError
from orders.config.signals import install_signals
from orders.failpoints.registry import arm
from orders.failpoints.specification import SpecificationError, parse
from orders.http.addresses import AddressUnavailableError

_LAST_LINES_SECONDS = 1.0
_ENDED_BY_SIGNAL = 128
_MAKE_A_KEY = """
  # once, to make the KEY; it is taken after some seconds:
  ORDERS_DATABASE__URL=embedded ORDERS_KAFKA__BOOTSTRAP_SERVERS=embedded \\
    .venv/bin/orders keys create --tenant demo --scope orders:write --scope orders:read
"""


class StartError(Exception):
    """The node cannot have the servers or the ports that it needs."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are."""

    database_url: str
    bootstrap_servers: str


def serve(environ: Mapping[str, str] = os.environ) -> int:
    """Run one node until it is told to stop; return the exit code."""
    try:
        settings = given_settings(environ)
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
        with (
            servers(settings) as addresses,
            running_on(settings.cpu, get_logger("orders.cpu")),
        ):
            with _names_setting("OPERATIONS"):
                node = compose(
                    settings,
                    addresses.database_url,
                    addresses.bootstrap_servers,
                    log_lines_dropped=lambda: sink.dropped,
                )
            install_signals(node.stop_soon)
            with _names_setting("HTTP"):
                return node.run(_inviting(settings))
    except (OSError, StartError) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return START_FAILED
    finally:
        sink.close(_LAST_LINES_SECONDS)


def _inviting(settings: Settings) -> Callable[[str, str], None] | None:
    """Return what invites the person who started the embedded servers, if one did."""
    if not settings.wants_embedded_database:
        return None
    keys = settings.wants_keys
    return lambda api, operations: _say(invitation(api, operations, wants_keys=keys))


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
    except OSError as error:
        place = settings.data_dir.resolve()
        raise StartError(f"{error}; set ORDERS_DATA_DIR, now {place}") from error
    try:
        yield Addresses(
            stack.database_url if settings.wants_embedded_database else url,
            stack.bootstrap_servers if settings.wants_embedded_kafka else brokers,
        )
    finally:
        stack.stop()


@contextmanager
def _names_setting(section: str) -> Iterator[None]:
    """Say which setting of ``section`` to change where its address is not to be had.

    Raises:
        StartError: nobody can listen there.

    """
    try:
        yield
    except AddressUnavailableError as error:
        name = f"ORDERS_{section}__{'HOST' if error.is_of_host else 'PORT'}"
        raise StartError(f"{error}; set {name}") from error


def invitation(api: str, operations: str, *, wants_keys: bool) -> str:
    """Return what to try first on a node that is ready, with its addresses."""
    bearer = " -H 'Authorization: Bearer KEY'" if wants_keys else ""
    return f"""
Ready. Try:
{_MAKE_A_KEY if wants_keys else ""}
  curl -s {api}/v1/orders{bearer} -H 'Content-Type: application/json' -d '{{
    "user_id": 7, "currency": "EUR", "total": "99.80",
    "items": [{{"product_id": 3, "quantity": 2, "line_total": "99.80"}}]}}'

The API is described at {api}/docs; watch the node at {operations}/ui.
The guide is README.md. Ctrl-C drains and stops.
"""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
