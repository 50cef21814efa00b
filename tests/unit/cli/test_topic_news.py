"""What is wrong with the topic is said when it begins, not each time it is seen."""

from unittest.mock import Mock, call

import pytest

from orders.cli.topic_news import TopicNews
from orders.messaging.topics import TopicReport


@pytest.fixture
def log() -> Mock:
    return Mock()


def report(
    *problems: str, created: bool = False, unchecked: tuple[str, ...] = ()
) -> TopicReport:
    return TopicReport("orders", created, 3, problems, unchecked)


def test_a_problem_is_said_once(log: Mock) -> None:
    news = TopicNews(log)

    news.found(report("a"))
    news.found(report("a", "b"))

    said = [it.kwargs["problem"] for it in log.warning.call_args_list]
    assert said == ["a", "b"]


def test_a_problem_that_comes_back_is_said_again(log: Mock) -> None:
    news = TopicNews(log)

    for seen in (report("a"), report(), report("a")):
        news.found(seen)

    assert log.warning.call_count == 2


def test_what_may_not_be_looked_at_is_said_once(log: Mock) -> None:
    news = TopicNews(log)

    news.found(report(unchecked=("settings",)))
    news.found(report(unchecked=("settings",)))

    assert log.warning.call_args_list == [
        call("topic.not_checked", topic="orders", reason="settings")
    ]


def test_a_refusal_is_said_once_until_the_topic_is_there(log: Mock) -> None:
    news = TopicNews(log)

    news.refused("no right")
    news.refused("no right")
    news.found(report(created=True))
    news.refused("no right")

    assert log.error.call_count == 2
    assert log.info.call_args == call("topic.created", topic="orders", partitions=3)
