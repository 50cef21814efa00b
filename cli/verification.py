"""Puts a check together: journals, the database and the topic."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.topic_audit import KafkaTopicAudit
from orders.persistence.audit import order_audit
from orders.verification import check
from orders.verification.journal import Operation, read_journal
from orders.verification.ports import Progress
from orders.verification.rules import Rules
from orders.verification.verdict import Verdict


def verify(
    database_url: str,
    bootstrap_servers: str,
    topic: str,
    group: str | None,
    journals: Sequence[Path],
    rules: Rules,
    *,
    security: Mapping[str, object] | None = None,
    progress: Progress,
) -> Verdict:
    """Check a running or stopped service; see ``orders.verification.check``.

    Raises:
        DatabaseUnavailableError: PostgreSQL is away or lacks the tables.
        BrokerUnavailableError: Kafka is away.
        TopicMissingError: there is no such topic.
        JournalError: a journal holds something else.
        OSError: a journal cannot be read.

    """
    quieten_client_logs()
    records = KafkaTopicAudit(bootstrap_servers, topic, group, security=security)
    with closing(records), order_audit(database_url, topic) as history:
        return check.verify(history, records, _operations(journals), rules, progress)


def _operations(journals: Sequence[Path]) -> Iterator[Operation]:
    return chain.from_iterable(map(read_journal, journals))
