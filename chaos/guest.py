"""A stranger in the consumer group: takes partitions, does nothing, and goes again."""

import random
import threading
from typing import Protocol, cast

from orders.chaos.arena import Arena
from orders.chaos.topic import TopicRefusedError
from orders.devstack.deadline import wait_until
from orders.messaging.client_settings import consumer_settings
from orders.messaging.client_types import ConsumerClient
from orders.messaging.kafka_clients import (
    STABLE,
    end_network,
    open_consumer,
    partition_id,
)

SESSION_SECONDS = 3.0
"""The shortest that the broker takes: after so long a dead guest's partitions go on."""
_JOIN_SECONDS = 20.0
_END_SECONDS = 10.0
_POLL_MS = 100
_METADATA_MS = 2_000
_LEAVE_MS = 2_000


class _Membership(Protocol):
    @property
    def state(self) -> str: ...

    @property
    def generation_id(self) -> int: ...


class Guest:
    """One member on a thread of its own, which polls and commits nothing.

    Args:
        arena: whose group it joins.
        leaves: whether it says goodbye in the end; else it falls silent.

    """

    def __init__(self, arena: Arena, *, leaves: bool) -> None:
        self._topic = arena.topic
        self._settings = consumer_settings(
            arena.stack.bootstrap_servers(),
            f"orders-chaos-guest-{random.randrange(10**6)}",
            arena.group,
            {},
            max_poll_records=1,
            session_timeout_ms=int(SESSION_SECONDS * 1_000),
        )
        self._leaves = leaves
        self._stopping = threading.Event()
        self._joined = threading.Event()
        self.generation = 0
        """The group's, as last seen; each rebalance adds one."""
        self.partitions = 0
        """How many it holds, as last seen."""
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="guest", daemon=True)

    def join(self) -> None:
        """Come in, and wait until it is a member.

        Raises:
            TopicRefusedError: it did not become one.

        """
        self._thread.start()
        wait_until(lambda: self._joined.is_set() or self._has_ended(), _JOIN_SECONDS)
        if not self._joined.is_set():
            raise TopicRefusedError(
                f"a guest did not get into the group: {self._error}"
            )

    def go(self) -> None:
        """Leave, or fall silent; wait until the client has ended."""
        self._stopping.set()
        self._thread.join(_END_SECONDS)

    def _has_ended(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        consumer = open_consumer(self._settings)
        try:
            consumer.end_offsets(
                [partition_id(self._topic, 0)], timeout_ms=_METADATA_MS
            )
            cast("_Subscribes", consumer).subscribe([self._topic])
            while not self._stopping.is_set():
                consumer.poll(timeout_ms=_POLL_MS, max_records=1)
                self._look(consumer)
        except Exception as error:  # noqa: BLE001 - told by join
            self._error = error
        self._end(consumer)

    def _look(self, consumer: ConsumerClient) -> None:
        self.partitions = len(consumer.assignment())
        membership = cast("_Membership", consumer.group_metadata())
        if membership.state == STABLE:
            self.generation = membership.generation_id
            self._joined.set()

    def _end(self, consumer: ConsumerClient) -> None:
        if self._leaves:
            consumer.close(autocommit=False, timeout_ms=_LEAVE_MS)
        else:
            end_network(consumer)


class _Subscribes(Protocol):
    def subscribe(self, topics: list[str]) -> None: ...
