"""OrderChanger: what clients ask to be done with their orders, one at a time."""

from collections.abc import Callable

from orders.actors.database_writer import DatabaseWriter
from orders.actors.lane import Hand
from orders.actors.messages import (
    INTERNAL_ERROR,
    OUTCOME_UNKNOWN,
    OVERLOADED,
    RETRY_AFTER_SECONDS,
    ChangeAnswer,
    ChangeOrder,
    NotifyCustomers,
    OutboxSuspect,
    PublishEvents,
    Refused,
    Replies,
    refusal_of,
)
from orders.actors.node_status import NodeStatus
from orders.actors.ports import ChangeStore, Telemetry
from orders.actors.role import Role
from orders.domain.changing import Changed, ChangeOutcome, RefundReplayed
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.intake import KeyBusy, Replayed
from orders.domain.order import SETTLED

_PATIENCE_SECONDS = 1.0
"""How long a change is tried again while others hold its key or its order."""
_PAUSE_SECONDS = 0.05
_BUSY = Refused(OVERLOADED, RETRY_AFTER_SECONDS)


class OrderChanger(DatabaseWriter[ChangeOrder]):
    """Answers after COMMIT, with a connection of its own: a queue of cancellations
    holds up neither the intake nor the settlement.

    A change whose order or key others hold lets the others pass, and is tried again
    for a second. One whose COMMIT may have been lost is tried again if it has a key,
    which tells whether it went through, and else answered ``outcome_unknown``.
    """

    def __init__(
        self,
        role: Role[ChangeOrder],
        *,
        make_store: Callable[[], ChangeStore],
        producer: Role[PublishEvents],
        notifier: Role[NotifyCustomers],
        sweeper: Role[None],
        replies: Replies,
        status: NodeStatus,
        telemetry: Telemetry,
    ) -> None:
        super().__init__(role, status=status, upstream=(), max_batch=1)
        self._make_store = make_store
        self._producer = producer
        self._notifier = notifier
        self._sweeper = sweeper
        self._replies = replies
        self._telemetry = telemetry
        self._store: ChangeStore | None = None
        self._held: list[ChangeOrder] = []
        self._held_due = 0.0

    def started(self) -> None:
        """Make the store; it connects when it is first used."""
        self._store = self._make_store()

    def released(self) -> None:
        """Close the connection."""
        if self._store is not None:
            self._store.close()

    def unfinished(self) -> int:
        """Count the changes that wait for others to let go."""
        return len(self._held)

    def handle(self, message: object) -> None:
        """Apply the next change, after those that are due again."""
        if self._held and self.role.clock() >= self._held_due:
            self._try_held_again()
        super().handle(message)
        if self._held:
            self.tick_after(max(0.0, self._held_due - self.role.clock()))

    def write(self, hand: Hand[ChangeOrder]) -> bool:
        """Apply the change in hand, unless its client was told that nobody would."""
        for request in hand.messages:
            began = self.role.clock()
            first = not request.tried
            if first and began >= request.deadline:
                request.drop()  # so that its client can be told for certain
                continue
            if first and not request.claim():
                continue
            answer = self._answer(request)
            self._status.took(self.role.name, self.role.clock() - began)
            if answer is None:
                return False
            if first and self._is_put_off(request, answer):
                continue
            self._replies.answer([(request.ticket, answer)])
            if isinstance(answer, Changed):
                self._pass_on(answer)
        return True

    def _answer(self, request: ChangeOrder) -> ChangeAnswer | None:
        """Return the answer, None where the change is to be tried again."""
        again, request.tried = request.tried, True
        late = self.role.clock() >= request.deadline
        if again and (late or request.change.key is None):
            # It was tried by a predecessor, or until nobody waited any more.
            return self._unknown()
        try:
            return self._applied(request, again=again)
        except DatabaseUnavailableError as error:
            self.role.log.warning("change.delayed", error=str(error))
            if again or error.outcome_unknown:
                return None if request.change.key is not None else self._unknown()
            return refusal_of(error)
        except Exception:
            # Handed back, it would fail again until no restart is left.
            self.role.log.exception("change.failed")
            return Refused(INTERNAL_ERROR, RETRY_AFTER_SECONDS)

    def _is_put_off(self, request: ChangeOrder, answer: ChangeAnswer) -> bool:
        """Keep it for later where others hold what it needs, and not for too long."""
        if not isinstance(answer, KeyBusy) and answer != _BUSY:
            return False
        now = self.role.clock()
        if request.held_since is None:
            request.held_since = now
        if now >= request.held_since + _PATIENCE_SECONDS:
            return False
        request.tried = False
        request.unclaim()  # its client may stop waiting, and then it is not made
        if not self._held:
            self._held_due = now + _PAUSE_SECONDS
        self._held.append(request)
        return True

    def _try_held_again(self) -> None:
        """Put them behind the changes that wait, as far as there is room."""
        held, self._held = self._held, []
        for request in held:
            if not self.role.lane.offer(request) and request.claim():
                self._replies.answer([(request.ticket, _BUSY)])

    def _applied(self, request: ChangeOrder, *, again: bool) -> ChangeOutcome:
        assert self._store is not None  # noqa: S101 - made in started()
        self.show_life()
        outcome = self._store.change(request.change)
        if again and isinstance(outcome, Replayed | RefundReplayed):
            # Perhaps by the earlier try, which passed nothing on.
            self._sweeper.tell(OutboxSuspect())
        return outcome

    def _unknown(self) -> Refused:
        # If it was committed after all, nobody passed its event on.
        self._sweeper.tell(OutboxSuspect())
        return Refused(OUTCOME_UNKNOWN, RETRY_AFTER_SECONDS)

    def _pass_on(self, changed: Changed) -> None:
        if not self._producer.offer(PublishEvents(changed.events)):
            self._sweeper.tell(OutboxSuspect())
        settlement = changed.settlement
        if changed.refund is not None:
            # Nobody waits for it: the order was settled before, and counted.
            self.role.log.info(
                "order.refunded",
                order_id=changed.order.order_id,
                refund_id=changed.refund.refund_id,
                payment_status=settlement.target.payment_status,
                version=settlement.version,
            )
            self._telemetry.refunded(settlement.target.payment_status)
            return
        if settlement.target.status not in SETTLED:
            self.role.log.info(
                "order.changed",
                order_id=changed.order.order_id,
                change=settlement.change,
                version=settlement.version,
            )
            return
        told = NotifyCustomers((settlement,), changed.occurred_at)
        if not self._notifier.offer(told):
            self.role.log.warning("notifier.overloaded", count=1)
