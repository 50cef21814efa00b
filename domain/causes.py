"""What made a change of an order: derived from who wrote it."""

from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """What set a change going."""

    CLIENT_REQUEST = "client_request"
    PAYMENT_RULE = "payment_rule"
    OPERATOR = "operator"
    SWEEPER = "sweeper"


RULE: Final = "payment-rule"
"""Who decides where no gateway is asked, as the history names it."""

_OF_OUR_OWN = {
    "order-intake": Cause.CLIENT_REQUEST,
    "payment-resolver": Cause.PAYMENT_RULE,
    RULE: Cause.PAYMENT_RULE,
    "sweeper": Cause.SWEEPER,
    "operator": Cause.OPERATOR,
}


def cause_of(actor: str) -> Cause:
    """Return what made a change that ``actor`` wrote into the history.

    A name may go on behind a colon (``operator:anna``). A name that is not one of
    the service's own is that of a client who asked for the change.
    """
    return _OF_OUR_OWN.get(actor.partition(":")[0], Cause.CLIENT_REQUEST)
