"""The application with its documents, on nothing."""

from typing import cast

import pytest

from orders.contract.documents import DOCUMENTS
from orders.contract.json_schema import JsonObject
from orders.contract.openapi import openapi
from orders.http.app import OrderApp, create_app


class Nothing:
    """Whatever a test does not ask for."""

    def __getattr__(self, name: str) -> object:
        return lambda *_, **__: None


@pytest.fixture
def app() -> OrderApp:
    """The application; nothing behind it answers."""
    nothing = cast("object", Nothing())
    return create_app(
        backend=nothing,
        parking=nothing,
        meter=nothing,
        log=nothing,
        clock=lambda: 0.0,
        default_currency="USD",
        documents=DOCUMENTS,
    )


@pytest.fixture(scope="session")
def document() -> JsonObject:
    """The OpenAPI document."""
    return openapi("0.0.0")
