"""One request with what came of it, and how a client writes it down."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from orders.load.answers import Meaning
from orders.load.http_client import (
    Answer,
    BrokenError,
    Connection,
    MalformedError,
    NotSentError,
)
from orders.load.planned_orders import ROUTE, PlannedOrder
from orders.verification.journal import Operation, Outcome

Request: TypeAlias = tuple[str, str, Mapping[str, str], bytes]
"""Method, path, header fields and body."""
Judge: TypeAlias = Callable[[Answer], Meaning]

_HANG_SECONDS = 30.0
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


async def make_attempt(
    connection: Connection,
    request: Request,
    judge: Judge,
    *,
    node: int = 0,
    patience_seconds: float | None = None,
) -> Attempt | None:
    """Make one request and judge its answer; None where there is no connection.

    No answer within ``patience_seconds`` is nobody's fault; where that is not given,
    none within 30 s is held against the node.
    """
    started, answer = time.monotonic(), None
    try:
        async with asyncio.timeout(patience_seconds or _HANG_SECONDS):
            answer = await connection.request(*request)
        meaning = judge(answer)
    except NotSentError:
        return None
    except BrokenError:
        meaning = Meaning(Outcome.UNKNOWN)
    except MalformedError as error:
        meaning = Meaning(Outcome.UNKNOWN, str(error))
    except TimeoutError:
        hang = None if patience_seconds else f"no answer in {_HANG_SECONDS:.0f} s"
        meaning = Meaning(Outcome.UNKNOWN, hang)
    return Attempt(node, started, time.monotonic(), answer, meaning)


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
