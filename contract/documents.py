"""The documents as they are served and as they stand in the repository.

Light to import: what makes a document is loaded when it is first asked for.
"""

from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

from orders.http.document_resources import (
    ASYNCAPI_PATH,
    DOCS_PATH,
    OPENAPI_PATH,
    Document,
    DocumentSource,
)

_JSON: Final = "application/json"
_SCHEMAS: Final = "schemas"


def openapi_document() -> Document:
    """Return the OpenAPI document."""
    from orders.contract.openapi import openapi  # noqa: PLC0415

    return Document(_JSON, _encoded(openapi(version("orders"))))


def asyncapi_document() -> Document:
    """Return the AsyncAPI document."""
    from orders.contract.asyncapi import asyncapi  # noqa: PLC0415

    return Document(_JSON, _encoded(asyncapi(version("orders"))))


def page_document() -> Document:
    """Return both as a page for people."""
    from orders.contract.asyncapi import asyncapi  # noqa: PLC0415
    from orders.contract.openapi import openapi  # noqa: PLC0415
    from orders.contract.page import POLICY, page  # noqa: PLC0415

    release = version("orders")
    html = page(openapi(release), asyncapi(release))
    return Document("text/html; charset=utf-8", html.encode(), POLICY)


DOCUMENTS: Final[Mapping[str, DocumentSource]] = MappingProxyType(
    {
        OPENAPI_PATH: openapi_document,
        ASYNCAPI_PATH: asyncapi_document,
        DOCS_PATH: page_document,
    }
)
"""What a node serves, by path."""


def files() -> dict[str, bytes]:
    """Return what the repository keeps, by path below ``docs/``."""
    from orders.contract.events import schema_files  # noqa: PLC0415

    return {
        OPENAPI_PATH.strip("/"): _pretty(openapi_document().data),
        ASYNCAPI_PATH.strip("/"): _pretty(asyncapi_document().data),
        **{
            f"{_SCHEMAS}/{name}": _pretty(_encoded(schema))
            for name, schema in schema_files().items()
        },
    }


def _encoded(value: object) -> bytes:
    import msgspec  # noqa: PLC0415

    return msgspec.json.encode(value)


def _pretty(data: bytes) -> bytes:
    import msgspec  # noqa: PLC0415

    return msgspec.json.format(data, indent=1) + b"\n"
