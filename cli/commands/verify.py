"""``orders verify``."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orders.cli.failure import CommandError
from orders.cli.output import AsJson, print_json, print_rows, print_table
from orders.cli.target import bootstrap_servers, database_url, read_settings
from orders.domain.errors import UnavailableError

if TYPE_CHECKING:
    from orders.config.settings import Settings
    from orders.verification.rules import Rules
    from orders.verification.verdict import Verdict

_VIOLATED = 1
_CANNOT_CHECK = 2
_PROGRESS_SECONDS = 5.0
_SECONDS_PER_HOUR = 3600


def verify(
    journal: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What a client saw; may be repeated."),
    ] = None,
    journal_is_complete: Annotated[
        bool,
        typer.Option(
            "--journal-is-complete",
            help="The journals tell of every request ever made.",
        ),
    ] = False,
    grace: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="What is younger may be under way."
        ),
    ] = 60.0,
    ignore_limit: Annotated[
        bool,
        typer.Option(
            "--ignore-limit",
            help="The payment limit was changed since the first order.",
        ),
    ] = False,
    metrics: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write Prometheus text to this file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that nothing accepted was lost, doubled or settled twice.

    Reads PostgreSQL and the whole topic, beside running nodes, and changes nothing.
    Exit 0: nothing found; 1: violations; 2: it could not check.

    Example: orders verify --metrics /var/lib/node_exporter/orders.prom
    """
    began = time.monotonic()
    try:
        settings = read_settings()
        rules = _rules(settings, grace, journal_is_complete, ignore_limit)
        verdict = _check(settings, journal or [], rules)
        if metrics is not None:
            _write(metrics, verdict, time.monotonic() - began)
    except (CommandError, UnavailableError) as error:
        print(f"orders: cannot check: {' '.join(str(error).split())}", file=sys.stderr)
        raise typer.Exit(_CANNOT_CHECK) from error
    if as_json:
        print_json(
            {
                "ok": verdict.ok,
                "counts": verdict.counts,
                "violations": verdict.violations,
                "findings": verdict.findings,
            }
        )
    else:
        _print(verdict)
    if not verdict.ok:
        raise typer.Exit(_VIOLATED)


def _rules(
    settings: "Settings", grace: float, journal_is_complete: bool, ignore_limit: bool
) -> "Rules":
    from orders.domain.payment import PaymentRule  # noqa: PLC0415
    from orders.verification.rules import Rules  # noqa: PLC0415

    payment = settings.payment
    return Rules(
        None if ignore_limit else PaymentRule(payment.limit, payment.limits),
        grace,
        settings.sweeper.key_retention_hours * _SECONDS_PER_HOUR,
        journal_is_complete,
    )


def _check(settings: "Settings", journals: list[Path], rules: "Rules") -> "Verdict":
    from orders.cli.adapters import security_of  # noqa: PLC0415
    from orders.cli.verification import verify as run  # noqa: PLC0415
    from orders.messaging.topic_audit import TopicMissingError  # noqa: PLC0415
    from orders.verification.journal import JournalError  # noqa: PLC0415

    try:
        return run(
            database_url(settings),
            bootstrap_servers(settings),
            settings.kafka.topic,
            settings.kafka.group,
            journals,
            rules,
            security=security_of(settings.kafka),
            progress=_Progress(),
        )
    except (JournalError, OSError, TopicMissingError) as error:
        raise CommandError(str(error)) from error


def _write(path: Path, verdict: "Verdict", seconds: float) -> None:
    from orders.cli.verification_metrics import write_metrics  # noqa: PLC0415

    try:
        write_metrics(path, verdict, finished=time.time(), seconds=seconds)
    except OSError as error:
        raise CommandError(str(error)) from error


class _Progress:
    """Says on standard error how far a long check has come."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()

    def __call__(self, what: str, count: int) -> None:
        now = time.monotonic()
        if now - self._told_at >= _PROGRESS_SECONDS:
            self._told_at = now
            print(f"{count} {what} read", file=sys.stderr, flush=True)


def _print(verdict: "Verdict") -> None:
    print_rows(
        (name.replace("_", " "), count) for name, count in verdict.counts.items()
    )
    print()
    print_table(("GROUP", "VIOLATIONS"), verdict.violations.items())
    if verdict.findings:
        print()
        rows = [(it.group, it.rule, it.order_id, it.detail) for it in verdict.findings]
        print_table(("GROUP", "RULE", "ORDER", "DETAIL"), rows)
    print()
    print("nothing is wrong" if verdict.ok else "promises are broken")
