"""Sees to the topic before consumers read it, and again when a client broke."""

import threading
import time
from collections.abc import Callable

from orders.actors.ports import Clock, RecordSource
from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.domain.records import RecordBatch
from orders.messaging.backoff import Backoff

_TURN_SECONDS = 1.0
"""How long one consumer waits while another sees to the topic: far below a hang."""


class TopicCare:
    """What the consumers of a node share: one at a time sees to the topic.

    Args:
        make_topic: makes it or looks at it; may take seconds, and raises
            ``BrokerUnavailableError`` where it cannot.
        clock: monotonic seconds.

    """

    def __init__(
        self, make_topic: Callable[[], None], *, clock: Clock = time.monotonic
    ) -> None:
        self._make_topic = make_topic
        self._turn = threading.Lock()
        self._backoff = Backoff(clock)
        self._away = BrokerUnavailableError(
            "another consumer sees to the topic", fault=BrokerFault.UNKNOWN
        )

    def see_to_it(self) -> None:
        """Return once the topic is there.

        Raises:
            BrokerUnavailableError: it is not, or nobody could tell yet.

        """
        if self._backoff.remaining_seconds:
            raise self._away.with_traceback(None)
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            raise self._away.with_traceback(None)
        try:
            self._make_topic()
        except BrokerUnavailableError as error:
            self._away = error
            self._backoff.failed()
            raise
        else:
            self._backoff.succeeded()
        finally:
            self._turn.release()


class TopicFirst:
    """A record source whose first poll sees to the topic.

    So does the first one after its client broke: somebody may have deleted the topic,
    or Kafka lost it. Consumers whose clients work are not held up.
    """

    def __init__(self, source: RecordSource, care: TopicCare) -> None:
        self._source = source
        self._care = care
        self._is_there = False
        self.done = source.done
        self.lag = source.lag
        self.group_lag = source.group_lag
        self.why_away = source.why_away
        self.close = source.close

    @property
    def outstanding(self) -> int:
        """Batches polled and not done."""
        return self._source.outstanding

    def poll(self, *, hold: bool = False) -> RecordBatch | None:
        """Poll; until the topic is there, only that is seen to."""
        if not self._is_there:
            self._care.see_to_it()
            self._is_there = True
        try:
            return self._source.poll(hold=hold)
        except BrokerUnavailableError:
            self._is_there = False
            raise
