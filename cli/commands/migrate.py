"""``orders migrate``."""

from typing import Annotated

import typer

from orders.cli.failure import CommandError
from orders.cli.output import AsJson, print_json
from orders.cli.target import database_url, read_settings


def migrate(
    only_check: Annotated[
        bool,
        typer.Option("--check", help="Only tell what is missing; exit 1 if any is."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema up to this version, as its owner.

    Connects to PostgreSQL directly, or through a pooler in session mode: a lock of the
    session keeps two migrations apart.

    Example: orders migrate --check || orders migrate
    """
    from orders.persistence import migrations  # noqa: PLC0415

    url = database_url(read_settings())
    try:
        names = migrations.pending(url) if only_check else migrations.migrate(url)
    except migrations.MigrationError as error:
        raise CommandError(" ".join(str(error).split())) from error
    if as_json:
        print_json({"missing" if only_check else "applied": names})
    else:
        for name in names:
            print(f"{'missing' if only_check else 'applied'}  {name}")
        if not names:
            print("the schema is up to date")
    if only_check and names:
        raise typer.Exit(1)
