"""Reads a whole topic once, beside the consumer group and without joining it."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar, cast

from kafka.errors import KafkaError, for_code

from orders.domain.audit import AuditedRecord
from orders.domain.errors import BrokerUnavailableError
from orders.domain.records import DeadLetter
from orders.messaging.backoff import Backoff
from orders.messaging.broker_faults import away
from orders.messaging.client_settings import admin_settings, consumer_settings
from orders.messaging.client_types import ConsumerClient, PartitionId
from orders.messaging.codec import RawRecord, decode
from orders.messaging.kafka_clients import (
    committed_offsets,
    end_network,
    open_admin,
    open_consumer,
    partition_id,
)
from orders.messaging.unreadable import deferred_error, skip_unreadable

_CLIENT_ID = "orders-verify"
_ASK_MS = 5_000
_POLL_MS = 500
_CLOSE_MS = 2_000
_MAX_POLL_RECORDS = 5_000
_SESSION_MS = 10_000
_SILENT_SECONDS = 30.0
_ID_HEADER = "ce_id"
_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_UNKNOWN_TOPIC = 3
"""https://kafka.apache.org/protocol#protocol_error_codes"""

Answer = TypeVar("Answer")


class TopicMissingError(Exception):
    """There is no such topic."""


class KafkaTopicAudit:
    """What a check asks of Kafka. Owned by one thread.

    Every method raises ``BrokerUnavailableError`` after some failures in a row; each
    of them is followed by a growing pause and a new client. Each raises
    ``TopicMissingError`` where there is no topic: it is never created here.

    Args:
        bootstrap_servers: ``host:port,...``.
        topic: the topic.
        group: the group whose committed offsets are asked for, None for none.
        security: kafka-python's TLS and SASL settings.
        deadline_seconds: the longest that reading the topic may take.
        max_failures: failures in a row before giving up.

    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        group: str | None,
        *,
        security: Mapping[str, object] | None = None,
        deadline_seconds: float = 3_600.0,
        max_failures: int = 5,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        secure = security or {}
        self._admin = admin_settings(bootstrap_servers, _CLIENT_ID, secure)
        # Partitions are assigned by hand, so that the group is asked, never joined.
        self._settings = consumer_settings(
            bootstrap_servers,
            _CLIENT_ID,
            group or "",
            secure,
            max_poll_records=_MAX_POLL_RECORDS,
            session_timeout_ms=_SESSION_MS,
        ) | {"group_id": group}
        self._topic = topic
        self._group = group
        self._deadline_seconds = deadline_seconds
        self._max_failures = max_failures
        self._clock = clock
        self._pause = pause
        self._client: _Reader | None = None
        self._partitions: list[PartitionId] = []
        self._ends: dict[int, int] = {}
        self._next: dict[int, int] = {}
        self._deferred: Exception | None = None

    def committed(self) -> dict[int, int]:
        """Return the group's committed offsets by partition, where it has any."""
        if self._group is None:
            return {}
        found = self._ask(
            lambda client: committed_offsets(client, self._partitions, _ASK_MS)
        )
        return {tp.partition: offset for tp, offset in found.items()}

    def beginnings(self) -> dict[int, int]:
        """Return the offsets of the first records that are still there."""
        found = self._ask(
            lambda client: client.beginning_offsets(
                self._partitions, timeout_ms=_ASK_MS
            )
        )
        return {tp.partition: offset for tp, offset in found.items()}

    def ends(self) -> dict[int, int]:
        """Return the offsets behind the last records now; ``records`` stops there."""
        found = self._ask(
            lambda client: client.end_offsets(self._partitions, timeout_ms=_ASK_MS)
        )
        self._ends = {tp.partition: offset for tp, offset in found.items()}
        return dict(self._ends)

    def records(self) -> Iterator[AuditedRecord]:
        """Yield every record below the offsets that ``ends`` gave last, each once.

        Those of one partition come in their order. A record that the client cannot
        take apart names no order.
        """
        self._next = {
            number: offset
            for number, offset in self.beginnings().items()
            if offset < self._ends[number]
        }
        self._ask(self._aim)
        deadline = self._clock() + self._deadline_seconds
        while self._next:
            yield from self._ask(self._read_on)
            if self._clock() > deadline:
                raise BrokerUnavailableError(
                    f"reading {self._topic} took longer than {self._deadline_seconds} s"
                )

    def close(self) -> None:
        """End the client."""
        client, self._client = self._client, None
        self._deferred = None
        if client is None:
            return
        try:
            client.close(autocommit=False, timeout_ms=_CLOSE_MS)
        except KafkaError:
            end_network(client)

    def _ask(self, question: "Callable[[_Reader], Answer]") -> Answer:
        """Ask until it is answered; each failure costs the client, and some time."""
        backoff = Backoff(self._clock)
        last: Exception | None = None
        for _ in range(self._max_failures):
            try:
                return question(self._client or self._open())
            except (KafkaError, _ReadingError) as error:
                last = error
                self.close()
                backoff.failed()
                self._pause(backoff.remaining_seconds)
        if isinstance(last, KafkaError):
            raise away(last) from last
        raise BrokerUnavailableError(f"the topic cannot be read: {last}") from last

    def _open(self) -> "_Reader":
        if not self._partitions:
            self._partitions = self._find_partitions()
        self._client = cast("_Reader", open_consumer(self._settings))
        self._aim(self._client)
        return self._client

    def _find_partitions(self) -> list[PartitionId]:
        """Ask as an administrator: a consumer would create what it asks for."""
        admin = open_admin(self._admin)
        try:
            [topic] = cast("_Describes", admin).describe_topics([self._topic])
        finally:
            admin.close()
        code = cast("int", topic["error_code"])
        if code == _UNKNOWN_TOPIC:
            raise TopicMissingError(f"there is no topic {self._topic}")
        if code:
            # Such an answer has no partitions: all would look lost.
            raise for_code(code)(f"topic {self._topic}")
        described = cast("Sequence[Mapping[str, int]]", topic["partitions"])
        numbers = sorted(partition["partition_index"] for partition in described)
        if not numbers:
            raise _ReadingError(f"topic {self._topic} has no partitions")
        return [partition_id(self._topic, number) for number in numbers]

    def _aim(self, client: "_Reader") -> None:
        """Have ``client`` read on where reading has come to."""
        wanted = [tp for tp in self._partitions if tp.partition in self._next]
        if wanted:
            client.assign(wanted)
        for tp in wanted:
            client.seek(tp, self._next[tp.partition])

    def _read_on(self, client: "_Reader") -> list[AuditedRecord]:
        """Return the next records; only one partition's silence may be empty."""
        silent_at = self._clock() + _SILENT_SECONDS
        while self._next:
            read = self._poll(client)
            if read:
                return read
            self._pass_gaps(client)
            if self._clock() > silent_at:
                raise _ReadingError(f"no records for {_SILENT_SECONDS} s")
        return []

    def _poll(self, client: "_Reader") -> list[AuditedRecord]:
        """Return what one poll gave; its error is acted on at the next one."""
        error, self._deferred = self._deferred, None
        if error is not None:
            return self._step_over(client, error)
        try:
            polled = client.poll(timeout_ms=_POLL_MS, max_records=_MAX_POLL_RECORDS)
        except Exception as raised:  # noqa: BLE001 - taking a record apart may raise anything
            return self._step_over(client, raised)
        read: list[AuditedRecord] = []
        for tp, records in polled.items():
            end = self._ends[tp.partition]
            read += [audited(record) for record in records if record.offset < end]
            self._reached(client, tp, records[-1].offset + 1)
        # Kept here: the client forgets it when the partition is paused.
        self._deferred = deferred_error(client)
        return read

    def _step_over(self, client: "_Reader", error: Exception) -> list[AuditedRecord]:
        """Skip the record behind ``error``, or raise where there is none."""
        skipped = skip_unreadable(client, error)
        if skipped is None or not skipped.at_fault:
            raise _ReadingError(repr(error)) from error
        number, offset = skipped.partition.partition, skipped.offset
        wanted = offset < self._ends[number] and number in self._next
        self._reached(client, skipped.partition, offset + 1)
        return [AuditedRecord(number, offset, None, None, "", b"")] if wanted else []

    def _reached(self, client: "_Reader", tp: PartitionId, offset: int) -> None:
        """Note that all below ``offset`` was read; leave a partition at its end."""
        if offset < self._ends[tp.partition]:
            self._next[tp.partition] = offset
        elif self._next.pop(tp.partition, None) is not None:
            client.pause(tp)

    def _pass_gaps(self, client: "_Reader") -> None:
        """Pass over offsets without records, such as those of transactions."""
        for tp in self._partitions:
            if tp.partition in self._next:
                position = client.position(tp, timeout_ms=_POLL_MS)
                if position is not None:
                    self._reached(client, tp, position)


