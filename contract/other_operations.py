"""Notifications, the meaning of problems, and these documents, as they are told."""

from typing import Final

from orders.contract import examples
from orders.contract.operation import ASKING, READING, Answer, Operation
from orders.http.document_resources import ASYNCAPI_PATH, DOCS_PATH, OPENAPI_PATH
from orders.http.problem_resources import PROBLEM_PATH, PROBLEMS_PATH
from orders.http.request_context import JSON

_TAG = "Reference"
_HTML: Final = "text/html"


def _document(name: str, summary: str, description: str, *, html: bool) -> Operation:
    return Operation(
        name=name,
        tag=_TAG,
        summary=summary,
        parameters=("IfNoneMatch", "RequestId"),
        answers={
            200: Answer(
                description=description,
                schema="Page" if html else "Document",
                fields=("EntityTag",),
                media_type=_HTML if html else JSON,
            ),
            304: Answer(description="It has not changed.", fields=("EntityTag",)),
        },
        problems=ASKING,
    )


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", "/v1/notifications"): Operation(
        name="listNotifications",
        tag="Notifications",
        summary="See what a customer was told, newest first",
        parameters=("NotifiedUserId", "RequestId"),
        answers={
            200: Answer(
                description="The newest notifications.",
                schema="Notifications",
                example=examples.notifications,
            )
        },
        problems=READING,
    ),
    ("GET", PROBLEMS_PATH): Operation(
        name="listProblems",
        tag=_TAG,
        summary="See every error code",
        parameters=("RequestId",),
        answers={200: Answer(description="All codes, by status.", schema="Problems")},
        problems=ASKING,
    ),
    ("GET", PROBLEM_PATH): Operation(
        name="getProblem",
        tag=_TAG,
        summary="See what an error code means",
        description="The type of a problem points here.",
        parameters=("ProblemCode", "RequestId"),
        answers={
            200: Answer(description="What it means.", schema="ProblemKind"),
        },
        problems=(*ASKING, "route_not_found"),
    ),
    ("GET", OPENAPI_PATH): _document(
        "getOpenapi", "This document", "OpenAPI 3.1.", html=False
    ),
    ("GET", ASYNCAPI_PATH): _document(
        "getAsyncapi", "The events, as AsyncAPI tells them", "AsyncAPI 3.0.", html=False
    ),
    ("GET", DOCS_PATH): _document(
        "getDocs", "The documents for people", "A page without scripts.", html=True
    ),
}
