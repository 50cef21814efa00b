"""``orders demo``."""

import os
import time

import typer

from orders.cli.failure import CommandError
from orders.cli.output import AsJson, print_json
from orders.cli.target import read_settings

_ORDERS = 100
_SECONDS = 30.0
_EMBEDDED = {
    "ORDERS_DATABASE__URL": "embedded",
    "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "embedded",
}


def demo(as_json: AsJson = False) -> None:
    """Send 100 orders through the service and show them settle.

    It starts PostgreSQL, Kafka and a node in ORDERS_DATA_DIR and stops them again;
    a service that runs there already is used instead. One order in five reaches the
    payment limit and fails. Exit 1 if anything is not as it should be within 30 s.

    Example: ORDERS_DATA_DIR=/tmp/demo orders demo
    """
    from orders.cli.demo.client import DemoError  # noqa: PLC0415
    from orders.cli.demo.node import service  # noqa: PLC0415
    from orders.cli.demo.plan import plan_orders  # noqa: PLC0415
    from orders.cli.demo.screen import choose_screen, summary_lines  # noqa: PLC0415
    from orders.cli.demo.sending import send_orders  # noqa: PLC0415
    from orders.devstack.errors import DevstackError  # noqa: PLC0415

    settings = read_settings(_EMBEDDED | dict(os.environ))
    if not (settings.wants_embedded_database and settings.wants_embedded_kafka):
        raise CommandError(
            "the demo sends orders that nobody made, so it runs on the embedded "
            "stack alone: leave out ORDERS_DATABASE__URL and "
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS"
        )
    began = time.monotonic()
    screen = choose_screen(as_json=as_json)
    plan = plan_orders(_ORDERS, settings)
    try:
        with service(settings, screen.say) as url:
            with screen.watch() as watch:
                outcome = send_orders(url, plan, seconds=_SECONDS, watch=watch)
            for line in summary_lines(outcome):
                screen.say(line)
    except (DemoError, DevstackError) as error:
        raise CommandError(str(error)) from error
    screen.say(f"done in {time.monotonic() - began:.1f} s")
    if as_json:
        print_json(outcome)
    if outcome.problems:
        raise typer.Exit(1)
