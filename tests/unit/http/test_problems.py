"""The catalogue of problems, and how one is written."""

import math

import falcon
import pytest

from orders.actors import messages
from orders.http.problems import (
    KINDS,
    MAX_FAULTS,
    Fault,
    ProblemError,
    refused,
    retry_after,
)


@pytest.mark.parametrize(
    ("seconds", "header"),
    [
        (0, "1"),
        (-5, "1"),
        (0.2, "1"),
        (1.0, "1"),
        (1.1, "2"),
        (59.9, "60"),
        (1e300, "3600"),
        (math.inf, "3600"),
        (math.nan, "1"),
    ],
)
def test_retry_after_is_whole_seconds_within_bounds(
    seconds: float, header: str
) -> None:
    assert retry_after(seconds) == header


@pytest.mark.parametrize(
    "reason",
    [
        messages.NOT_STORED,
        messages.OUTCOME_UNKNOWN,
        messages.DATABASE_UNAVAILABLE,
        messages.OVERLOADED,
        messages.DRAINING,
        messages.TOO_MANY_UNPUBLISHED,
    ],
)
def test_every_refusal_is_a_retryable_503(reason: str) -> None:
    assert KINDS[reason].status == 503
    assert KINDS[reason].retryable


@pytest.mark.parametrize("reason", [messages.OVERLOADED, "something_new"])
def test_a_refusal_that_passes_says_when_to_send_again(reason: str) -> None:
    problem = refused(messages.Refused(reason, 2.0))

    assert problem.kind.retryable
    assert problem.retry_after_seconds == 2.0
    assert "Retry-After" in problem.detail


def test_an_internal_error_promises_nothing_of_another_try() -> None:
    problem = refused(messages.Refused(messages.INTERNAL_ERROR, 2.0))

    assert not problem.kind.retryable
    assert problem.retry_after_seconds is None
    assert "Retry-After" not in problem.detail


def test_an_internal_error_says_how_to_send_an_order_again_safely() -> None:
    problem = refused(messages.Refused(messages.INTERNAL_ERROR, 2.0))

    assert "with the same Idempotency-Key" in problem.detail


@pytest.mark.parametrize("code", KINDS)
def test_every_status_is_one_of_http(code: str) -> None:
    assert falcon.code_to_http_status(KINDS[code].status).startswith("4") or (
        KINDS[code].status >= 500
    )


def test_only_so_many_faults_are_told() -> None:
    faults = [Fault(f"/{index}", "unknown_field", "") for index in range(9999)]

    assert len(ProblemError("invalid_order", "", faults=faults).faults) == MAX_FAULTS
