"""The documents as they are served and as they stand in the repository.

Light to import: what makes a document is loaded when it is first asked for.
"""

from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

from orders.http.document_resources import OPENAPI_PATH, Document, DocumentSource

_JSON: Final = "application/json"


def openapi_document() -> Document:
    """Return the OpenAPI document."""
    import msgspec  # noqa: PLC0415

    from orders.contract.openapi import openapi  # noqa: PLC0415

    return Document(_JSON, msgspec.json.encode(openapi(version("orders"))))


DOCUMENTS: Final[Mapping[str, DocumentSource]] = MappingProxyType(
    {OPENAPI_PATH: openapi_document}
)
"""What a node serves, by path."""


def files() -> dict[str, bytes]:
    """Return what the repository keeps, by path below ``docs/``."""
    return {"openapi.json": _pretty(openapi_document())}


def _pretty(document: Document) -> bytes:
    import msgspec  # noqa: PLC0415

    return msgspec.json.format(document.data, indent=1) + b"\n"
