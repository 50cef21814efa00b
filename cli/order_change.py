"""Changing an order from the command line, as a client does over HTTP."""

import getpass
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from orders.cli.failure import CommandError
from orders.cli.order_view import get_order, order_facts, print_like_the_api
from orders.cli.output import print_rows
from orders.cli.target import database_reads, database_url, read_settings
from orders.domain.changing import (
    Action,
    AmountRefused,
    Changed,
    MoveRefused,
    OrderAbsent,
    OrderChange,
    OrderUnreadable,
    RefundReplayed,
    VersionDiffers,
)
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.intake import KeyBusy, KeyReused, Replayed

if TYPE_CHECKING:
    from orders.domain.changing import ChangeOutcome
    from orders.domain.refunds import RefundWish

Done = Changed | Replayed | RefundReplayed
"""What is said of an order that was changed."""

_NODE_NAME = "orders command line"
_PATIENCE_SECONDS = 1.0
_LEASE_SECONDS = 1.0
"""Once it lapsed, the nodes take the event for one of a node that is gone."""


def parse_reason(text: str) -> str:
    """Return a reason that a client might have sent too.

    Raises:
        typer.BadParameter: it is too long, empty, or more than one line.

    """
    from orders.http.change_body import check_reason  # noqa: PLC0415
    from orders.http.problems import ProblemError  # noqa: PLC0415

    try:
        check_reason({"reason": text})
    except ProblemError as error:
        raise typer.BadParameter(error.faults[0].message) from error
    return text


Reason = Annotated[
    str | None,
    typer.Option(metavar="TEXT", parser=parse_reason, help="Why; kept in the history."),
]
"""The option of every command that changes an order."""


def change_order(
    action: Action, order_id: str, reason: str | None, *, as_json: bool
) -> None:
    """Change the order and show it as it is then.

    Raises:
        CommandError: there is none, its state does not allow it, or it is not known
            whether it was changed.
        DatabaseUnavailableError: PostgreSQL does not answer; nothing was changed.

    """
    order = make_change(action, order_id, reason).order
    if as_json:
        from orders.http.rendering import render_order  # noqa: PLC0415

        print_like_the_api(render_order(order))
        return
    print_rows(order_facts(order))


def make_change(
    action: Action,
    order_id: str,
    reason: str | None,
    refund: "RefundWish | None" = None,
) -> "Done":
    """Change the order and return what was done.

    Raises:
        CommandError: as for ``change_order``.
        DatabaseUnavailableError: PostgreSQL does not answer; nothing was changed.

    """
    with database_reads() as reads:
        tenant_id = get_order(reads, order_id).tenant_id
    wanted = OrderChange(
        order_id, tenant_id, action, _operator(), reason, refund=refund
    )
    return _done(wanted, _apply(wanted))


def _apply(wanted: OrderChange) -> "ChangeOutcome":
    from orders.persistence.database import PostgresDatabase  # noqa: PLC0415

    settings = read_settings()
    store = PostgresDatabase(
        database_url(settings),
        node_name=_NODE_NAME,
        node_lease_seconds=_LEASE_SECONDS,
    ).change_store(
        max_attempts=settings.payment.max_attempts,
        watch_after_seconds=settings.sweeper.stuck_after_seconds,
        patience_seconds=_PATIENCE_SECONDS,
    )
    try:
        return store.change(wanted)
    except DatabaseUnavailableError as error:
        if not error.outcome_unknown:
            raise
        raise CommandError(
            "it is not known whether the order was changed: look with"
            f" `orders show {wanted.order_id}`"
        ) from error
    finally:
        store.close()


def _done(wanted: OrderChange, outcome: "ChangeOutcome") -> "Done":
    match outcome:
        case Changed() | Replayed() | RefundReplayed():
            return outcome
        case AmountRefused(_, message):
            raise CommandError(message)
        case MoveRefused(order, allowed, attempts_used_up):
            if attempts_used_up:
                raise CommandError("its payment was tried as often as it may be")
            possible = ", ".join(allowed) or "nothing"
            raise CommandError(
                f"the order is {order.status}, which allows {possible},"
                f" not {wanted.action}"
            )
        case OrderUnreadable(_, why):
            raise CommandError(f"what is stored of the order cannot be read: {why}")
        case OrderAbsent() | VersionDiffers() | KeyReused() | KeyBusy():
            raise CommandError(f"there is no order {wanted.order_id}")
        case _:
            assert_never(outcome)


def _operator() -> str:
    """Return who runs the command, as the history names them."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):  # an account without a name, as in a container
        return "operator"
