"""What became of the rows of a batch, as bytes."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from orders.http.batch_storing import RowResult
from orders.http.order_submission import Accepted
from orders.http.problems import Fault, ProblemError
from orders.http.rendering import Links, order_path


class RowProblemOut(msgspec.Struct, frozen=True):
    """Why a row has no order, or may have one: as the single route would say it."""

    code: str
    title: str
    status: int
    detail: str
    errors: tuple[Fault, ...]
    retryable: bool
    order_id: str | UnsetType = UNSET


class RowOut(msgspec.Struct, frozen=True):
    """One row: its order, or its problem."""

    index: int
    order_id: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    payment_status: str | UnsetType = UNSET
    version: int | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET
    links: Links | UnsetType = UNSET
    problem: RowProblemOut | UnsetType = UNSET


class BatchOut(msgspec.Struct, frozen=True):
    """The answer to a batch of which something is stored."""

    accepted: int
    """Rows whose order is committed, now or by an earlier request."""
    rejected: int
    results: list[RowOut]


_encode = msgspec.json.Encoder().encode


def render_batch(results: Sequence[RowResult]) -> bytes:
    """Return the body that shows what became of each row."""
    rows = _rows(results)
    accepted = sum(row.problem is UNSET for row in rows)
    return _encode(BatchOut(accepted, len(rows) - accepted, rows))


def render_results(results: Sequence[RowResult]) -> bytes:
    """Return the member ``results`` alone."""
    return _encode(_rows(results))


def _rows(results: Sequence[RowResult]) -> list[RowOut]:
    return [
        _accepted(index, result)
        if isinstance(result, Accepted)
        else RowOut(index, problem=_problem(result))
        for index, result in enumerate(results)
    ]


def _accepted(index: int, accepted: Accepted) -> RowOut:
    order = accepted.order
    path = order_path(order.order_id)
    return RowOut(
        index,
        order.order_id,
        order.status,
        order.payment_status,
        order.version,
        accepted.replayed,
        Links(path, f"{path}/history"),
    )


def _problem(problem: ProblemError) -> RowProblemOut:
    kind = problem.kind
    return RowProblemOut(
        problem.code,
        kind.title,
        kind.status,
        problem.detail,
        problem.faults,
        kind.retryable,
        problem.order_id or UNSET,
    )
