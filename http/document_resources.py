"""Documents about the service: the same for everybody, and worth keeping."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias

import falcon

from orders.http.answers import CONTENT_POLICY
from orders.http.preconditions import is_known
from orders.http.preferences import query_of
from orders.http.problems import ProblemError
from orders.http.request_context import ServiceRequest

OPENAPI_PATH: Final = "/openapi.json"
ASYNCAPI_PATH: Final = "/asyncapi.json"
DOCS_PATH: Final = "/docs"
_CACHING: Final = ("cache-control", "public, no-cache")
"""Anybody may keep it, and asks by its ``ETag`` whether it still holds."""
_DIGEST_BYTES = 16


class Document(NamedTuple):
    """What is served at one path."""

    media_type: str
    data: bytes
    policy: str = CONTENT_POLICY[1]
    """Its ``Content-Security-Policy``."""


DocumentSource: TypeAlias = Callable[[], Document]
"""Makes a document; called once, with the first request for it."""


class DocumentItem:
    """One document, made when it is first asked for: few nodes are ever asked."""

    def __init__(self, source: DocumentSource) -> None:
        self._source = source
        self._made: tuple[Document, str] | None = None

    def on_get(self, req: ServiceRequest, resp: falcon.Response) -> None:
        """Show it, or say that it has not changed.

        Raises:
            ProblemError: the query or ``Accept`` asks for something else.

        """
        query_of(req)
        document, digest = self._made or self._make()
        if not req.client_accepts(document.media_type.partition(";")[0]):
            message = f"The answer is {document.media_type}."
            raise ProblemError("not_acceptable", message)
        resp.set_header("etag", f'"{digest}"')
        resp.set_header(CONTENT_POLICY[0], document.policy)
        resp.set_header(*_CACHING)
        if is_known(req, digest):
            resp.status = falcon.HTTP_304
            return
        resp.content_type = document.media_type
        resp.data = document.data

    on_head = on_get

    def _make(self) -> tuple[Document, str]:
        document = self._source()
        digest = blake2b(document.data, digest_size=_DIGEST_BYTES).hexdigest()
        self._made = document, digest
        return self._made
