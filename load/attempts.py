"""One request with what came of it, and how a client writes it down."""

from dataclasses import dataclass

from orders.load.answers import Meaning
from orders.load.http_client import Answer
from orders.load.planned_orders import ROUTE, PlannedOrder
from orders.verification.journal import Operation, Outcome

_REPLAYED = "idempotency-replayed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request with what came of it.

    ``node`` is the index of the node that was asked; ``answer`` is None where none
    came.
    """

    node: int
    started: float
    ended: float
    answer: Answer | None
    meaning: Meaning


def create_of(
    client: int, order: PlannedOrder, attempt: Attempt, *, keyed: bool = True
) -> Operation:
    """Return what the journal says of a create; ``keyed`` when it sent its key."""
    answer = attempt.answer
    body = answer.body if answer is not None else {}
    is_ok = attempt.meaning.outcome is Outcome.OK
    return Operation(
        kind="create",
        client=client,
        key=order.key if keyed else None,
        route=order.route,
        fingerprint=order.fingerprint,
        started=attempt.started,
        ended=attempt.ended,
        outcome=attempt.meaning.outcome,
        http_status=None if answer is None else answer.status,
        order_id=_text(body.get("order_id")),
        version=_number(body.get("version")),
        # Problems have a member of this name too: their HTTP status.
        status=_text(body.get("status")) if is_ok else None,
        payment_status=_text(body.get("payment_status")),
        replayed=answer is not None and answer.headers.get(_REPLAYED) == "true",
        node=attempt.node,
    )


def read_of(client: int, order_id: str, attempt: Attempt) -> Operation:
    """Return what the journal says of a look at an order."""
    answer = attempt.answer
    body = answer.body if answer is not None else {}
    return Operation(
        kind="read",
        client=client,
        key=None,
        route=ROUTE,
        fingerprint="",
        started=attempt.started,
        ended=attempt.ended,
        outcome=attempt.meaning.outcome,
        http_status=None if answer is None else answer.status,
        order_id=order_id,
        version=_number(body.get("version")),
        status=_text(body.get("status")),
        payment_status=_text(body.get("payment_status")),
        node=attempt.node,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
