"""The topic is seen to before the first poll, and again when a client broke."""

import pytest

from orders.cli.adapters import _TopicFirst
from orders.domain.errors import BrokerUnavailableError


class Source:
    """Polls well until told otherwise."""

    outstanding = 0
    done = lag = group_lag = close = None

    def __init__(self) -> None:
        self.broken = False

    def poll(self, *, hold: bool = False) -> None:
        if self.broken:
            raise BrokerUnavailableError("its topic is gone")


class Topic:
    def __init__(self) -> None:
        self.seen = False
        self.looks = 0

    def ensure(self) -> None:
        self.looks += not self.seen
        self.seen = True

    def doubt(self) -> None:
        self.seen = False


def test_the_topic_is_looked_for_once_while_all_is_well() -> None:
    topic = Topic()
    source = _TopicFirst(Source(), topic.ensure, topic.doubt)

    source.poll()
    source.poll()

    assert topic.looks == 1


def test_the_topic_is_looked_for_again_when_a_client_broke() -> None:
    topic, broken = Topic(), Source()
    source = _TopicFirst(broken, topic.ensure, topic.doubt)
    source.poll()
    broken.broken = True
    with pytest.raises(BrokerUnavailableError):
        source.poll()

    broken.broken = False
    source.poll()

    assert topic.looks == 2
