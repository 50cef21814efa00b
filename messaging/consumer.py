"""Reads the topic; one member of the consumer group."""

from collections.abc import Callable, Mapping
from time import monotonic, sleep

from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.domain.records import DeadLetter, PartitionLag, RecordBatch
from orders.failpoints.registry import failpoint
from orders.messaging.backoff import Backoff
from orders.messaging.client_logs import Log
from orders.messaging.client_settings import consumer_settings
from orders.messaging.codec import RECORD_UNREADABLE
from orders.messaging.flow_control import flow_change
from orders.messaging.group_member import GroupMember, MemberBrokenError, Polled
from orders.messaging.offsets import DoneMarks, PolledRun
from orders.messaging.partition_outages import PartitionOutages
from orders.messaging.sorting import SortedRecords, sort_records
from orders.messaging.stall_watch import SILENT_SECONDS, UNSTABLE_SECONDS, StallWatch

COMMIT_SECONDS = 1.0
PROVEN_SECONDS = 15.0
"""After that a client is sound: one that may not read breaks at its first fetch."""


class KafkaRecordSource:
    """A record source that makes its client anew when that is stuck.

    Owned by one thread, which must poll at least every few seconds: a member that
    does not holds up the whole group's rebalances. At-least-once: whatever was not
    done when partitions moved or the client was replaced is polled again.

    Args:
        bootstrap_servers: ``host:port,...``; need not be reachable yet.
        client_id: names this node and member in the broker's logs.
        topic: must exist; it is never created here.
        group: the consumer group.
        max_poll_records: records of one batch.
        max_outstanding_records: records polled and not done, over all partitions;
            one batch more may come. At 7,000 records a second half of the default
            lasts 350 ms, longer than the poll that brings the next ones.
        session_timeout_seconds: silence after which the group gives our partitions
            to others.
        unstable_seconds, silent_seconds: when a client is taken for stuck.
        security: kafka-python's TLS and SASL settings.
        gather_seconds: the longest time from one batch to the next poll, the time
            that one record is worth, and the shortest; none behind a full batch. A
            fetch costs about 1.8 ms of CPU, and a batch every stage behind it about
            the same, whatever its size; the first record waits for nothing.

    """

    def __init__(
        self,
        *,
        bootstrap_servers: str,
        client_id: str,
        topic: str,
        group: str,
        log: Log,
        max_poll_records: int = 500,
        max_outstanding_records: int = 5_000,
        session_timeout_seconds: float = 10.0,
        unstable_seconds: float = UNSTABLE_SECONDS,
        silent_seconds: float = SILENT_SECONDS,
        security: Mapping[str, object] | None = None,
        gather_seconds: tuple[float, float, float] = (0.015, 0.015, 0.0),
        clock: Callable[[], float] = monotonic,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._settings = consumer_settings(
            bootstrap_servers,
            client_id,
            group,
            security or {},
            max_poll_records=max_poll_records,
            session_timeout_ms=int(session_timeout_seconds * 1_000),
        )
        self._topic = topic
        self._log = log
        self._max_poll_records = max_poll_records
        self._max_outstanding_records = max_outstanding_records
        self._gather_most, self._gather_each, self._gather_least = gather_seconds
        self._clock = clock
        self._pause = pause
        self._marks = DoneMarks()
        self._watch = StallWatch(
            clock, unstable_seconds=unstable_seconds, silent_seconds=silent_seconds
        )
        self._backoff = Backoff(clock)
        self._breaks = Backoff(clock)
        self._joined_at = 0.0
        self._away = _not_asked()
        self._outages = PartitionOutages(log, clock)
        self._member: GroupMember | None = None
        self._gather_until = 0.0
        self._commit_at = 0.0
        self._after_poll = failpoint("consume.after_poll")

    @property
    def outstanding(self) -> int:
        """Batches polled and not done."""
        return self._marks.outstanding

    def poll(self, *, hold: bool = False) -> RecordBatch | None:
        """Poll for about 200 ms, at most 3 s when the client is made anew.

        With ``hold`` everything stays paused and only the membership is kept alive.
        None where nothing came that asks for work.

        Raises:
            BrokerUnavailableError: the client could not be made, or broke; call
                again later. Calls that come too early raise without trying.

        """
        member = self._member or self._join()
        self._control_flow(member, hold=hold)
        self._gather()
        try:
            polled = member.poll(self._max_poll_records)
        except MemberBrokenError as error:
            unavailable = member.why_away(error)
            self._abandon("poll_failed", str(error))
            self._away = unavailable
            raise unavailable from error
        if self._clock() - self._joined_at > PROVEN_SECONDS:
            self._breaks.succeeded()
        self._note_outages(polled)
        batch = self._register(polled)
        self._commit_if_due(member)
        self._look_for_stall(member, polled)
        return batch

    def done(self, token: int) -> None:
        """The batch is in PostgreSQL: its offsets may be committed. Unknown tokens
        (of partitions that moved away) are ignored.
        """
        self._marks.done(token)

    def lag(self) -> Mapping[int, int]:
        """Return records not yet fetched, by assigned partition, as the last fetch
        saw them; empty while there is no client.
        """
        return {} if self._member is None else self._member.records_to_fetch()

    def group_lag(self) -> Mapping[int, PartitionLag | None] | None:
        """Return how far the whole group is with each partition, asking the brokers
        for at most about 2 s; None for a partition whose leader does not answer, and
        for all when none does.

        None too where the topic is gone: then the client is let go, and ``poll``
        raises until the topic is there again.
        """
        if self._member is None:
            return None
        try:
            lag = self._member.group_lag()
        except UnknownTopicOrPartitionError as error:
            self._abandon("topic_gone", repr(error))
            return None
        except KafkaError as error:
            self._log.debug("consumer.lag_unknown", error=repr(error))
            return None
        return lag if any(lag.values()) else None

    def why_away(self) -> BrokerUnavailableError:
        """Return why the broker did not answer, as far as that is known."""
        return self._away if self._member is None else self._member.why_away()

    def close(self) -> None:
        """Commit what is done and leave the group, within about 4 s.

        A later ``poll`` would join again.
        """
        member, self._member = self._member, None
        if member is not None:
            member.leave()

    def _join(self) -> GroupMember:
        wait = max(self._backoff.remaining_seconds, self._breaks.remaining_seconds)
        if wait:
            raise self._away.with_traceback(None)
        try:
            member = GroupMember.join(
                self._settings, self._topic, self._marks, self._log
            )
        except BrokerUnavailableError as error:
            self._away = error
            if self._backoff.failed():
                self._log.warning("consumer.broker_away", error=str(error))
            raise
        if self._backoff.succeeded():
            self._log.info("consumer.broker_back")
        self._watch.restart()
        self._joined_at = self._clock()
        self._member = member
        return member

    def _control_flow(self, member: GroupMember, *, hold: bool) -> None:
        assigned = member.assigned
        change = flow_change(
            assigned,
            member.paused,
            self._marks.outstanding_records,
            self._max_outstanding_records,
            hold=hold,
            waiting=self._outages.waiting(assigned),
        )
        member.change_flow(change.pause, change.resume, hold=hold)

    def _note_outages(self, polled: Polled) -> None:
        for records in polled.partitions:
            self._outages.came(records[0].partition)
        if polled.out is not None:
            self._outages.began(*polled.out)

    def _gather(self) -> None:
        left = self._gather_until - self._clock()
        if left > 0:
            self._pause(min(left, self._gather_most))

    def _register(self, polled: Polled) -> RecordBatch | None:
        """Keep marks of what came; what asks for no work is done at once."""
        found = sort_records(polled.partitions)
        if polled.unreadable is not None:
            found = _with_unreadable(found, self._topic, *polled.unreadable)
        if not found.runs:
            return None
        if self._after_poll is not None:
            self._after_poll()
        records = sum(map(len, polled.partitions))
        if records < self._max_poll_records:
            wait = max(self._gather_least, records * self._gather_each)
            self._gather_until = self._clock() + min(self._gather_most, wait)
        token = self._marks.take(found.runs)
        if not found.asks_for_work:
            self._marks.done(token)
            return None
        return RecordBatch(token, found.order_ids, found.dead_letters)

    def _commit_if_due(self, member: GroupMember) -> None:
        now = self._clock()
        if now < self._commit_at:
            return
        self._commit_at = now + COMMIT_SECONDS
        offsets = self._marks.take_commits()
        if offsets:
            member.commit(offsets)

    def _look_for_stall(self, member: GroupMember, polled: Polled) -> None:
        assigned = member.assigned
        came = bool(polled.partitions) or polled.unreadable is not None
        expects_nothing = assigned <= member.paused
        self._watch.polled(stable=member.stable, lively=came or expects_nothing)
        if self._watch.unstable_for_too_long:
            self._abandon("not_stable")
        elif self._watch.silent_for_long and self._is_stuck(member):
            self._abandon("silent")

    def _is_stuck(self, member: GroupMember) -> bool:
        """Ask the broker; a broker that is away is no fault of this client."""
        try:
            stuck = member.has_unread_records()
        except KafkaError as error:
            self._log.debug("consumer.silence_unexplained", error=repr(error))
            stuck = False
        if not stuck:
            self._watch.polled(stable=member.stable, lively=True)
        return stuck

    def _abandon(self, reason: str, error: str = "") -> None:
        """Let go of a client; the next poll makes another, after a delay that grows
        while clients break soon: each join holds up the whole group.
        """
        if self._breaks.failed():
            self._log.warning("consumer.client_replaced", reason=reason, error=error)
        self._away = _not_asked()
        self.close()


def _not_asked() -> BrokerUnavailableError:
    return BrokerUnavailableError("a client is made anew", fault=BrokerFault.UNKNOWN)


def _with_unreadable(
    found: SortedRecords, topic: str, partition: int, offset: int
) -> SortedRecords:
    """Add a record of which only the place is known."""
    letter = DeadLetter(topic, partition, offset, None, (), None, RECORD_UNREADABLE)
    return found._replace(
        dead_letters=(*found.dead_letters, letter),
        runs=(*found.runs, PolledRun(partition, offset, offset, 1)),
    )
