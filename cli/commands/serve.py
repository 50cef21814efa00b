"""``orders serve``."""

import typer


def serve() -> None:
    """Run one node in the foreground, as run.py does.

    Example: ORDERS_CONFIG_FILE=/etc/orders.toml orders serve
    """
    from orders.cli.serve import serve as run  # noqa: PLC0415

    raise typer.Exit(run())
