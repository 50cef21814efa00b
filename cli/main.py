"""The operator's command line: ``orders <command>``.

Exit codes: 0 done, 1 failed, not found or not written, 2 wrong usage. Commands import
what they need when they run, so that ``--help`` is instant.
"""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from orders.cli.commands import (
    api,
    cancel,
    check,
    config,
    dead_letters,
    demo,
    history,
    keys,
    listing,
    load,
    migrate,
    refund,
    retry,
    serve,
    show,
    status,
    topics,
    verify,
    version,
)
from orders.cli.failure import CommandError, reason_of
from orders.cli.streams import OutputError, give_output_up, guard_streams
from orders.domain.errors import BrokerUnavailableError, DatabaseUnavailableError

FAILED = 1

app = typer.Typer(
    name="orders",
    help="Run and look after the order service. Settings come from the environment, "
    "as for a node.\n\nExample: orders check && orders serve",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help is instant
)
app.command("serve")(serve.serve)
app.command("migrate")(migrate.migrate)
app.command("check")(check.check)
app.command("config")(config.config)
app.command("topics")(topics.topics)
app.command("status")(status.status)
app.command("list")(listing.list_orders)
app.command("show")(show.show)
app.command("history")(history.history)
app.command("cancel")(cancel.cancel)
app.command("retry")(retry.retry)
app.command("refund")(refund.refund)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(keys.app, name="keys")
app.command("verify")(verify.verify)
app.command("load")(load.load)
app.command("api")(api.api)
app.command("demo")(demo.demo)
app.command("version")(version.version)


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, ``sys.argv`` where no words are given, and exit."""
    guard_streams()
    try:
        try:
            app(words)
        finally:
            sys.stdout.flush()
    except CommandError as error:
        _fail(str(error))
    except DatabaseUnavailableError as error:
        _fail(f"PostgreSQL: {reason_of(error)}")
    except BrokerUnavailableError as error:
        _fail(reason_of(error))
    except OSError as error:
        _fail(" ".join(reason_of(error).split()))
    except OutputError as error:
        give_output_up()
        _fail(str(error))
    sys.exit()


def _fail(text: str) -> NoReturn:
    print(f"orders: {text}", file=sys.stderr)
    sys.exit(FAILED)


if __name__ == "__main__":
    main()
