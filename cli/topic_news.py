"""Tells of the topic what is new: it is looked at again after each outage."""

from orders.actors.ports import Log
from orders.messaging.topics import TopicReport


class TopicNews:
    """Logs each sentence when it begins to be true, not each time it is."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._said: frozenset[str] = frozenset()

    def refused(self, error: str) -> None:
        """Say that there is no topic, and why."""
        if error not in self._said:
            self._log.error("topic.refused", error=error)
        self._said = frozenset({error})

    def found(self, report: TopicReport) -> None:
        """Say what the topic is like."""
        name = report.name
        if report.created:
            self._log.info("topic.created", topic=name, partitions=report.partitions)
        for problem in report.problems:
            if problem not in self._said:
                self._log.warning(
                    "topic.differs_from_plan", topic=name, problem=problem
                )
        for reason in report.unchecked:
            if reason not in self._said:
                self._log.warning("topic.not_checked", topic=name, reason=reason)
        self._said = frozenset((*report.problems, *report.unchecked))
