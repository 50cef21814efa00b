"""The Falcon application: routes, error answers, and what every answer carries."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

import falcon

from orders.domain.changing import Action
from orders.domain.identifiers import IdFactory
from orders.http.access import AccessControl, AccessGuard
from orders.http.backend import Backend, Clock, RequestMeter
from orders.http.batch_resources import BATCH_PATH, OrderBatches
from orders.http.batch_storing import BatchStoring
from orders.http.change_resources import CANCEL_PATH, PAYMENTS_PATH, OrderAction
from orders.http.document_resources import DocumentItem, DocumentSource
from orders.http.notification_resources import NotificationCollection
from orders.http.older_route import OLDER_PATH, OlderOrders, write_older_error
from orders.http.order_changes import OrderChanges
from orders.http.order_questions import OrderQuestions
from orders.http.order_resources import OrderCollection, OrderHistory, OrderItem
from orders.http.order_submission import OrderSubmission
from orders.http.parking import Parking
from orders.http.problem_resources import (
    PROBLEM_PATH,
    PROBLEMS_PATH,
    ProblemKind,
    ProblemKinds,
)
from orders.http.problems import (
    KINDS,
    ProblemError,
    serialize_http_error,
    write_problem,
)
from orders.http.refund_resources import (
    REFUND_PATH,
    REFUNDS_PATH,
    RefundCollection,
    RefundItem,
)
from orders.http.request_context import ServiceRequest, seconds_since_start
from orders.http.service_response import ServiceResponse

OrderApp: TypeAlias = falcon.App[ServiceRequest, ServiceResponse]

MAX_BODY_BYTES: Final = 65_536
"""An order of 100 lines with all its metadata is under half of this."""
MAX_BATCH_BYTES: Final = 524_288
"""A thousand orders of one to three lines, without metadata."""
_ACTIONS: Final = {
    CANCEL_PATH: Action.CANCEL,
    PAYMENTS_PATH: Action.RETRY_PAYMENT,
}
_NO_DOCUMENTS: Mapping[str, DocumentSource] = MappingProxyType({})
_UNMATCHED = "unmatched"
_THE_SERVER: Final = r"\*$"
"""The target of ``OPTIONS *`` (RFC 9110, section 9.3.7)."""
_MILLISECONDS = 1000
_OTHER_METHOD = "other"
_COUNTED_ELSEWHERE: Final = frozenset(
    code
    for code, kind in KINDS.items()
    if kind.status >= 500  # noqa: PLR2004
)
_METHODS = frozenset(falcon.HTTP_METHODS)


class ErrorLog(Protocol):
    """The part of a structlog logger that is used here."""

    def error(self, event: str, **fields: object) -> None:
        """Log what an operator should act on."""


class AccessLog(Protocol):
    """The part of a structlog logger that the lines of requests need."""

    def info(self, event: str, **fields: object) -> None:
        """Log a fact."""


def create_app(
    *,
    backend: Backend,
    parking: Parking,
    meter: RequestMeter,
    log: ErrorLog,
    clock: Clock,
    default_currency: str,
    store_timeout_seconds: float = 1.8,
    read_timeout_seconds: float = 1.8,
    max_wait_seconds: int = 30,
    max_body_bytes: int = MAX_BODY_BYTES,
    max_batch_bytes: int = MAX_BATCH_BYTES,
    batch_timeout_seconds: float = 20.0,
    access: AccessControl | None = None,
    access_log: AccessLog | None = None,
    documents: Mapping[str, DocumentSource] = _NO_DOCUMENTS,
) -> OrderApp:
    """Return the WSGI application; it runs in greenlets on the event loop.

    Args:
        backend: takes orders and questions; never waits.
        parking: how a handler waits.
        meter: counts each answer.
        log: told of exceptions that no handler expected.
        clock: ``time.monotonic`` or a test's stand-in, seconds.
        default_currency: of orders that name none, and of ``POST /Orders``.
        store_timeout_seconds: how long a client waits for its order's COMMIT, or for
            that of a change.
        read_timeout_seconds: how long one waits for a read.
        max_wait_seconds: the longest wait for an order to be settled.
        max_body_bytes: the largest body of a request, and of a row of a batch.
        max_batch_bytes: the largest body of a batch.
        batch_timeout_seconds: after this no more of a batch's rows are begun.
        access: decides who may do what; None lets everybody do everything.
        access_log: told of every answer; None for no such lines.
        documents: what is served beside the resources, by path.

    """
    submission = OrderSubmission(
        backend, parking, clock, IdFactory(), store_timeout_seconds
    )
    questions = OrderQuestions(
        backend, parking, clock, read_timeout_seconds, max_wait_seconds
    )
    changes = OrderChanges(backend, parking, clock, store_timeout_seconds)
    middleware: list[AnswerFinisher | AccessGuard] = [AnswerFinisher(meter, access_log)]
    if access is not None:
        middleware.append(AccessGuard(access, write_older_error, OLDER_PATH))
    app: OrderApp = falcon.App(
        request_type=ServiceRequest,
        response_type=ServiceResponse,
        middleware=middleware,
        router=None if access is None else access.router,
    )
    # Bodies are read and written by our own codecs alone.
    app.req_options.media_handlers.clear()
    app.resp_options.media_handlers.clear()
    app.set_error_serializer(serialize_http_error)
    app.add_error_handler(Exception, UnexpectedErrors(log).answer)
    problems = Problems(log)
    app.add_error_handler(ProblemError, problems.answer)
    app.add_route(
        "/v1/orders",
        OrderCollection(
            submission, questions, default_currency, max_body_bytes, problems.report
        ),
    )
    storing = BatchStoring(submission, clock, batch_timeout_seconds)
    app.add_route(
        BATCH_PATH,
        OrderBatches(storing, default_currency, max_batch_bytes, max_body_bytes),
    )
    app.add_route("/v1/orders/{order_id}", OrderItem(questions))
    app.add_route("/v1/orders/{order_id}/history", OrderHistory(questions))
    for path, action in _ACTIONS.items():
        app.add_route(path, OrderAction(changes, action, path))
    app.add_route(REFUNDS_PATH, RefundCollection(changes, questions, IdFactory()))
    app.add_route(REFUND_PATH, RefundItem(questions))
    app.add_route("/v1/notifications", NotificationCollection(questions))
    app.add_route(PROBLEMS_PATH, ProblemKinds())
    app.add_route(PROBLEM_PATH, ProblemKind())
    app.add_route("/Orders", OlderOrders(submission, default_currency, max_body_bytes))
    for path, source in documents.items():
        app.add_route(path, DocumentItem(source))
    app.add_sink(_tell_of_server, _THE_SERVER)
    return app


class AnswerFinisher:
    """Gives every answer its request's id, and counts it."""

    def __init__(self, meter: RequestMeter, log: AccessLog | None = None) -> None:
        self._meter = meter
        self._log = log

    def process_response(
        self,
        req: ServiceRequest,
        resp: ServiceResponse,
        _resource: object,
        _req_succeeded: bool,
    ) -> None:
        """Falcon calls this after the handler or the error's answer."""
        resp.set_header("x-request-id", req.request_id)
        method = req.method if req.method in _METHODS else _OTHER_METHOD
        seconds = seconds_since_start(req)
        route = req.uri_template or _UNMATCHED
        self._meter.http_request(method, route, resp.status_code, seconds)
        for code in resp.refusals:
            # What is unavailable the actors count, and questions are not refused.
            if method == "POST" and code not in _COUNTED_ELSEWHERE:
                self._meter.rejected(code)
        if self._log is not None:
            caller = req.caller
            self._log.info(
                "http.answered",
                request_id=req.request_id,
                method=method,
                route=route,
                status=resp.status_code,
                duration_ms=round(seconds * _MILLISECONDS, 3),
                key_id=None if caller is None else caller.key_id,
                tenant_id=None if caller is None else caller.tenant_id,
            )


