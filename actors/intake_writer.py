"""The intake's DatabaseWriter: stores orders, then answers their requests."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from orders.actors.database_writer import DatabaseWriter
from orders.actors.held_keys import RETRY_HELD_SECONDS, HeldKeys, HeldOrder
from orders.actors.lane import Hand
from orders.actors.messages import (
    OUTCOME_UNKNOWN,
    RETRY_AFTER_SECONDS,
    OutboxSuspect,
    PublishEvents,
    Refused,
    Replies,
    StoreOrders,
    Submission,
    SubmissionAnswer,
    Tick,
    refusal_of,
)
from orders.actors.node_status import NodeStatus
from orders.actors.ports import IntakeStore, Telemetry
from orders.actors.role import Role
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import OrderEvent, event_type
from orders.domain.intake import KeyBusy, Outcomes, Replayed, Stored, StoreOutcome
from orders.domain.transitions import Change

PROBE_AWAY_SECONDS = 0.5
PROBE_IDLE_SECONDS = 2.0
_PREPARE_SECONDS = 900.0
"""A migration of a large table takes minutes; past this one is taken for hung."""
_SMOOTHING = 0.2
_ACCEPTED = event_type(Change.ACCEPTED)
_UNKNOWN = Refused(OUTCOME_UNKNOWN, RETRY_AFTER_SECONDS)


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
        self._held = HeldKeys()

    def started(self) -> None:
        """Open nothing yet: the first probe connects."""
        self._store = self._make_store()
        self.tick_after(0.0)

    def released(self) -> None:
        """Close the connection."""
        if self._store is not None:
            self._store.close()

    def unfinished(self) -> int:
        """Count the orders whose keys are held."""
        return len(self._held)

    def handle(self, message: object) -> None:
        """Probe when it is time, then write, then look at held keys again."""
        if isinstance(message, Tick):
            self._probe()
        super().handle(message)
        if self.reaches_database and not self.superseded:
            self._try_held()
        reached = self.reaches_database
        self.tick_after(PROBE_IDLE_SECONDS if reached else PROBE_AWAY_SECONDS)
        if self._held:
            self.tick_after(RETRY_HELD_SECONDS)

    @property
    def reaches_database(self) -> bool:
        """Whether this one's connection worked last time."""
        return self._status.reaches_database(self.role.name)

    def write(self, hand: Hand[StoreOrders]) -> bool:
        """Store the batch; an unknown outcome is tried again with the same ids."""
        taken = [
            s
            for given in hand.messages
            for s in given.submissions
            if not s.done and (s.tried or s.claim())
        ]
        submissions = self._held.set_apart(taken, self.role.clock())
        if not submissions:
            return True
        again = any(s.tried for s in submissions)
        if again and self._all_late(submissions):
            self._refuse(submissions, _UNKNOWN)
            return True
        for submission in submissions:
            submission.tried = True
        try:
            self._store_all(submissions, again=again)
        except DatabaseUnavailableError as error:
            self._note(error)
            left = [s for s in submissions if not s.done]
            return self._give_up(left, error, unsure=again or error.outcome_unknown)
        return True

    def _store_all(self, submissions: Sequence[Submission], *, again: bool) -> None:
        """Store them, and answer each as soon as its outcome is certain."""
        assert self._store is not None  # noqa: S101 - made in started()
        by_id = {s.order.order_id: s for s in submissions}

        def tell(outcomes: Outcomes) -> None:
            self._conclude([(by_id[i], it) for i, it in outcomes.items()], again)

        began = self.role.clock()
        with self._commit():
            self._store.store([s.order for s in submissions], tell)
        took = max(self.role.clock() - began, 1e-6)
        rates, name = self._status.store_rates, self.role.name
        rate = rates.get(name, 0.0)
        rates[name] = rate + _SMOOTHING * (len(submissions) / took - rate)
        # The shorter of the last two: a single stall says nothing of the next batch.
        self._status.store_seconds[name] = min(took, self._took)
        self._took = took

    def _try_held(self) -> None:
        """Try again what met a held key, apart from everything else."""
        assert self._store is not None  # noqa: S101 - made in started()
        due, late = self._held.take_due(self.role.clock())
        for held in late:
            self._go_on(held, KeyBusy())
        if not due:
            return
        waiting = {held.submission.order.order_id: held for held in due}

        def tell(outcomes: Outcomes) -> None:
            for order_id, outcome in outcomes.items():
                self._go_on(waiting.pop(order_id), outcome)

        try:
            with self._commit():
                orders = [held.submission.order for held in due]
                self._store.store(orders, tell, suspected=True)
        except DatabaseUnavailableError as error:
            self._note(error)
            for held in waiting.values():
                held.unsure = held.unsure or error.outcome_unknown
                self._go_on(held, refusal_of(error))

    def _go_on(self, held: HeldOrder, outcome: StoreOutcome | Refused) -> None:
        """Answer one that was tried again, or keep it for another try."""
        now, submission = self.role.clock(), held.submission
        if not isinstance(outcome, KeyBusy | Refused):
            self._conclude([(submission, outcome)], held.unsure)
        elif not held.is_late(now):
            self._held.give_back(held, now)
        elif held.unsure:
            self._refuse([submission], _UNKNOWN)
        elif isinstance(outcome, Refused):
            self._refuse([submission], outcome)
        else:
            self._replies.answer([(submission.ticket, outcome)])

    @contextmanager
    def _commit(self) -> Iterator[None]:
        """Let others see for how long a commit has been under way."""
        under_way, name = self._status.commits_under_way, self.role.name
        under_way[name] = self.role.clock()
        try:
            yield
        finally:
            under_way.pop(name, None)  # a successor may have taken it
        self._last_contact = self._status.commit_ended = self.role.clock()

    def _conclude(
        self, told: Sequence[tuple[Submission, StoreOutcome]], again: bool
    ) -> None:
        """Answer, publish what was stored, and keep apart what met a held key."""
        answers: list[tuple[Submission, SubmissionAnswer]] = []
        events = []
        for submission, outcome in told:
            if isinstance(outcome, KeyBusy):
                now = self.role.clock()
                if self._held.keep(submission, now, unsure=again):
                    continue
                if again:
                    self._refuse([submission], _UNKNOWN)
                    continue
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
            submission.done = True
            answers.append((submission, outcome))
        self._replies.answer([(s.ticket, outcome) for s, outcome in answers])
        if events:
            self._telemetry.accepted(len(events))
            if not self._producer.offer(PublishEvents(tuple(events))):
                self._sweeper.tell(OutboxSuspect())

    def _give_up(
        self,
        submissions: Sequence[Submission],
        error: DatabaseUnavailableError,
        *,
        unsure: bool,
    ) -> bool:
        """Tell whether the batch is finished with."""
        if not unsure:
            self._refuse(submissions, refusal_of(error))
        elif self._all_late(submissions):
            self._refuse(submissions, _UNKNOWN)
        else:
            return False
        return True

    def _refuse(self, submissions: Sequence[Submission], refused: Refused) -> None:
        if refused is _UNKNOWN:
            self._sweeper.tell(OutboxSuspect())
        for submission in submissions:
            submission.done = True
        self._telemetry.rejected(refused.reason, len(submissions))
        self._replies.answer([(s.ticket, refused) for s in submissions])

    def _all_late(self, submissions: Sequence[Submission]) -> bool:
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
            with self._commit():
                self._store.probe()
        except DatabaseUnavailableError as error:
            self._note(error)
            return
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

    def _note(self, error: DatabaseUnavailableError) -> None:
        """Remember that PostgreSQL is away, which contention does not say."""
        if not error.server_is_away:
            self._last_contact = self._status.commit_ended = self.role.clock()
            self.role.log.warning(
                "intake.contended", actor=self.role.name, error=str(error)
            )
            return
        if self.reaches_database or not self._said_away:
            self._said_away = True
            self.role.log.warning(
                "database.unavailable", actor=self.role.name, error=str(error)
            )
        self._status.database_errors[self.role.name] = str(error) or "no answer"