def audited(record: RawRecord) -> AuditedRecord:
    """Return what ``record`` says of itself; nothing of it is trusted."""
    decoded = decode(record)
    if isinstance(decoded, DeadLetter):
        value = record.value or b""
        return AuditedRecord(record.partition, record.offset, None, None, "", value)
    order_id, kind = decoded
    return AuditedRecord(
        record.partition,
        record.offset,
        order_id,
        _version(record, order_id),
        kind,
        cast("bytes", record.value),  # without one it is a dead letter
    )


def _version(record: RawRecord, order_id: str) -> int | None:
    """Return the version in the event's id, None where that is no id of ours."""
    for name, value in record.headers:
        if name != _ID_HEADER:
            continue
        named, _, version = (value or b"").decode("ascii", "replace").partition(".")
        is_ours = named == order_id and _VERSION.fullmatch(version)
        return int(version) if is_ours else None
    return None


class _ReadingError(Exception):
    """The client broke, or went silent before the end."""


class _Reader(ConsumerClient, Protocol):
    """A consumer whose partitions are assigned by hand."""

    def assign(self, partitions: Sequence[PartitionId]) -> None:
        """Read these."""


class _Describes(Protocol):
    def describe_topics(
        self, topics: Sequence[str]
    ) -> Sequence[Mapping[str, object]]: ...
