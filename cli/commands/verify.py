"""``orders verify``."""

import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orders.cli.failure import CommandError, reason_of
from orders.cli.output import AsJson, print_json, print_rows, print_table
from orders.cli.service_check import check_service, rules_of
from orders.cli.streams import OutputError
from orders.cli.target import read_settings
from orders.domain.errors import UnavailableError

if TYPE_CHECKING:
    from orders.verification.verdict import Verdict

_VIOLATED = 1
_CANNOT_CHECK = 2
_PROGRESS_SECONDS = 5.0


def verify(
    journal: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="What a client saw; may be repeated. Without one, real_time is not"
            " checked, lost and duplicates in part.",
        ),
    ] = None,
    journal_is_complete: Annotated[
        bool,
        typer.Option(
            "--journal-is-complete",
            help="The journals tell of every request ever made.",
        ),
    ] = False,
    grace: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="What is younger may be under way. Without it,"
            " twice ORDERS_SWEEPER__ABANDONED_AFTER_SECONDS and 60 more.",
        ),
    ] = None,
    ignore_limit: Annotated[
        bool,
        typer.Option(
            "--ignore-limit",
            help="The payment limit was changed since the first order.",
        ),
    ] = False,
    witnesses: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Show so many of each group, not ten."),
    ] = None,
    metrics: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write Prometheus text to this file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that nothing accepted was lost, doubled or settled twice.

    Reads PostgreSQL and the whole topic, beside running nodes, and changes nothing.
    Exit 0: nothing found in what was checked; 1: violations; 2: it could not check.

    Example: orders verify --metrics /var/lib/node_exporter/orders.prom
    """
    began = time.monotonic()
    try:
        settings = read_settings()
        rules = rules_of(settings, grace, journal_is_complete, ignore_limit, witnesses)
        verdict = check_service(settings, journal or [], rules, _Progress())
        show = _print_json if as_json else _print
        show(verdict)
        if metrics is not None:
            _write(metrics, verdict, time.monotonic() - began)
    except (CommandError, UnavailableError) as error:
        print(f"orders: cannot check: {reason_of(error)}", file=sys.stderr)
        raise typer.Exit(_CANNOT_CHECK) from error
    except OutputError:
        raise
    except Exception as error:  # 1 would say that promises are broken
        traceback.print_exc()
        print(f"orders: cannot check: {error!r}", file=sys.stderr)
        raise typer.Exit(_CANNOT_CHECK) from error
    if not verdict.ok:
        raise typer.Exit(_VIOLATED)


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


def _print_json(verdict: "Verdict") -> None:
    from orders.verification.verdict import Extent  # noqa: PLC0415

    unchecked = [it for it, by in verdict.limited.items() if by is Extent.NONE]
    print_json(
        {
            "ok": verdict.ok,
            "counts": verdict.counts,
            "violations": {
                group: count
                for group, count in verdict.violations.items()
                if group not in unchecked
            },
            "limited": verdict.limited,
            "findings": verdict.findings,
        }
    )


def _print(verdict: "Verdict") -> None:
    from orders.verification.verdict import Extent  # noqa: PLC0415

    print_rows(
        (name.replace("_", " "), count) for name, count in verdict.counts.items()
    )
    print()
    groups = [
        (group, "-" if extent is Extent.NONE else count, extent)
        for group, count in verdict.violations.items()
        for extent in (verdict.extent(group),)
    ]
    print_table(("GROUP", "VIOLATIONS", "CHECKED"), groups)
    if verdict.findings:
        print()
        rows = [(it.group, it.rule, it.order_id, it.detail) for it in verdict.findings]
        print_table(("GROUP", "RULE", "ORDER", "DETAIL"), rows)
    print()
    right = "nothing is wrong" + (" in what was checked" if verdict.limited else "")
    print(right if verdict.ok else "promises are broken")
