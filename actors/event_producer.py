"""EventProducer: publishes events and has the confirmed ones forgotten."""

from collections import deque
from collections.abc import Callable

from orders.actors.messages import ForgetPublished, OutboxSuspect, PublishEvents
from orders.actors.node_status import NodeStatus
from orders.actors.pace import Pace
from orders.actors.ports import EventPublisher, Telemetry
from orders.actors.role import Role
from orders.actors.settlement_writer import SettlementWork
from orders.actors.supervised import SupervisedActor
from orders.domain.events import OrderEvent
from orders.domain.records import EventRef

_CHECK_SECONDS = 1.0
_FORGET_SECONDS = 0.05
_FORGET_BATCH = 1000
_FULL_BATCH = 1000
"""Events worth publishing at once."""
_FULL_SECONDS = 0.005
"""Until the next look while events wait for a place: 200 times the cap a second."""


class EventProducer(SupervisedActor[PublishEvents]):
    """Keeps a bounded number of events in flight; the rest wait in the lane.

    Results are looked for every 50 ms while something is in flight, and every 5 ms
    while that keeps others waiting: a wake for each answer of the broker costs more
    than it gains.

    An event that is on its way, or that waits here to be forgotten, is not sent again,
    so that the sweeper may offer whatever it finds in the outbox.

    Events of a partition that is not written to are dropped, so that those of the
    others pass: their rows are in the outbox, which is suspect as soon as it takes some
    again.
    """

    def __init__(
        self,
        role: Role[PublishEvents],
        *,
        make_publisher: Callable[[], EventPublisher],
        writer: Role[SettlementWork],
        sweeper: Role[None],
        status: NodeStatus,
        telemetry: Telemetry,
        max_in_flight: int,
        pace: Pace,
    ) -> None:
        super().__init__(role)
        self._make_publisher = make_publisher
        self._writer = writer
        self._sweeper = sweeper
        self._status = status
        self._telemetry = telemetry
        self._max_in_flight = max_in_flight
        self._pace = pace
        self._publisher: EventPublisher | None = None
        self._under_way: set[tuple[str, int]] = set()
        self._again: deque[OrderEvent] = deque()
        self._confirmed: list[EventRef] = []
        self._forget_at = 0.0

    def started(self) -> None:
        """Make the publisher; what an earlier one had in flight is in the outbox."""
        self._publisher = self._make_publisher()
        self._sweeper.tell(OutboxSuspect())
        self.tick_after(_CHECK_SECONDS)

    def released(self) -> None:
        """Let what is in flight be confirmed, within limits, then close."""
        if self._publisher is not None:
            self._publisher.close()

    def unfinished(self) -> int:
        """Count what is not confirmed, or confirmed and not forgotten."""
        flying = self._publisher.in_flight if self._publisher is not None else 0
        return flying + len(self._again) + len(self._confirmed)

    def handle(self, message: object) -> None:
        """Take results, publish what there is room for, forget what is confirmed."""
        del message
        publisher = self._publisher
        assert publisher is not None  # noqa: S101 - made in started()
        self._take_results(publisher)
        if self.role.lane.waiting and publisher.in_flight < self._max_in_flight:
            self._pace.keep(full=self.role.lane.depth >= _FULL_BATCH)
        self._publish(publisher)
        self._forget()
        self.tick_after(self._seconds_to_next_look(publisher))

    def _seconds_to_next_look(self, publisher: EventPublisher) -> float:
        if publisher.in_flight >= self._max_in_flight and self._others_wait():
            return _FULL_SECONDS
        busy = publisher.in_flight or self._confirmed
        return _FORGET_SECONDS if busy else _CHECK_SECONDS

    def _others_wait(self) -> bool:
        return self.role.lane.waiting or bool(self._again)

    def _take_results(self, publisher: EventPublisher) -> None:
        results = publisher.take_results()
        if results.confirmed:
            self._confirmed.extend(results.confirmed)
            self._telemetry.published(len(results.confirmed))
        if results.failed:
            self.role.log.warning("producer.events_failed", count=len(results.failed))
            self._again.extendleft(reversed(results.failed))
        self._under_way.difference_update(results.turned_away)
        if results.reopened:
            self._sweeper.tell(OutboxSuspect())
        self._status.unwritable_partitions = publisher.unwritable

    def _publish(self, publisher: EventPublisher) -> None:
        room = self._max_in_flight - publisher.in_flight
        if self._again and room > 0:
            batch = [self._again.popleft() for _ in range(min(room, len(self._again)))]
            if not self._send(publisher, batch):
                return
            room -= len(batch)
        if self._again or room <= 0 or len(self._confirmed) > self._max_in_flight:
            return
        hand = self.take(room)
        if hand is None:
            return
        self._pace.took(hand.weight)
        offered = (event for work in hand.messages for event in work.events)
        named = {(event.order_id, event.version): event for event in offered}
        fresh = [event for name, event in named.items() if name not in self._under_way]
        self._under_way.update(named)
        # From here on the events are in the publisher or in `_again`.
        hand.done()
        if self._send(publisher, fresh) and self.role.lane.waiting:
            self.role.wake()

    def _send(self, publisher: EventPublisher, events: list[OrderEvent]) -> bool:
        """Tell whether all of them were taken; the rest is kept."""
        taken = publisher.publish(events)
        if taken < len(events):
            self._again.extendleft(reversed(events[taken:]))
            return False
        return True

    def _forget(self) -> None:
        """Hand confirmed events to the writer, in batches worth a transaction."""
        now = self.role.clock()
        full = len(self._confirmed) >= _FORGET_BATCH
        if not self._confirmed or not (full or self.draining or now >= self._forget_at):
            return
        self._forget_at = now + _FORGET_SECONDS
        while self._confirmed:
            batch = tuple(self._confirmed[:_FORGET_BATCH])
            if not self._writer.offer(ForgetPublished(batch)):
                return
            self._under_way.difference_update(batch)
            del self._confirmed[:_FORGET_BATCH]
