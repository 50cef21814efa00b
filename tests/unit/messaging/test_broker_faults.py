"""What is wrong with Kafka is told apart, and no secret is told with it."""

import ssl

import pytest
from kafka.errors import (
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    InvalidReceiveError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.messaging.broker_faults import away
from orders.messaging.connection_troubles import Trouble
from orders.messaging.name_lookups import NameUnknownError


def certificate_error(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_message = message
    return error


def behind(error: BaseException, reason: BaseException) -> BaseException:
    error.__context__ = reason
    return error


def told(error: BaseException, address: str = "kafka:9092") -> BrokerUnavailableError:
    """Return what is told of a client that never got a connection."""
    timeout = KafkaTimeoutError("Unable to bootstrap from ['kafka:9092']")
    timeout.__cause__ = Trouble(address, error)
    return away(timeout)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (SaslAuthenticationFailedError(), BrokerFault.AUTHENTICATION),
        (UnsupportedSaslMechanismError(), BrokerFault.AUTHENTICATION),
        (IllegalSaslStateError(), BrokerFault.PROTOCOL),
        (InvalidReceiveError("Invalid frame length"), BrokerFault.PROTOCOL),
        (
            behind(KafkaConnectionError("Handshake failed"), certificate_error("bad")),
            BrokerFault.CERTIFICATE,
        ),
        (
            KafkaConnectionError(ssl.SSLError(1, "TLSV13_ALERT_CERTIFICATE_REQUIRED")),
            BrokerFault.CERTIFICATE,
        ),
        (
            behind(KafkaConnectionError("h"), ssl.SSLError(1, "WRONG_VERSION_NUMBER")),
            BrokerFault.PROTOCOL,
        ),
        (FileNotFoundError(2, "No such file"), BrokerFault.CERTIFICATE),
        (NameUnknownError("no such name"), BrokerFault.NAME),
        (KafkaConnectionError("111 ECONNREFUSED"), BrokerFault.REFUSED),
        (KafkaConnectionError("socket disconnected"), BrokerFault.CLOSED),
        (KafkaConnectionError("Connection timed out"), BrokerFault.TIMEOUT),
        (KafkaTimeoutError(), BrokerFault.TIMEOUT),
        (TopicAuthorizationFailedError(), BrokerFault.AUTHORIZATION),
        (GroupAuthorizationFailedError(), BrokerFault.AUTHORIZATION),
        (KafkaError("what is this"), BrokerFault.TIMEOUT),  # and no answer
    ],
)
def test_each_fault_is_told_apart(error: BaseException, fault: BrokerFault) -> None:
    assert told(error).fault is fault


def test_the_broker_is_named() -> None:
    told_of = told(KafkaConnectionError("111 ECONNREFUSED"))

    assert str(told_of).startswith("Kafka at kafka:9092 refuses connections")


def test_a_certificate_is_told_with_what_is_wrong_with_it() -> None:
    error = behind(
        KafkaConnectionError("Handshake failed"),
        certificate_error("certificate has expired"),
    )

    assert "certificate has expired" in str(told(error))


def test_what_waiting_does_not_mend_comes_first() -> None:
    error = KafkaConnectionError("111 ECONNREFUSED")
    error.__cause__ = Trouble("other:9092", SaslAuthenticationFailedError())

    assert away(error).fault is BrokerFault.AUTHENTICATION


def test_no_text_of_a_library_is_told() -> None:
    error = SaslAuthenticationFailedError("S3cret")
    error.__cause__ = KafkaError("S3cret")

    assert "S3cret" not in str(told(error))
