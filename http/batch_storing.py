"""Storing the orders of a batch: a chunk at a time, through the lane of all orders."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from orders.actors.messages import NOT_STORED, Submission
from orders.domain.intake import IdempotencyKey
from orders.http.backend import Clock
from orders.http.batch_rows import CheckedRows, Row
from orders.http.order_submission import (
    RETRY_AFTER_SECONDS,
    Accepted,
    OrderSubmission,
)
from orders.http.problems import ProblemError, refused
from orders.http.request_context import ServiceRequest
from orders.http.slices import Slices

ROUTE: Final = "POST /v1/orders/batch"
"""The route of a batch's key, and of the keys in rows."""
DERIVED_ROUTE: Final = "POST /v1/orders/batch, rows"
"""Apart, so that no key a client may send is one of those made here."""
CHUNK_ROWS: Final = 32
"""Small beside a transaction of ``ORDERS_INTAKE__MAX_BATCH_ORDERS`` (500), so that
orders that come one by one travel in the same transactions and wait no longer."""
MAX_RUNNING: Final = 8
"""Batches at work at once: with all, they compute 16 ms of a turn and hold 256
places of the lane's ``ORDERS_INTAKE__MAX_WAITING_ORDERS`` (5000)."""
_DIGEST_BYTES = 16
_UNAVAILABLE = 503

RowResult = Accepted | ProblemError


@dataclass(slots=True)
class BatchStoring:
    """Stores batches; used inside handlers, on the event loop.

    Args:
        timeout_seconds: after this, no further chunk of a batch is begun.

    """

    submission: OrderSubmission
    clock: Clock
    timeout_seconds: float
    _running: int = field(default=0, init=False)

    def slices(self) -> Slices:
        """Return what keeps one handler's turns short."""
        return Slices(self.submission.parking, self.clock)

    def begin(self) -> None:
        """Take one of the places for batches; ``end`` gives it back.

        Raises:
            ProblemError: ``overloaded``, there is none.

        """
        if self._running >= MAX_RUNNING:
            raise refused(self.submission.backend.turn_away())
        self._running += 1

    def end(self) -> None:
        """Give the place back."""
        self._running -= 1

    def store(
        self, req: ServiceRequest, checked: CheckedRows, key: str | None
    ) -> list[RowResult]:
        """Return what became of each row; those that are not valid stay as they are.

        With a key, the first valid row goes alone and stands for the batch: it holds
        the key, with the digest of all rows. So a batch with another body finds out
        before anything of it is stored.

        Raises:
            ProblemError: that first row was not stored, or that is not known.

        """
        until = self.clock() + self.timeout_seconds
        results: list[RowResult] = [_not_begun()] * len(checked.rows)
        valid: list[tuple[int, Row]] = []
        for index, row in enumerate(checked.rows):
            if isinstance(row, Row):
                valid.append((index, row))
            else:
                results[index] = row
        if key is not None:
            index, row = valid.pop(0)
            anchor = IdempotencyKey(ROUTE, key, checked.meaning)
            [first] = self._store_chunk(req, [(row, anchor)], until)
            if isinstance(first, ProblemError):
                raise first
            results[index] = first
        self._store_rest(req, valid, key, until, results)
        return results

    def _store_rest(
        self,
        req: ServiceRequest,
        valid: Sequence[tuple[int, Row]],
        key: str | None,
        until: float,
        results: list[RowResult],
    ) -> None:
        """Store chunk by chunk, until one meets what the next would meet as well."""
        for start in range(0, len(valid), CHUNK_ROWS):
            if self.clock() >= until:
                return
            chunk = valid[start : start + CHUNK_ROWS]
            keyed = [(row, row_key(key, index, row)) for index, row in chunk]
            stored = self._store_chunk(req, keyed, until)
            for (index, _), result in zip(chunk, stored, strict=True):
                results[index] = result
            if any(map(_is_unavailable, stored)):
                return

    def _store_chunk(
        self,
        req: ServiceRequest,
        chunk: Sequence[tuple[Row, IdempotencyKey | None]],
        until: float,
    ) -> list[RowResult]:
        """Hand all of the chunk over in one turn, then wait for each outcome."""
        deadline = min(self.clock() + self.submission.timeout_seconds, until)
        given: list[Submission | ProblemError] = []
        for row, key in chunk:
            if given and isinstance(given[-1], ProblemError):
                given.append(_not_begun())  # the lane is full, or closed
                continue
            order = self.submission.new_order(req, row.request, key)
            try:
                given.append(self.submission.hand_over(order, deadline))
            except ProblemError as problem:
                given.append(problem)
        return [self._outcome(one) for one in given]

    def _outcome(self, given: Submission | ProblemError) -> RowResult:
        if isinstance(given, ProblemError):
            return given
        try:
            return self.submission.outcome(given)
        except ProblemError as problem:
            return problem


def row_key(batch_key: str | None, index: int, row: Row) -> IdempotencyKey | None:
    """Return what is stored of the key of a row: its own, or one by its place."""
    if row.key is not None:
        return IdempotencyKey(ROUTE, row.key, row.meaning)
    if batch_key is None:
        return None
    # A key may be as long as 255 characters; with its digest there is room.
    digest = blake2b(batch_key.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return IdempotencyKey(DERIVED_ROUTE, f"{digest}/{index}", row.meaning)


def _is_unavailable(result: RowResult) -> bool:
    return isinstance(result, ProblemError) and result.kind.status == _UNAVAILABLE


def _not_begun() -> ProblemError:
    return ProblemError(
        NOT_STORED,
        "This row was not begun and is not stored: send it again.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
