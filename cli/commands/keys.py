"""``orders keys``."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from orders.cli.failure import CommandError
from orders.cli.output import AsJson, print_json, print_table
from orders.cli.target import database_url, read_settings, tells_missing_tables
from orders.domain.api_keys import (
    MAX_ACTIVE_KEYS,
    TENANT_PATTERN,
    RateLimit,
    Scope,
    mint_key,
)
from orders.domain.order import DEFAULT_TENANT

if TYPE_CHECKING:
    from orders.persistence.api_keys import PostgresKeyStore

_TENANT = re.compile(TENANT_PATTERN, re.ASCII)
_KEY_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_PERIOD = re.compile(r"([1-9][0-9]{0,5})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_NAME = 100
_FASTEST = 1_000_000

app = typer.Typer(
    help="Who may use the API.", no_args_is_help=True, rich_markup_mode=None
)


def _tenant(text: str) -> str:
    if not _TENANT.fullmatch(text):
        raise typer.BadParameter("send 1 to 64 of A-Z a-z 0-9 _ . -")
    return text


def _name(text: str) -> str:
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise typer.BadParameter(f"send up to {_LONGEST_NAME} printable characters")
    return text


def _period(text: str) -> int:
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise typer.BadParameter("send a number and s, m, h or d, such as 90d")
    return int(match[1]) * _SECONDS[match[2]]


def _key_id(text: str) -> str:
    """Take an id alone: who pastes a whole key has shown it to the shell's history."""
    if not _KEY_ID.fullmatch(text):
        raise typer.BadParameter("send the 16 characters between ok_ and the next _")
    return text


@app.command("create")
def create(
    scope: Annotated[list[Scope], typer.Option(help="What it allows; repeat it.")],
    tenant: Annotated[
        str, typer.Option(help="Whose orders it is about.", parser=_tenant)
    ] = DEFAULT_TENANT,
    expires: Annotated[
        int | None,
        typer.Option(
            help="End after this time, such as 90d.",
            parser=_period,
            metavar="TIME",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="What you call it.", parser=_name)] = "",
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=_FASTEST,
            help="Requests a second on one node; the nodes' setting where not given.",
            show_default=False,
        ),
    ] = None,
    burst: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=_FASTEST,
            help="With --rate: requests that may come at once.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it; it cannot be shown again.

    Nodes take it within ORDERS_AUTH__REFRESH_SECONDS.

    Example: orders keys create --scope orders:write --scope orders:read --expires 90d
    """
    if burst is not None and rate is None:
        raise typer.BadParameter("--burst goes with --rate")
    limit = None if rate is None else RateLimit(rate, burst or max(1, int(rate)))
    key = mint_key()
    with _keys() as keys:
        record = keys.create(
            key,
            tenant_id=tenant,
            scopes=sorted(set(scope)),
            name=name,
            seconds=expires,
            limit=limit,
        )
    if record is None:
        raise CommandError(f"there are {MAX_ACTIVE_KEYS} keys already: revoke some")
    if as_json:
        print_json({"key": key.text, **asdict(record)})
        return
    print(key.text)
    print(f"keep it now: only its id, {key.key_id}, is shown again", file=sys.stderr)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, without what is secret in them.

    Example: orders keys list
    """
    with _keys() as keys:
        records = sorted(keys.keys(), key=lambda it: (it.created_at, it.key_id))
    if as_json:
        print_json(records)
        return
    print_table(
        ("ID", "TENANT", "SCOPES", "NAME", "CREATED", "EXPIRES", "REVOKED"),
        [
            (
                *(it.key_id, it.tenant_id, " ".join(it.scopes), it.name or None),
                *(it.created_at, it.expires_at, it.revoked_at),
            )
            for it in records
        ],
    )


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", parser=_key_id)],
    as_json: AsJson = False,
) -> None:
    """Revoke a key for good; nodes refuse it within ORDERS_AUTH__REFRESH_SECONDS.

    Example: orders keys revoke 0f1e2d3c4b5a6978
    """
    with _keys() as keys:
        record = keys.revoke(key_id)
    if record is None:
        raise CommandError(f"there is no key {key_id}")
    if as_json:
        print_json(record)
        return
    print(f"revoked {key_id}")


@contextmanager
def _keys() -> "Iterator[PostgresKeyStore]":
    from orders.persistence.api_keys import operator_keys  # noqa: PLC0415

    url = database_url(read_settings())
    with operator_keys(url) as keys, tells_missing_tables():
        yield keys
