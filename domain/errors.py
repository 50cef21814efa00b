"""The errors of the domain."""

from enum import StrEnum


class DomainError(Exception):
    """Something the rules of the business do not allow."""


class MoneyError(DomainError):
    """An amount or a currency that cannot be understood."""


class IllegalMoveError(DomainError):
    """A change that the transition table does not have."""


class UnavailableError(Exception):
    """A part outside the process is away for now; the same call may work later."""


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL is away, refuses, or does not answer in time.

    ``outcome_unknown`` is True when the statement may have been committed: the
    connection was lost after it was sent.
    """

    server_is_away = True
    """False where the server answers, but others hold what is needed."""

    def __init__(self, message: str, *, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown


class BrokerFault(StrEnum):
    """Why Kafka cannot be used, the gravest first: what waiting does not mend."""

    AUTHENTICATION = "authentication"
    CERTIFICATE = "certificate"
    PROTOCOL = "protocol"
    AUTHORIZATION = "authorization"
    NAME = "unknown_name"
    REFUSED = "refused"
    CLOSED = "closed"
    TIMEOUT = "timeout"
    OTHER = "other"
    UNKNOWN = "unknown"
    """Nobody could tell yet: somebody is about to."""


class BrokerUnavailableError(UnavailableError):
    """Kafka is away, refuses, or does not answer in time; ``fault`` says why."""

    def __init__(self, message: str, *, fault: BrokerFault = BrokerFault.OTHER) -> None:
        super().__init__(message)
        self.fault = fault
