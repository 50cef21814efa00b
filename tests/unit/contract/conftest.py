"""The application with its documents, on nothing."""

from typing import cast

import pytest

from orders.contract.documents import DOCUMENTS
from orders.contract.json_schema import JsonObject
from orders.contract.openapi import openapi
from orders.http.access import AccessControl
from orders.http.app import OrderApp, create_app
from orders.http.key_ring import KeyRing


class Nothing:
    """Whatever a test does not ask for."""

    def __getattr__(self, name: str) -> object:
        return lambda *_, **__: None


@pytest.fixture
def app() -> OrderApp:
    """The application; nothing behind it answers."""
    return app_with(None)


@pytest.fixture
def keyed_app() -> OrderApp:
    """The same, where a key is asked for and there is none."""
    ring = KeyRing(lambda: 0.0, max_age_seconds=30, default_limit=None)
    ring.renew([], 0.0)
    return app_with(AccessControl(ring, lambda: 0.0))


def app_with(access: AccessControl | None) -> OrderApp:
    nothing = cast("object", Nothing())
    return create_app(
        access=access,
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
