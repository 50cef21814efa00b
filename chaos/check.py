"""The check of a batch, wired to its database, its topic and its journal."""

from contextlib import closing
from decimal import Decimal
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.topic_view import TopicAsNodesLeftIt
from orders.domain.payment import PaymentRule
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.topic_audit import KafkaTopicAudit
from orders.persistence.audit import order_audit
from orders.verification.check import verify
from orders.verification.rules import Rules
from orders.verification.verdict import Verdict

RULES: Final = Rules(
    payment=PaymentRule(Decimal(1000), {}),  # the nodes' default
    grace_seconds=0.0,  # everything was given its time before
    journal_is_complete=True,  # nobody else makes orders in a batch's database
)
_MUST_BE_SEEN = ("operations", "orders", "records")


class NothingSeenError(Exception):
    """The check found nothing wrong, for there was nothing to look at."""


def check_batch(arena: Arena) -> Verdict:
    """Check everything that a batch left behind; its nodes are stopped.

    Raises:
        NothingSeenError: no operations, orders or records are there.
        DatabaseUnavailableError: PostgreSQL is away.
        BrokerUnavailableError: Kafka is away.

    """
    quieten_client_logs()
    brokers = arena.stack.bootstrap_servers()
    audit = KafkaTopicAudit(brokers, arena.topic, arena.group)
    records = TopicAsNodesLeftIt(audit, arena.earlier, arena.forged)
    with (
        closing(audit),
        order_audit(arena.database_url, arena.topic) as history,
    ):
        verdict = verify(history, records, arena.operations(), RULES)
    require_seen(verdict)
    return verdict


def require_seen(verdict: Verdict) -> None:
    """Refuse a verdict about nothing.

    Raises:
        NothingSeenError: see there; a verdict with findings stands nevertheless.

    """
    unseen = [name for name in _MUST_BE_SEEN if not verdict.counts.get(name)]
    if unseen and verdict.ok:
        raise NothingSeenError(f"the check saw no {' and no '.join(unseen)}")
