import psycopg
import pytest
from psycopg import errors

from orders.domain.errors import DatabaseUnavailableError
from orders.persistence.failures import (
    ContentionError,
    RowsRefusedError,
    ends_connection,
    translate,
    wants_another_server,
)


def translated(error: psycopg.Error, *, commits: bool = True) -> Exception:
    return translate(error, "store", commits=commits)


@pytest.mark.parametrize(
    "error",
    [
        errors.UntranslatableCharacter(),
        errors.NumericValueOutOfRange(),
        errors.CheckViolation(),
        errors.UniqueViolation(),
        psycopg.DataError("cannot be sent"),
    ],
)
def test_data_at_fault_is_refused(error: psycopg.Error) -> None:
    assert isinstance(translated(error), RowsRefusedError)


@pytest.mark.parametrize(
    "error",
    [
        errors.DeadlockDetected(),
        errors.LockNotAvailable(),
        errors.SerializationFailure(),
    ],
)
def test_contention_is_told_apart(error: psycopg.Error) -> None:
    assert isinstance(translated(error), ContentionError)


def test_a_connection_lost_in_a_commit_leaves_the_outcome_unknown() -> None:
    error = translated(psycopg.OperationalError("the connection is lost"))

    assert isinstance(error, DatabaseUnavailableError)
    assert error.outcome_unknown


def test_a_connection_lost_in_a_read_changed_nothing() -> None:
    lost = psycopg.OperationalError("the connection is lost")

    error = translated(lost, commits=False)

    assert isinstance(error, DatabaseUnavailableError)
    assert not error.outcome_unknown


@pytest.mark.parametrize(
    "error",
    [
        errors.ReadOnlySqlTransaction(),
        errors.QueryCanceled(),
        errors.DiskFull(),
        errors.UndefinedTable(),
        errors.InsufficientPrivilege(),
    ],
)
def test_an_error_the_server_reported_has_a_known_outcome(error: psycopg.Error) -> None:
    unavailable = translated(error)

    assert isinstance(unavailable, DatabaseUnavailableError)
    assert not unavailable.outcome_unknown


def test_only_a_read_only_server_sends_us_to_another() -> None:
    assert wants_another_server(errors.ReadOnlySqlTransaction())
    assert not wants_another_server(errors.DiskFull())


def test_an_error_without_a_state_ends_the_connection() -> None:
    assert ends_connection(psycopg.InterfaceError("the connection is closed"))
    assert not ends_connection(errors.UniqueViolation())


def test_the_message_names_statement_and_state() -> None:
    assert str(translated(errors.DiskFull("no space left"))) == (
        "store: 53100: no space left"
    )