class UnexpectedErrors:
    """Answers an exception that nobody foresaw: nothing of it leaves the process."""

    def __init__(self, log: ErrorLog) -> None:
        self._log = log

    def answer(
        self,
        req: ServiceRequest,
        resp: falcon.Response,
        error: Exception,
        _params: dict[str, object],
    ) -> None:
        """Log the exception under the request's id and answer 500."""
        self._log.error(
            "http.request_failed",
            request_id=req.request_id,
            method=req.method,
            route=req.uri_template or _UNMATCHED,
            exc_info=error,
        )
        problem = ProblemError(
            "internal_error", "Tell the operator the request_id of this answer."
        )
        write_problem(req, resp, problem)


def _tell_of_server(req: ServiceRequest, resp: ServiceResponse, **_: object) -> None:
    """Answer ``OPTIONS *``, which asks whether the server is there."""
    del req
    resp.status = falcon.HTTP_204


class Problems:
    """Answers what handlers raise, and names the rows that an operator must see to."""

    def __init__(self, log: ErrorLog) -> None:
        self._log = log

    def answer(
        self,
        req: ServiceRequest,
        resp: falcon.Response,
        error: ProblemError,
        _params: dict[str, object],
    ) -> None:
        """Falcon calls this for each ``ProblemError``."""
        if error.code == "order_unreadable":
            self.report(error)
        write_problem(req, resp, error)

    def report(self, error: ProblemError) -> None:
        """Log which order this release cannot read."""
        self._log.error("order.unreadable", order_id=error.order_id, error=error.detail)
