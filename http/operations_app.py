"""The resources of the operations listener: probes, metrics, the operator's page."""

import platform
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import falcon
import msgspec

from orders.http.answers import CONTENT_POLICY, SAFETY_FIELDS
from orders.http.health import Check, CheckState, HealthReport
from orders.http.operations_page import PAGE
from orders.http.problems import serialize_http_error
from orders.http.request_context import ServiceRequest

_EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; frame-ancestors 'none'"
)

OperationsApp = falcon.App[ServiceRequest, falcon.Response]


class Version(NamedTuple):
    """What runs here; ``git_sha`` is empty where it is not known."""

    version: str
    node: str
    git_sha: str = ""


class OperationsSource(Protocol):
    """Where the listener takes its numbers from; called on its threads."""

    def exposition(self) -> bytes:
        """Return the metrics in the Prometheus text format."""

    def status(self) -> Mapping[str, object]:
        """Return the numbers of the operator's page, ready for JSON."""


class _Probe:
    def __init__(self, name: str, checks: Callable[[], Sequence[Check]]) -> None:
        self._name = name
        self._checks = checks

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        checks = self._checks()
        passed = all(check.state is not CheckState.FAILED for check in checks)
        resp.status = falcon.HTTP_200 if passed else falcon.HTTP_503
        resp.content_type = falcon.MEDIA_TEXT
        is_told_all = "verbose" in req.params or not passed
        resp.text = _verbose(self._name, checks, passed) if is_told_all else "ok"

    on_head = on_get


def _verbose(name: str, checks: Sequence[Check], passed: bool) -> str:
    """Return the checks as the Kubernetes API server prints its own."""
    marks = {CheckState.OK: "+", CheckState.DEGRADED: "~", CheckState.FAILED: "-"}
    lines = [
        f"[{marks[check.state]}]{check.name} {check.state}"
        + (f": {check.detail}" if check.detail else "")
        for check in checks
    ]
    lines.append(f"{name} check {'passed' if passed else 'failed'}")
    return "\n".join(lines) + "\n"


class _Metrics:
    def __init__(self, source: OperationsSource) -> None:
        self._source = source

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = _EXPOSITION_TYPE
        resp.data = self._source.exposition()

    on_head = on_get


class _Version:
    def __init__(self, version: Version) -> None:
        self._data = msgspec.json.encode(
            {**version._asdict(), "python": platform.python_version()}
        )

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = self._data

    on_head = on_get


class _Status:
    def __init__(
        self, source: OperationsSource, health: HealthReport, version: Version
    ) -> None:
        self._source = source
        self._health = health
        self._version = version

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        checks = [*self._health.live(), *self._health.ready()]
        resp.data = msgspec.json.encode(
            {
                **self._version._asdict(),
                "state": _worst(checks),
                "checks": [check._asdict() for check in checks],
                **self._source.status(),
            }
        )

    on_head = on_get


def _worst(checks: Sequence[Check]) -> CheckState:
    states = {check.state for check in checks}
    for state in (CheckState.FAILED, CheckState.DEGRADED):
        if state in states:
            return state
    return CheckState.OK


class _Page:
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_HTML
        resp.set_header("Content-Security-Policy", _PAGE_POLICY)
        resp.text = PAGE

    on_head = on_get


class _AnswerFinisher:
    """Gives every answer what the API's answers have; all is true for a moment only."""

    def process_response(
        self,
        req: ServiceRequest,
        resp: falcon.Response,
        _resource: object,
        _succeeded: bool,
    ) -> None:
        resp.set_headers(SAFETY_FIELDS)
        resp.set_header("x-request-id", req.request_id)
        if not resp.get_header("content-security-policy"):
            resp.set_header(*CONTENT_POLICY)


def create_operations_app(
    health: HealthReport, source: OperationsSource, version: Version
) -> OperationsApp:
    """Return the WSGI application of the operations listener."""
    app: OperationsApp = falcon.App(
        request_type=ServiceRequest, middleware=[_AnswerFinisher()]
    )
    app.set_error_serializer(serialize_http_error)
    app.add_route("/livez", _Probe("livez", health.live))
    app.add_route("/readyz", _Probe("readyz", health.ready))
    app.add_route("/startupz", _Probe("startupz", health.started))
    app.add_route("/metrics", _Metrics(source))
    app.add_route("/version", _Version(version))
    app.add_route("/status.json", _Status(source, health, version))
    app.add_route("/ui", _Page())
    return app
