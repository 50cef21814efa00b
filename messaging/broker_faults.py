"""What is wrong between this node and Kafka, told apart.

The client library says "unable to bootstrap" or "disconnected" for nearly all of it;
the cause is in the errors of its connections (``connection_troubles``). Sentences are
our own, so that no text of a library, and no secret in it, gets into a log.
"""

import ssl
from collections.abc import Iterable, Iterator
from typing import Final

from kafka.errors import (
    AuthorizationError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    InvalidReceiveError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.messaging.connection_troubles import Trouble, troubles_of
from orders.messaging.name_lookups import NameUnknownError

_WORDS: Final = {
    BrokerFault.AUTHENTICATION: "refuses the user or password",
    BrokerFault.CERTIFICATE: "and this node do not trust each other's certificates",
    BrokerFault.PROTOCOL: (
        "speaks another security protocol than ORDERS_KAFKA__SECURITY_PROTOCOL says"
    ),
    BrokerFault.AUTHORIZATION: "does not grant this user what it needs",
    BrokerFault.NAME: "has a name that is not known",
    BrokerFault.REFUSED: "refuses connections: nothing listens there",
    BrokerFault.CLOSED: (
        "closes the connection without an answer: it may have stopped, or want another"
        " security protocol"
    ),
    BrokerFault.TIMEOUT: "does not answer in time",
    BrokerFault.OTHER: "cannot be talked to",
}
_GRAVEST: Final = list(BrokerFault)
_MOST_LINKS = 8
"""Of a chain of exceptions."""
_PROTOCOL_REASONS = (
    "WRONG_VERSION_NUMBER",
    "UNEXPECTED_EOF",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
    "UNSUPPORTED_PROTOCOL",
)


def away(error: BaseException, client: object = None) -> BrokerUnavailableError:
    """Return ``error`` as the domain knows it, with the gravest fault behind it.

    ``client`` is the client that raised it, whose connections may know more.
    """
    troubles = [*troubles_of(client)]
    troubles += [link for link in _chain(error) if isinstance(link, Trouble)]
    found = [_judge(f"Kafka at {it.address}", it.error) for it in troubles]
    found.append(_judge("Kafka", error))
    fault, message = min(found, key=lambda pair: _GRAVEST.index(pair[0]))
    return BrokerUnavailableError(message, fault=fault)


def _judge(who: str, error: BaseException) -> tuple[BrokerFault, str]:
    links = list(_chain(error))
    fault = min(map(_fault_of, links), key=_GRAVEST.index)
    detail = "; ".join(filter(None, dict.fromkeys(map(_detail_of, links))))
    if fault is BrokerFault.OTHER:
        detail = type(error).__name__
    return fault, f"{who} {_WORDS[fault]}" + (f" ({detail})" if detail else "")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk over what ``error`` was raised from, or stands for: the library puts an
    error into another's arguments as well.
    """
    waiting: list[BaseException] = [error]
    for _ in range(_MOST_LINKS):
        if not waiting:
            return
        link = waiting.pop(0)
        yield link
        behind: Iterable[object] = (link.__cause__, link.__context__, *link.args)
        waiting += [it for it in behind if isinstance(it, BaseException)]


def _fault_of(error: BaseException) -> BrokerFault:  # noqa: C901 - a table of guards
    match error:
        case Trouble():
            return BrokerFault.OTHER  # judged with its own address
        case SaslAuthenticationFailedError() | UnsupportedSaslMechanismError():
            return BrokerFault.AUTHENTICATION
        case ssl.SSLCertVerificationError():
            return BrokerFault.CERTIFICATE
        case ssl.SSLError():
            return _fault_of_tls(error)
        case IllegalSaslStateError() | InvalidReceiveError():
            return BrokerFault.PROTOCOL
        case AuthorizationError():
            return BrokerFault.AUTHORIZATION
        case NameUnknownError():
            return BrokerFault.NAME
        case FileNotFoundError() | PermissionError() | IsADirectoryError():
            return BrokerFault.CERTIFICATE  # the only files that a client reads
        case ConnectionRefusedError():
            return BrokerFault.REFUSED
        case KafkaTimeoutError() | RequestTimedOutError() | TimeoutError():
            return BrokerFault.TIMEOUT
        case _:
            return _fault_of_words(str(error))


def _fault_of_tls(error: ssl.SSLError) -> BrokerFault:
    if any(reason in str(error).upper() for reason in _PROTOCOL_REASONS):
        return BrokerFault.PROTOCOL
    # Alerts of the broker's about our certificate, and files that are none.
    return BrokerFault.CERTIFICATE


def _fault_of_words(words: str) -> BrokerFault:
    """Judge what the library only says in words."""
    if "ECONNREFUSED" in words:
        return BrokerFault.REFUSED
    if "timed out" in words.lower():
        return BrokerFault.TIMEOUT
    if "disconnected" in words or "ECONNRESET" in words:
        return BrokerFault.CLOSED
    return BrokerFault.OTHER


def _detail_of(error: BaseException) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError():
            return str(getattr(error, "reason", "") or "").replace("_", " ").lower()
        case UnsupportedSaslMechanismError():
            return "ORDERS_KAFKA__SASL_MECHANISM is not enabled there"
        case TopicAuthorizationFailedError():
            return "READ, WRITE and DESCRIBE on the topic"
        case GroupAuthorizationFailedError():
            return "READ on the consumer group"
        case FileNotFoundError() | PermissionError() | IsADirectoryError():
            return f"a file of ORDERS_KAFKA__SSL_*: {error.strerror}"
        case NameUnknownError():
            return str(error)
        case _:
            return ""
