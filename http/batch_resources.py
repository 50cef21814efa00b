"""Batches of orders over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import falcon

from orders.actors.messages import OUTCOME_UNKNOWN
from orders.http.batch_body import invalid_batch, rows_of
from orders.http.batch_rendering import render_batch, render_results
from orders.http.batch_rows import CheckedRows, Row, check_rows
from orders.http.batch_storing import BatchStoring, RowResult
from orders.http.idempotency import key_of
from orders.http.order_submission import Accepted
from orders.http.preferences import invalid_query, query_of
from orders.http.problems import ProblemError, retry_after
from orders.http.request_context import ServiceRequest, demand_json_answer
from orders.http.service_response import note_refusals

BATCH_PATH: Final = "/v1/orders/batch"
_POLICY: Final = "error_policy"
_REJECT_ALL: Final = "reject_all"
_REJECT_FAILED: Final = "reject_failed"
POLICIES: Final = (_REJECT_ALL, _REJECT_FAILED)
"""What ``error_policy`` may be; the first is meant where it is left out."""


@dataclass(frozen=True, slots=True)
class OrderBatches:
    """``/v1/orders/batch``."""

    storing: BatchStoring
    default_currency: str
    max_body_bytes: int
    max_row_bytes: int

    def on_post(self, req: ServiceRequest, resp: falcon.Response) -> None:
        """Take up to 1,000 orders: 202 once those that are told so are committed.

        Raises:
            ProblemError: none was taken, or that is not known.

        """
        demand_json_answer(req)
        takes_some = _policy_of(req) == _REJECT_FAILED
        key = key_of(req)
        self.storing.begin()
        try:
            checked = self._checked(req, keyed=key is not None)
            if checked.faults and not (takes_some and _has_valid(checked)):
                raise invalid_batch(checked.faults, checked.fault_count)
            results = self.storing.store(req, checked, key)
        finally:
            self.storing.end()
        _answer(resp, results)

    def _checked(self, req: ServiceRequest, *, keyed: bool) -> CheckedRows:
        return check_rows(
            rows_of(req, self.max_body_bytes),
            self.default_currency,
            self.max_row_bytes,
            keyed=keyed,
            slices=self.storing.slices(),
        )


def _policy_of(req: ServiceRequest) -> str:
    policy = query_of(req, _POLICY).get(_POLICY, _REJECT_ALL)
    if policy not in POLICIES:
        advice = f"send {' or '.join(POLICIES)}"
        raise invalid_query(_POLICY, "invalid_parameter", advice)
    return policy


def _has_valid(checked: CheckedRows) -> bool:
    return any(isinstance(row, Row) for row in checked.rows)


def _answer(resp: falcon.Response, results: Sequence[RowResult]) -> None:
    accepted = [one for one in results if isinstance(one, Accepted)]
    problems = [one for one in results if isinstance(one, ProblemError)]
    if not accepted:
        raise _nothing_accepted(results, problems)
    resp.status = falcon.HTTP_202
    waits = [one.retry_after_seconds or 0.0 for one in problems if one.kind.retryable]
    if waits:
        resp.set_header("retry-after", retry_after(max(waits)))
    if all(one.replayed for one in accepted):
        resp.set_header("idempotency-replayed", "true")
    note_refusals(resp, [one.code for one in problems])
    resp.data = render_batch(results)


def _nothing_accepted(
    results: Sequence[RowResult], problems: Sequence[ProblemError]
) -> ProblemError:
    """Return the weightiest of the rows' problems, with the results of all.

    What may be stored comes first, then what is worth sending again.
    """
    weightiest = max(
        problems,
        key=lambda one: (one.code == OUTCOME_UNKNOWN, one.kind.retryable),
    )
    return ProblemError(
        weightiest.code,
        f"No order of the batch is known to be stored; see results. The weightiest"
        f" reason: {weightiest.detail}",
        retry_after_seconds=weightiest.retry_after_seconds,
        results=render_results(results),
    )
