"""The topic is seen to before the first poll, and again when a client broke."""

import threading
from collections.abc import Callable

import pytest

from orders.cli import topic_first
from orders.cli.topic_first import TopicCare, TopicFirst
from orders.domain.errors import BrokerUnavailableError


class Source:
    """Polls well until told otherwise."""

    outstanding = 0
    done = lag = group_lag = why_away = close = None

    def __init__(self) -> None:
        self.broken = False
        self.polls = 0

    def poll(self, *, hold: bool = False) -> None:
        if self.broken:
            raise BrokerUnavailableError("its topic is gone")
        self.polls += 1


class Topic:
    """Counts how often it is seen to; away until it is there."""

    def __init__(self, *, there: bool = True) -> None:
        self.there = there
        self.looks = 0
        self.now = 100.0
        self.care = TopicCare(self.make, clock=lambda: self.now)

    def make(self) -> None:
        self.looks += 1
        if not self.there:
            raise BrokerUnavailableError("Kafka is away")


def poll(source: TopicFirst, times: int = 1) -> int:
    """Return how many of the polls failed."""
    failed = 0
    for _ in range(times):
        try:
            source.poll()
        except BrokerUnavailableError:
            failed += 1
    return failed


def test_the_topic_is_seen_to_once_while_all_is_well() -> None:
    topic = Topic()
    source = TopicFirst(Source(), topic.care)

    poll(source, 3)

    assert topic.looks == 1


def test_nothing_is_polled_until_the_topic_is_there() -> None:
    topic, polled = Topic(there=False), Source()
    source = TopicFirst(polled, topic.care)

    assert poll(source) == 1
    assert polled.polls == 0

    topic.there, topic.now = True, topic.now + 10
    assert poll(source) == 0
    assert polled.polls == 1


def test_the_topic_is_seen_to_again_when_a_client_broke() -> None:
    topic, polled = Topic(), Source()
    source = TopicFirst(polled, topic.care)
    poll(source)
    polled.broken = True
    poll(source)

    polled.broken = False
    poll(source)

    assert topic.looks == 2


def test_a_consumer_whose_client_works_is_not_held_up_by_another() -> None:
    topic, broken = Topic(), Source()
    works, fails = TopicFirst(Source(), topic.care), TopicFirst(broken, topic.care)
    poll(works)
    poll(fails)
    broken.broken, topic.there = True, False
    poll(fails, 2)

    assert poll(works, 3) == 0


def test_a_broker_that_is_away_is_not_asked_at_every_poll() -> None:
    topic = Topic(there=False)
    source = TopicFirst(Source(), topic.care)

    assert poll(source, 100) == 100

    assert topic.looks == 1


def test_nobody_waits_long_for_another_that_sees_to_the_topic(
    monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
) -> None:
    monkeypatch.setattr(topic_first, "_TURN_SECONDS", 0.01)
    looking, go_on = threading.Event(), threading.Event()

    def make_slowly() -> None:
        looking.set()
        go_on.wait(10)

    care = TopicCare(make_slowly)
    first = threading.Thread(target=care.see_to_it)
    first.start()
    assert looking.wait(10)

    with pytest.raises(BrokerUnavailableError, match="another consumer"):
        care.see_to_it()

    go_on.set()
    first.join(10)
    care.see_to_it()
