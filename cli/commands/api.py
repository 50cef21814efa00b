"""``orders api``."""

from pathlib import Path
from typing import Annotated

import typer

from orders.cli.failure import CommandError
from orders.cli.output import print_json_text


def api(
    write: Annotated[
        Path | None,
        typer.Option(metavar="DIRECTORY", help="Write all the files there."),
    ] = None,
) -> None:
    """Print the OpenAPI document; with --write, write all descriptions of the API.

    They are those of this program: a node serves the same.

    Example: orders api --write docs
    """
    from orders.contract.documents import files  # noqa: PLC0415

    texts = files()
    if write is None:
        print_json_text(texts["openapi.json"].decode().rstrip("\n"))
        return
    for name, text in texts.items():
        path = write / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        print(path)
