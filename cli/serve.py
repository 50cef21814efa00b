"""Serve: from the environment to a running node, and back."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from orders.cli.composition import compose
from orders.config.exit_codes import START_FAILED
from orders.config.logs import configure_logs
from orders.config.settings import Settings, SettingsError, load_settings
from orders.config.signals import install_signals

_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are."""

    database_url: str
    bootstrap_servers: str


def serve(environ: Mapping[str, str] = os.environ) -> int:
    """Run one node until it is told to stop; return the exit code."""
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return START_FAILED
    configure_logs(settings.log.format, settings.log.level, settings.node_name)
    # Threads hand work to each other every few hundred microseconds; the default of
    # 5 ms would make each hand-over wait for that long.
    sys.setswitchinterval(_SWITCH_SECONDS)
    with servers(settings) as addresses:
        node = compose(settings, addresses.database_url, addresses.bootstrap_servers)
        install_signals(node.stop_soon)
        return node.run(_invite if settings.wants_embedded_database else None)


@contextmanager
def servers(settings: Settings) -> Iterator[Addresses]:
    """Give the addresses of the settings, or start what is wanted embedded."""
    if not (settings.wants_embedded_database or settings.wants_embedded_kafka):
        url = settings.database.url.get_secret_value()
        yield Addresses(url, settings.kafka.bootstrap_servers)
        return
    # Only here, so that a node in production does not need the `embedded` extra.
    from orders.devstack.stack import EmbeddedStack  # noqa: PLC0415

    with EmbeddedStack(settings.data_dir, progress=_say) as stack:
        yield Addresses(stack.database_url, stack.bootstrap_servers)


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
