"""The check of the service that the settings name; for ``verify`` and ``load``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orders.cli.failure import CommandError
from orders.cli.target import bootstrap_servers, database_url

if TYPE_CHECKING:
    from orders.config.settings import Settings
    from orders.verification.ports import Progress
    from orders.verification.rules import Rules
    from orders.verification.verdict import Verdict

_SECONDS_PER_HOUR = 3600
_REPAIR_SECONDS = 60.0
"""What a repair by the sweeper takes once it is due."""


def rules_of(
    settings: "Settings",
    grace: float | None = None,
    journal_is_complete: bool = False,
    ignore_limit: bool = False,
    witnesses: int | None = None,
) -> "Rules":
    """Return the rules that follow from the settings and from who is watching."""
    from orders.domain.payment import PaymentRule  # noqa: PLC0415
    from orders.verification.rules import Rules  # noqa: PLC0415
    from orders.verification.verdict import MAX_WITNESSES  # noqa: PLC0415

    payment, sweeper = settings.payment, settings.sweeper
    # A row that is young when its node falls silent waits for older ones before it.
    repaired = 2 * sweeper.abandoned_after_seconds + _REPAIR_SECONDS
    return Rules(
        None if ignore_limit else PaymentRule(payment.limit, payment.limits),
        repaired if grace is None else grace,
        sweeper.key_retention_hours * _SECONDS_PER_HOUR,
        journal_is_complete,
        MAX_WITNESSES if witnesses is None else witnesses,
    )


def check_service(
    settings: "Settings",
    journals: Sequence[Path],
    rules: "Rules",
    progress: "Progress",
) -> "Verdict":
    """Check the database and the topic of the settings.

    Raises:
        CommandError: a journal cannot be read, or there is no such topic.
        UnavailableError: PostgreSQL or Kafka is away.

    """
    from orders.cli.adapters import security_of  # noqa: PLC0415
    from orders.cli.verification import verify as run  # noqa: PLC0415
    from orders.messaging.topic_audit import TopicMissingError  # noqa: PLC0415
    from orders.verification.journal import JournalError  # noqa: PLC0415

    try:
        return run(
            database_url(settings),
            bootstrap_servers(settings),
            settings.kafka.topic,
            settings.kafka.group,
            journals,
            rules,
            security=security_of(settings.kafka),
            progress=progress,
        )
    except (JournalError, OSError, TopicMissingError) as error:
        raise CommandError(str(error)) from error
