"""The OpenAPI 3.1 document: routes, scopes and problems out of the service's tables.

``http/access.py`` has the routes and what each asks for, ``http/problems.py`` the
codes. What a table does not say, the modules ``*_operations.py`` tell of each route.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from orders.contract import (
    change_operations,
    examples,
    order_operations,
    other_operations,
)
from orders.contract.json_schema import DIALECT, JsonObject, JsonValue
from orders.contract.links import LINKS
from orders.contract.operation import KEYED, LISTENER, Answer, Operation
from orders.contract.parameters import FIELDS, PARAMETERS, fields, parameter
from orders.contract.schemas import PREFIX, component_schemas
from orders.domain.api_keys import Scope
from orders.http.access import ROUTES, Rule
from orders.http.older_route import ABOUT_KEY
from orders.http.problems import KINDS, PROBLEM_JSON
from orders.http.request_context import JSON

OPERATIONS: Final = {
    **order_operations.OPERATIONS,
    **change_operations.OPERATIONS,
    **other_operations.OPERATIONS,
}
"""What is told of each method and path; HEAD follows from GET."""
_SCHEME = "ApiKey"
_BAD_REQUEST, _UNAVAILABLE = 400, 503
_NO_METHOD, _TOO_MANY = 405, 429
_WITH_WAIT = frozenset({_TOO_MANY, _UNAVAILABLE})
_WITH_CHALLENGE = frozenset({401, 403})
_DESCRIPTION = """\
Takes orders, settles each of them once, and tells the customer.

Every error is a problem (RFC 9457) with a stable `code`; its `type` leads to what it
means. Requests that write take an `Idempotency-Key`: the same key and body are done
once, however often they are sent. Send again what is `retryable`, after `Retry-After`.
Amounts are decimal strings; integers are written without fraction or exponent.
Answers may get further members; ignore those that you do not know.
"""


def openapi(release: str) -> JsonObject:
    """Return the document for the version ``release`` of the service.

    Raises:
        KeyError: a route of ``ROUTES`` is told nothing of, or a name is not known.

    """
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "orders",
            "version": release,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The node that serves this."}],
        "paths": _paths(),
        "components": {
            "schemas": component_schemas(),
            "parameters": PARAMETERS,
            "headers": {name: field for name, (_, field) in FIELDS.items()},
            "examples": {
                code: {"summary": kind.title, "value": examples.problem(code)}
                for code, kind in KINDS.items()
            },
            "links": LINKS,
            "securitySchemes": {_SCHEME: _security_scheme()},
        },
    }


def codes_of(method: str, path: str) -> frozenset[str]:
    """Return the codes of the problems that a route can answer with."""
    operation = _operation(method, path)
    keyed = () if ROUTES[method, path] is Rule.PUBLIC else KEYED
    return frozenset((*LISTENER, *keyed, *operation.problems))


def _security_scheme() -> JsonObject:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "ok_<id>_<secret>",
        "description": "An API key, where the node asks for one"
        f" (ORDERS_AUTH__MODE); its scopes are {', '.join(Scope)}.",
    }


def _operation(method: str, path: str) -> Operation:
    return OPERATIONS["GET" if method == "HEAD" else method, path]


def _paths() -> JsonObject:
    by_path = sorted(ROUTES, key=lambda route: (route[1], route[0]))
    return {
        path: {method.lower(): _told(method, path) for method, _ in routes}
        for path, routes in groupby(by_path, key=lambda route: route[1])
    }


def _told(method: str, path: str) -> JsonObject:
    operation = _operation(method, path)
    is_head = method == "HEAD"
    told: dict[str, JsonValue] = {
        "operationId": f"{operation.name}Head" if is_head else operation.name,
        "tags": [operation.tag],
        "summary": operation.summary + (": the header alone" if is_head else ""),
    }
    if operation.description:
        told["description"] = operation.description
    if operation.parameters:
        told["parameters"] = [parameter(name) for name in operation.parameters]
    if operation.body is not None:
        told["requestBody"] = {
            "required": operation.body.required,
            "content": operation.body.media,
        }
    told["responses"] = _responses(method, path, operation)
    told["security"] = _security(method, path)
    return told


def _security(method: str, path: str) -> list[JsonValue]:
    need = ROUTES[method, path]
    # Without a key, too: a node on loopback asks for none.
    return [{_SCHEME: [need]}, {}] if isinstance(need, Scope) else []


def _responses(method: str, path: str, operation: Operation) -> JsonObject:
    with_body = method != "HEAD"
    responses: dict[str, JsonValue] = {
        str(status): _response(answer, with_body=with_body)
        for status, answer in operation.answers.items()
    }
    codes = sorted(codes_of(method, path), key=lambda code: (KINDS[code].status, code))
    for status, group in groupby(codes, key=lambda code: KINDS[code].status):
        responses[str(status)] = _refusal(status, [*group], with_body=with_body)
    if operation.older:
        for status in (_BAD_REQUEST, *sorted(ABOUT_KEY), _UNAVAILABLE):
            responses[str(status)] = _in_older_form(responses[str(status)])
    return dict(sorted(responses.items()))


def _response(answer: Answer, *, with_body: bool) -> JsonObject:
    told: dict[str, JsonValue] = {
        "description": answer.description,
        "headers": fields("RequestId", *answer.fields),
    }
    if answer.schema and with_body:
        media: dict[str, JsonValue] = {"schema": _reference(answer.schema)}
        if answer.example is not None:
            media["example"] = answer.example()
        told["content"] = {answer.media_type: media}
        told["links"] = {
            name: {"$ref": f"#/components/links/{_known(name)}"}
            for name in answer.links
        }
    return told


def _refusal(status: int, codes: list[str], *, with_body: bool) -> JsonObject:
    told: dict[str, JsonValue] = {
        "description": " ".join(f"{KINDS[code].title}: `{code}`." for code in codes),
        "headers": fields("RequestId", *_fields_of(status)),
    }
    if with_body:
        told["content"] = {
            PROBLEM_JSON: {
                "schema": {
                    "allOf": [_reference("Problem")],
                    "properties": {
                        "code": {"enum": [*codes]},
                        "status": {"const": status},
                    },
                },
                "examples": {
                    code: {"$ref": f"#/components/examples/{code}"} for code in codes
                },
            }
        }
    return told


def _in_older_form(refusal: JsonValue) -> JsonObject:
    """Return the refusal with the older service's body beside the problem.

    The problem comes from the listener, before the route is known.
    """
    assert isinstance(refusal, dict)  # noqa: S101 - made above
    older = {"schema": _reference("OlderError"), "example": examples.older_error()}
    return {**refusal, "content": {JSON: older, **refusal["content"]}}


def _fields_of(status: int) -> Iterable[str]:
    """Return which fields go with the problems of a status."""
    if status in _WITH_WAIT:
        yield "RetryAfter"
    if status in _WITH_CHALLENGE:
        yield "Challenge"
    if status == _TOO_MANY:
        yield from ("RateLimit", "RateLimitPolicy")
    if status == _NO_METHOD:
        yield "Allow"


def _reference(schema: str) -> JsonObject:
    return {"$ref": f"{PREFIX}{schema}"}


def _known(link: str) -> str:
    LINKS[link]
    return link
