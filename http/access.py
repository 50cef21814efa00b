"""Who may do what: the table of routes and scopes, and the decision by it."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

import falcon
from falcon.routing import DefaultRouter

from orders.actors.messages import DATABASE_UNAVAILABLE
from orders.domain.api_keys import Scope
from orders.http.backend import Clock
from orders.http.key_ring import NOBODY, Caller, KeyRing
from orders.http.problems import ProblemError
from orders.http.request_context import CALLER, ServiceRequest

_RETRY_AFTER_SECONDS = 1.0
_REALM = 'Bearer realm="orders"'


class Rule(Enum):
    """What a route asks for, other than a scope."""

    PUBLIC = auto()
    """Nothing: everybody may know what it says."""
    ANY_KEY = auto()
    """A key, whatever its scopes: the answer is 404, 405 or ``OPTIONS``."""
    CLOSED = auto()
    """It was forgotten in the table: nobody may use it."""


Need = Scope | Rule

_ROUTES: Mapping[tuple[str, str], Need] = {
    ("POST", "/v1/orders"): Scope.WRITE,
    ("POST", "/v1/orders/batch"): Scope.WRITE,
    ("POST", "/Orders"): Scope.WRITE,
    ("POST", "/v1/orders/{order_id}/cancel"): Scope.WRITE,
    ("POST", "/v1/orders/{order_id}/payments"): Scope.WRITE,
    ("POST", "/v1/orders/{order_id}/refunds"): Scope.ADMIN,
    ("GET", "/v1/orders"): Scope.READ,
    ("GET", "/v1/orders/{order_id}"): Scope.READ,
    ("GET", "/v1/orders/{order_id}/history"): Scope.READ,
    ("GET", "/v1/orders/{order_id}/refunds"): Scope.READ,
    ("GET", "/v1/orders/{order_id}/refunds/{refund_id}"): Scope.READ,
    ("GET", "/v1/notifications"): Scope.READ,
    ("GET", "/problems"): Rule.PUBLIC,
    ("GET", "/problems/{code}"): Rule.PUBLIC,
    ("GET", "/openapi.json"): Rule.PUBLIC,
    ("GET", "/asyncapi.json"): Rule.PUBLIC,
    ("GET", "/docs"): Rule.PUBLIC,
}
_HEADS = {
    ("HEAD", path): need for (method, path), need in _ROUTES.items() if method == "GET"
}
ROUTES: Final = MappingProxyType({**_ROUTES, **_HEADS})
"""What each method and path template asks for. A served route that is not in here is
refused, and a test fails for it."""


class AccessControl:
    """Decides who may do what. Event loop only.

    Args:
        ring: the keys.
        clock: that of the ring.

    Attributes:
        router: to be the application's, so that both see the same route in a path.

    """

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self.router = DefaultRouter()

    def admit(
        self, method: str, path: str, authorization: str | None
    ) -> Caller | ProblemError:
        """Return who calls, or why not; uses the key's limit up by one.

        Meant for a request whose body has not come yet.
        """
        need = ROUTES.get((method, path)) or self._need(method, path)
        if need is Rule.PUBLIC:
            return NOBODY
        caller = self._authenticate(authorization)
        if isinstance(caller, ProblemError) or need in caller.scopes:
            return caller
        return _refusal(caller, need) or caller

    def refusal(self, caller: Caller, method: str, path: str) -> ProblemError | None:
        """Return why ``caller`` may not do this, None where it may."""
        need = ROUTES.get((method, path)) or self._need(method, path)
        return None if need in caller.scopes else _refusal(caller, need)

    def _authenticate(self, authorization: str | None) -> Caller | ProblemError:
        if not self._ring.is_fresh():
            return _unreadable()
        if authorization is None:
            return _missing()
        key = self._ring.find(authorization)
        if key is None:
            is_bearer = authorization[:7].lower() == "bearer "
            return _invalid() if is_bearer else _missing()
        bucket = key.bucket
        if bucket is None:
            return key.caller
        wait_seconds = bucket.take(self._clock())
        if wait_seconds:
            return _too_many(wait_seconds, dict(bucket.fields()))
        tenant_id, key_id, scopes, _ = key.caller
        return Caller(tenant_id, key_id, scopes, bucket.fields())

    def _need(self, method: str, path: str) -> Need:
        """Return what a route with an id in its path asks for, or one that is none."""
        found = self.router.find(path)
        if found is None:
            return Rule.ANY_KEY
        _, responders, _, template = found
        need = ROUTES.get((method, template or ""))
        if need is not None:
            return need
        # Falcon's own responders say 405, or what OPTIONS are.
        home = getattr(responders.get(method), "__module__", None)
        is_ours = method in responders and home != "falcon.responders"
        return Rule.CLOSED if is_ours else Rule.ANY_KEY


class AccessGuard:
    """Middleware: no request reaches a handler without it."""

    def __init__(
        self,
        control: AccessControl,
        answer: Callable[[falcon.Response, ProblemError], None],
        answered_apart: str,
    ) -> None:
        """Guard an application; ``answer`` refuses on the path ``answered_apart``."""
        self._control = control
        self._answer = answer
        self._answered_apart = answered_apart

    def process_request(self, req: ServiceRequest, resp: falcon.Response) -> None:
        """Falcon calls this before it looks for a route.

        The server has decided by the head already, where it could. The route is
        judged once more: what a path leads to is known here for certain.

        Raises:
            ProblemError: the request is refused.

        """
        env, method, path = req.env, req.method, req.path
        decision = env.get(CALLER)
        if decision is None:
            authorization = env.get("HTTP_AUTHORIZATION")
            decision = self._control.admit(method, path, authorization)
        refusal: ProblemError | None
        if isinstance(decision, ProblemError):
            refusal = decision
        else:
            refusal = self._control.refusal(decision, method, path)
            req.caller = decision
            if decision.fields:
                resp.set_headers(decision.fields)
        if refusal is None:
            return
        if path != self._answered_apart:
            raise refusal
        self._answer(resp, refusal)
        resp.complete = True


def _refusal(caller: Caller, need: Need) -> ProblemError | None:
    if need in caller.scopes or need is Rule.PUBLIC:
        return None
    if caller is NOBODY:
        return _missing()
    return None if need is Rule.ANY_KEY else _lacking(need, caller)


def _missing() -> ProblemError:
    return ProblemError(
        "api_key_missing",
        "Send an API key: Authorization: Bearer ok_...",
        headers={"www-authenticate": _REALM},
    )


def _invalid() -> ProblemError:
    return ProblemError(
        "api_key_invalid",
        "The API key is unknown, wrong, expired or revoked.",
        headers={"www-authenticate": f'{_REALM}, error="invalid_token"'},
    )


def _lacking(need: Need, caller: Caller) -> ProblemError:
    fields = dict(caller.fields)
    if not isinstance(need, Scope):
        return ProblemError("route_closed", "No key opens this route.", headers=fields)
    challenge = f'{_REALM}, error="insufficient_scope", scope="{need}"'
    return ProblemError(
        "scope_missing",
        f"The API key lacks the scope {need}.",
        headers={"www-authenticate": challenge, **fields},
    )


def _too_many(wait_seconds: float, fields: Mapping[str, str]) -> ProblemError:
    return ProblemError(
        "rate_limited",
        "The API key is used more often than it may be: nothing was done.",
        retry_after_seconds=wait_seconds,
        headers=fields,
    )


def _unreadable() -> ProblemError:
    return ProblemError(
        DATABASE_UNAVAILABLE,
        "API keys cannot be checked now: nothing was done.",
        retry_after_seconds=_RETRY_AFTER_SECONDS,
    )
