"""``orders load``."""

import os
import ssl
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from orders.cli.failure import CommandError, reason_of
from orders.cli.output import AsJson, print_json
from orders.cli.service_check import check_service, rules_of
from orders.cli.target import database_reads, local_url, read_settings
from orders.domain.errors import UnavailableError

if TYPE_CHECKING:
    from orders.load.mix import Mix
    from orders.load.open_loop import LoadPlan, LoadResult
    from orders.verification.verdict import Verdict

_FAILED = 1
_CANNOT = 2
_SETTLE_SECONDS = 60.0
_LOOK_SECONDS = 0.2
_PORTS = {"http": 80, "https": 443}
_DATABASE = "ORDERS_DATABASE__URL"
_NO_SERVERS = {_DATABASE: "embedded", "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "embedded"}
"""For settings that are asked for the node's address alone."""


def load(
    rate: Annotated[
        float, typer.Option(min=0.1, max=100_000, help="Requests a second.")
    ] = 100.0,
    duration: Annotated[
        float, typer.Option(min=0.1, max=86_400, metavar="SECONDS", help="How long.")
    ] = 10.0,
    mix: Annotated[
        str,
        typer.Option(
            metavar="KIND=WEIGHT,...",
            help="order (/v1/orders), wait (with Prefer: wait), older (/Orders), read.",
        ),
    ] = "order=7,wait=1,older=1,read=1",
    keys: Annotated[
        bool,
        typer.Option("--keys/--no-keys", help="An Idempotency-Key for each order."),
    ] = True,
    url: Annotated[
        str | None,
        typer.Option(
            help="Where the API is; without it, at ORDERS_HTTP__HOST and PORT of this"
            " machine."
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(metavar="KEY|@FILE", help="An API key, or the file that has it."),
    ] = None,
    connections: Annotated[
        int, typer.Option(min=1, max=4096, help="Requests under way at once.")
    ] = 256,
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep what was seen, for orders verify."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check/--no-check",
            help="Check afterwards that nothing was lost, where the settings name the"
            " database; reads all of it.",
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Send orders at an even rate, and see that none is lost.

    The orders are real: send them to a system that is there for trying. Times count
    from when a request was due. Exit 0: all is well; 1: no order was accepted, an
    answer is none that is documented, or something was lost; 2: wrong usage, or the
    check could not be done.

    Example: orders load --rate 300 --duration 30 --mix order=9,read=1
    """
    with ExitStack() as exits:
        try:
            url = url or _own_url()
            plan = _plan(rate, duration, mix, keys, url, api_key, connections)
            if journal is None:
                folder = exits.enter_context(tempfile.TemporaryDirectory())
                journal = Path(folder) / "journal.jsonl"
            result = _run(plan, journal)
            silence = _silence(result, url)
            verdict, reason = (
                (None, silence) if silence else _verdict(journal, wanted=check)
            )
        except (CommandError, UnavailableError) as error:
            print(f"orders: {reason_of(error)}", file=sys.stderr)
            raise typer.Exit(_CANNOT) from error
    _tell(result, verdict, reason, as_json=as_json)
    if not result.accepted:
        why = f": {silence}" if silence else ""
        print(f"orders: no order was accepted{why}", file=sys.stderr)
    failed = result.undocumented or result.is_refused or not result.accepted
    if failed or (verdict is not None and not verdict.ok):
        raise typer.Exit(_FAILED)


def _plan(
    rate: float,
    duration: float,
    mix: str,
    keys: bool,
    url: str,
    api_key: str | None,
    connections: int,
) -> "LoadPlan":
    from orders.load.open_loop import LoadPlan  # noqa: PLC0415

    host, port, tls = _address(url)
    return LoadPlan(
        run=f"load-{uuid.uuid4().hex[:12]}",
        host=host,
        port=port,
        tls=tls,
        rate=rate,
        seconds=duration,
        connections=connections,
        mix=_mix(mix),
        keyed=keys,
        api_key=_api_key(api_key),
    )


def _own_url() -> str:
    """Return where the node of these settings listens, so that it is the one checked.

    Raises:
        CommandError: the settings are wrong, or leave the port to the node.

    """
    given = {name: value for name, value in os.environ.items() if value}
    settings = read_settings(given if _names_database() else _NO_SERVERS | given)
    if not settings.http.port:
        raise CommandError("ORDERS_HTTP__PORT is 0, any free port: give --url")
    return local_url(settings.http.host, settings.http.port)


def _names_database() -> bool:
    return bool(os.environ.get(_DATABASE) or os.environ.get(f"{_DATABASE}_FILE"))


def _silence(result: "LoadResult", url: str) -> str:
    """Say that no request found a connection; "" where one did."""
    if not 0 < result.sent == result.not_sent:
        return ""
    because = f" ({result.refusal})" if result.refusal else ""
    return f"no connection to {url}{because}"


def _mix(text: str) -> "Mix":
    from orders.load.mix import Mix, MixError  # noqa: PLC0415

    try:
        return Mix.parse(text)
    except MixError as error:
        raise CommandError(f"--mix: {error}") from error


def _address(url: str) -> tuple[str, int, ssl.SSLContext | None]:
    wrong = "--url: give http://host:port or https://host, without path and user"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text may quote a piece of a password
        raise CommandError(wrong) from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
        raise CommandError(wrong)
    if "@" in url:
        raise CommandError(wrong)
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    return parts.hostname, port or _PORTS[parts.scheme], tls


def _api_key(given: str | None) -> str | None:
    if given is None:
        return None
    key = given
    if given.startswith("@"):
        try:
            key = Path(given[1:]).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"--api-key: {error}") from error
    if not (key.isascii() and key.isprintable() and key):
        raise CommandError("--api-key: a key is one line of ASCII")
    return key


def _run(plan: "LoadPlan", journal: Path) -> "LoadResult":
    from orders.cli.load_run import run_load  # noqa: PLC0415
    from orders.verification.journal import JournalError  # noqa: PLC0415

    try:
        return run_load(plan, journal)
    except (OSError, JournalError) as error:
        raise CommandError(f"the journal: {error}") from error


def _verdict(journal: Path, *, wanted: bool) -> "tuple[Verdict | None, str]":
    """Return what the checker says, or why it says nothing."""
    if not wanted:
        return None, "--no-check"
    if not _names_database():
        return None, f"{_DATABASE} is not set"
    settings = read_settings()
    _await_settled()
    rules = rules_of(settings)
    return check_service(settings, [journal], rules, lambda _what, _count: None), ""


def _await_settled() -> None:
    """Give the orders their time; what is late then is for the checker to judge."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    with database_reads() as reads:
        while reads.unsettled().count and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)


def _tell(
    result: "LoadResult", verdict: "Verdict | None", reason: str, *, as_json: bool
) -> None:
    from orders.cli.load_report import (  # noqa: PLC0415
        as_data,
        print_result,
        print_verdict,
    )

    if as_json:
        print_json(as_data(result, verdict))
        return
    print_result(result)
    if result.is_refused:
        print("stopped: the API asks for another key; see --api-key")
    print_verdict(verdict, reason)
