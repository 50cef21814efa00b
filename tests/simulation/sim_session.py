"""A connection that can be lost at every point, before and after the COMMIT."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import sim_statements
import sim_sweep_statements
from sim_database import Database, LockTimeoutError, Transaction, moment
from sim_faults import Faults, Flaw
from sim_scheduler import Host, KilledError, Scheduler
from sim_statements import Call

from orders.domain.errors import DatabaseUnavailableError
from orders.persistence.failures import ContentionError
from orders.persistence.session import Session
from orders.persistence.statements import Statement

Row = TypeVar("Row")

HANDLERS = sim_statements.HANDLERS | sim_sweep_statements.HANDLERS
_LATE_SECONDS = 1.5
_PROMISE_SECONDS = 2.0


class _Result(Generic[Row]):
    """The part of a cursor that a session reads."""

    def __init__(self, found: "sim_statements.Rows | int", make: Callable[..., Row]):
        self.rowcount = found if isinstance(found, int) else len(found)
        self._rows = [] if isinstance(found, int) else found
        self._make = make

    def fetchall(self) -> list[Row]:
        """Return the rows, made."""
        return [self._make(*row) for row in self._rows]


class SimSession(Session):
    """The service's own session, down to where it would use a socket."""

    def __init__(
        self, db: Database, host: Host, faults: Faults, flaws: frozenset[Flaw]
    ) -> None:
        super().__init__("", application_name="simulation")
        self._db = db
        self._scheduler: Scheduler = db.scheduler
        self._host = host
        self._faults = faults
        self._flaws = flaws
        self._transaction: Transaction | None = None

    def _run(  # type: ignore[override]
        self,
        statement: Statement,
        parameters: Sequence[object],
        make: Callable[..., Row],
        *,
        commits: bool,
    ) -> _Result[Row]:
        self._look_for_server(statement.name)
        match statement.name:
            case "begin":
                self._transaction = self._db.begin()
                found: sim_statements.Rows | int = 0
            case "rollback":
                self._lose()
                found = 0
            case "commit":
                found = self._commit()
            case "store_orders" if Flaw.ANSWER_BEFORE_COMMIT in self._flaws:
                found = self._promise(statement.name, parameters)
            case name if self._in_transaction:
                found = self._step(name, parameters)
            case name:
                found = self._alone(name, parameters, commits)
        return _Result(found, make)

    def _look_for_server(self, name: str) -> None:
        """Find out whether the statement can be sent.

        Raises:
            DatabaseUnavailableError: it was not sent.

        """
        lost = self._in_transaction and self._transaction is None
        away = self._host.dead or self._db.is_away
        refused = not self._in_transaction and self._meets("connection_refused")
        if lost or away or refused:
            self._lose()
            raise DatabaseUnavailableError(f"{name}: not connected")

    def _alone(
        self, name: str, parameters: Sequence[object], commits: bool
    ) -> "sim_statements.Rows | int":
        """Run one statement that commits by itself."""
        self._send(name, parameters, commits)
        found = self._at_server(name, parameters)
        self._scheduler.pause(self._scheduler.latency())
        if self._meets("reply_cut"):
            raise self._cut(name, "reply_cut", commits)
        return found

    def _send(self, name: str, parameters: Sequence[object], commits: bool) -> None:
        """Let the statement travel; it may arrive after we are gone."""
        if not commits:
            return
        try:
            self._scheduler.pause(self._scheduler.latency())
        except KilledError:
            if self._scheduler.chance(0.5):
                self._run_late(name, parameters)
            raise
        if self._meets("request_late"):
            self._run_late(name, parameters)
            raise self._cut(name, "request_late", commits)
        if self._meets("request_cut") or self._db.is_away:
            raise self._cut(name, "request_cut", commits)

    def _at_server(
        self, name: str, parameters: Sequence[object]
    ) -> "sim_statements.Rows | int":
        transaction = self._db.begin()
        try:
            found = self._handle(name, transaction, parameters)
        except LockTimeoutError:
            self._note_contention(name, parameters)
            raise ContentionError(name) from None
        else:
            self._db.commit(transaction)
            return found
        finally:
            self._db.roll_back(transaction)

    def _run_late(self, name: str, parameters: Sequence[object]) -> None:
        """Let the server run a statement whose client hears no more of it."""

        def run() -> None:
            try:
                self._at_server(name, parameters)
            except ContentionError:
                self._scheduler.note("late_statement_failed", name)

        scheduler = self._scheduler
        delay = scheduler.random.random() * _LATE_SECONDS
        scheduler.after(delay, lambda: scheduler.spawn(run, None, None))

    def _step(self, name: str, parameters: Sequence[object]) -> Any:
        """Run one statement of a transaction."""
        self._scheduler.pause(self._scheduler.latency())
        if self._meets("request_cut"):
            raise self._cut(name, "request_cut", False)
        transaction = self._transaction
        assert transaction is not None
        try:
            return self._handle(name, transaction, parameters)
        except LockTimeoutError:
            raise ContentionError(name) from None

    def _commit(self) -> int:
        transaction = self._transaction
        assert transaction is not None
        try:
            self._scheduler.pause(self._scheduler.latency())
        except KilledError:
            if self._scheduler.chance(0.5):
                self._db.commit(transaction)  # it was on its way already
            raise
        if self._meets("request_cut"):
            raise self._cut("commit", "request_cut", True)
        self._db.commit(transaction)
        self._transaction = None
        self._scheduler.pause(self._scheduler.latency())
        for write in transaction.afterwards:
            write()
        if self._meets("reply_cut"):
            raise self._cut("commit", "reply_cut", True)
        return 0

    def _promise(
        self, name: str, parameters: Sequence[object]
    ) -> "sim_statements.Rows":
        """Answer first and commit later: a flaw.

        So much later that the answer arrives and the process may die between.
        """

        def run() -> None:
            self._scheduler.pause(_PROMISE_SECONDS)
            self._at_server(name, parameters)

        scheduler = self._scheduler
        scheduler.after(0.0, lambda: scheduler.spawn(run, self._host, None))
        return [(moment(scheduler.now), [])]

    def _handle(
        self, name: str, transaction: Transaction, parameters: Sequence[object]
    ) -> "sim_statements.Rows | int":
        call = Call(self._db, transaction, parameters, self._flaws)
        return HANDLERS[name](call)

    def _meets(self, fault: str) -> bool:
        return self._scheduler.chance(getattr(self._faults, fault))

    def _cut(self, name: str, how: str, commits: bool) -> DatabaseUnavailableError:
        """Lose the connection."""
        self._lose()
        self._scheduler.note(how, self._host.name, name)
        if commits:
            self._scheduler.counts["ambiguous_commit"] += 1
        return DatabaseUnavailableError(f"{name}: {how}", outcome_unknown=commits)

    def _lose(self) -> None:
        if self._transaction is not None:
            self._db.roll_back(self._transaction)
            self._transaction = None

    def _note_contention(self, name: str, parameters: Sequence[object]) -> None:
        if name == "store_keyed_orders":
            batch = msgspec.json.decode(str(parameters[0]))
            self._db.contended.update(row["key"] for row in batch if "key" in row)
