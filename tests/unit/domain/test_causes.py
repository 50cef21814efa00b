"""The cause of a change is known from who wrote it."""

import pytest

from orders.domain.causes import Cause, cause_of


@pytest.mark.parametrize(
    ("actor", "cause"),
    [
        ("order-intake", Cause.CLIENT_REQUEST),
        ("payment-resolver", Cause.PAYMENT_RULE),
        ("sweeper", Cause.SWEEPER),
        ("operator", Cause.OPERATOR),
        ("operator:anna", Cause.OPERATOR),
        ("client", Cause.CLIENT_REQUEST),
        ("key:shop", Cause.CLIENT_REQUEST),
    ],
)
def test_an_actor_stands_for_a_cause(actor: str, cause: Cause) -> None:
    assert cause_of(actor) is cause
