"""``orders dead-letters``."""

import base64
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from orders.cli.failure import CommandError
from orders.cli.output import AsJson, print_json, print_rows, print_table
from orders.cli.target import database_reads

if TYPE_CHECKING:
    from orders.persistence.operator_reads import StoredLetter

_MAX_ID = 2**63 - 1

app = typer.Typer(
    help="Records of the topic that nobody could process.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Letters to show.")] = 20,
    before: Annotated[
        int, typer.Option(min=1, max=_MAX_ID, help="Go on below this one.")
    ] = _MAX_ID,
    as_json: AsJson = False,
) -> None:
    """List dead letters, newest first.

    Example: orders dead-letters list --limit 5
    """
    with database_reads() as reads:
        letters = reads.newest_dead_letters(limit, before=before)
    if as_json:
        print_json(letters)
        return
    rows = [
        (it.dead_letter_id, it.buried_at, it.topic, it.partition, it.offset, it.reason)
        for it in letters
    ]
    print_table(("ID", "BURIED", "TOPIC", "PARTITION", "OFFSET", "REASON"), rows)
    if len(letters) == limit:
        last = letters[-1].dead_letter_id
        print(f"older ones: --before {last}", file=sys.stderr)


@app.command("show")
def show_letter(
    letter_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=_MAX_ID)],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter, whole; bytes are text, in JSON base64.

    Example: orders dead-letters show 7
    """
    with database_reads() as reads:
        letter = reads.find_dead_letter(letter_id)
    if letter is None:
        raise CommandError(f"there is no dead letter {letter_id}")
    if as_json:
        print_json(_members(letter))
        return
    print_rows(_facts(letter))


def _members(letter: "StoredLetter") -> dict[str, object]:
    return {
        **dict(_head(letter)),
        "headers": json.loads(letter.headers),
        "key": letter.key,
        "value": letter.value,
    }


def _facts(letter: "StoredLetter") -> Iterator[tuple[str, object]]:
    yield from _head(letter)
    for name, value in json.loads(letter.headers):
        data = None if value is None else base64.b64decode(value)
        yield "header", f"{name}: {_text(data)}"
    yield "key", _text(letter.key)
    yield "value", _text(letter.value)


def _head(letter: "StoredLetter") -> Iterator[tuple[str, object]]:
    yield "dead_letter_id", letter.dead_letter_id
    yield "topic", letter.topic
    yield "partition", letter.partition
    yield "offset", letter.offset
    yield "reason", letter.reason
    yield "buried_at", letter.buried_at


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "backslashreplace")
