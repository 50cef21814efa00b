"""The intake's DatabaseWriter: stores orders, then answers their requests."""

from collections.abc import Callable

from orders.actors.database_writer import DatabaseWriter
from orders.actors.lane import Hand
from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    OUTCOME_UNKNOWN,
    OutboxSuspect,
    PublishEvents,
    Refused,
    Replies,
    StoreOrders,
    Submission,
    SubmissionAnswer,
    Tick,
)
from orders.actors.node_status import NodeStatus
from orders.actors.ports import IntakeStore, Telemetry
from orders.actors.role import Role
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import OrderEvent, event_type
from orders.domain.intake import Replayed, Stored, StoreOutcome
from orders.domain.transitions import Change

PROBE_AWAY_SECONDS = 0.5
PROBE_IDLE_SECONDS = 2.0
_RETRY_AFTER_SECONDS = 2.0
_PREPARE_SECONDS = 900.0
"""A migration of a large table takes minutes; past this one is taken for hung."""
_SMOOTHING = 0.2
_ACCEPTED = event_type(Change.ACCEPTED)


class IntakeWriter(DatabaseWriter[StoreOrders]):
    """Group commit: every answer goes out after the COMMIT of its batch returned.

    One of a pool: while one waits for its COMMIT, the next stores what came meanwhile.
    They also find out whether PostgreSQL is there, and state it in ``NodeStatus`` for
    everyone else.
    """

    def __init__(
        self,
        role: Role[StoreOrders],
        *,
        make_store: Callable[[], IntakeStore],
        prepare: Callable[[], None],
        intake: Role[StoreOrders],
        producer: Role[PublishEvents],
        sweeper: Role[None],
        replies: Replies,
        status: NodeStatus,
        telemetry: Telemetry,
        max_batch_orders: int,
    ) -> None:
        super().__init__(
            role, status=status, upstream=(intake,), max_batch=max_batch_orders
        )
        self._make_store = make_store
        self._prepare = prepare
        self._producer = producer
        self._sweeper = sweeper
        self._replies = replies
        self._telemetry = telemetry
        self._store: IntakeStore | None = None
        self._prepared = False
        self._said_away = False
        self._last_contact = role.clock()
        self._took = 0.0

    def started(self) -> None:
        """Open nothing yet: the first probe connects."""
        self._store = self._make_store()
        self.tick_after(0.0)

    def released(self) -> None:
        """Close the connection."""
        if self._store is not None:
            self._store.close()

    def handle(self, message: object) -> None:
        """Probe when it is time, then write."""
        if isinstance(message, Tick):
            self._probe()
        super().handle(message)
        reached = self.reaches_database
        self.tick_after(PROBE_IDLE_SECONDS if reached else PROBE_AWAY_SECONDS)

    @property
    def reaches_database(self) -> bool:
        """Whether this one's connection worked last time."""
        return self._status.reaches_database(self.role.name)

    def write(self, hand: Hand[StoreOrders]) -> bool:
        """Store the batch; an unknown outcome is tried again with the same ids."""
        submissions = [
            s
            for given in hand.messages
            for s in given.submissions
            if s.tried or s.claim()
        ]
        if not submissions:
            return True
        again = any(s.tried for s in submissions)
        if again and self._all_late(submissions):
            return self._give_up(submissions, unsure=True)
        for submission in submissions:
            submission.tried = True
        try:
            outcomes = self._stored(submissions, again=again)
        except DatabaseUnavailableError as error:
            if error.server_is_away:
                self._mark_away(error)
            return self._give_up(submissions, again or error.outcome_unknown)
        self._last_contact = self.role.clock()
        self._conclude(submissions, outcomes)
        return True

    def _stored(
        self, submissions: list[Submission], *, again: bool
    ) -> list[StoreOutcome]:
        assert self._store is not None  # noqa: S101 - made in started()
        began = self.role.clock()
        outcomes = self._store.store([s.order for s in submissions], again=again)
        took = max(self.role.clock() - began, 1e-6)
        rates, name = self._status.store_rates, self.role.name
        rate = rates.get(name, 0.0)
        rates[name] = rate + _SMOOTHING * (len(submissions) / took - rate)
        # The shorter of the last two: a single stall says nothing of the next batch.
        self._status.store_seconds[name] = min(took, self._took)
        self._took = took
        return outcomes

    def _conclude(
        self, submissions: list[Submission], outcomes: list[StoreOutcome]
    ) -> None:
        answers: list[tuple[Submission, SubmissionAnswer]] = []
        events = []
        for submission, outcome in zip(submissions, outcomes, strict=True):
            order = submission.order
            if (
                isinstance(outcome, Replayed)
                and outcome.order.order_id == order.order_id
            ):
                # Our own earlier try had been committed after all.
                outcome = Stored(outcome.order.created_at)  # noqa: PLW2901
            if isinstance(outcome, Stored):
                events.append(
                    OrderEvent(
                        order.order_id,
                        1,
                        _ACCEPTED,
                        order.event_data,
                        outcome.created_at,
                        order.traceparent,
                    )
                )
            answers.append((submission, outcome))
        self._replies.answer([(s.ticket, outcome) for s, outcome in answers])
        if events:
            self._telemetry.accepted(len(events))
            if not self._producer.offer(PublishEvents(tuple(events))):
                self._sweeper.tell(OutboxSuspect())

    def _give_up(self, submissions: list[Submission], unsure: bool) -> bool:
        """Tell whether the batch is finished with."""
        if unsure:
            if not self._all_late(submissions):
                return False
            self._sweeper.tell(OutboxSuspect())
        reason = OUTCOME_UNKNOWN if unsure else DATABASE_UNAVAILABLE
        refused = Refused(reason, _RETRY_AFTER_SECONDS)
        self._telemetry.rejected(reason, len(submissions))
        self._replies.answer([(s.ticket, refused) for s in submissions])
        return True

    def _all_late(self, submissions: list[Submission]) -> bool:
        now = self.role.clock()
        return all(s.deadline <= now for s in submissions)

    def _probe(self) -> None:
        now = self.role.clock()
        reached = self.reaches_database
        if reached and now - self._last_contact < PROBE_IDLE_SECONDS:
            return
        assert self._store is not None  # noqa: S101 - made in started()
        try:
            self._prepare_once()
            self._store.probe()
        except DatabaseUnavailableError as error:
            self._mark_away(error)
            return
        self._last_contact = self.role.clock()
        self._status.database_errors[self.role.name] = ""
        if not reached:
            self.role.log.info("database.available", actor=self.role.name)
            self._sweeper.tell(OutboxSuspect())

    def _prepare_once(self) -> None:
        if self._prepared:
            return
        self.show_life(patience_seconds=_PREPARE_SECONDS)
        self._prepare()
        self.show_life()
        self._prepared = True

    def _mark_away(self, error: DatabaseUnavailableError) -> None:
        if self.reaches_database or not self._said_away:
            self._said_away = True
            self.role.log.warning(
                "database.unavailable", actor=self.role.name, error=str(error)
            )
        self._status.database_errors[self.role.name] = str(error) or "no answer"
