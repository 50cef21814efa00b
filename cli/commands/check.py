"""``orders check``."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from orders.cli.failure import CommandError, reason_of
from orders.cli.output import AsJson, print_json, print_table
from orders.cli.target import bootstrap_servers, database_url, read_settings
from orders.domain.errors import UnavailableError

if TYPE_CHECKING:
    from orders.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    ok: bool
    what: str
    detail: str


def check(as_json: AsJson = False) -> None:
    """Check settings, PostgreSQL and Kafka; exit 1 if a node could not serve.

    Example: orders check && orders serve
    """
    findings = list(_findings())
    if as_json:
        print_json(findings)
    else:
        rows = [("ok" if it.ok else "FAILED", it.what, it.detail) for it in findings]
        print_table(("", "CHECK", "DETAIL"), rows)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _findings() -> Iterator[Finding]:
    try:
        settings = read_settings()
    except CommandError as error:
        yield Finding(ok=False, what="settings", detail=_one_line(error))
        return
    yield Finding(ok=True, what="settings", detail=f"node {settings.node_name}")
    yield from _database_findings(settings)
    yield from _broker_findings(settings)


def _database_findings(settings: "Settings") -> Iterator[Finding]:
    from orders.cli.adapters import connections_of  # noqa: PLC0415
    from orders.persistence.durability import check_durability  # noqa: PLC0415
    from orders.persistence.migrations import pending  # noqa: PLC0415
    from orders.persistence.operator_reads import operator_reads  # noqa: PLC0415
    from orders.persistence.session import Session  # noqa: PLC0415
    from orders.persistence.sharing import (  # noqa: PLC0415
        check_pool_mode,
        check_room,
        connection_room,
    )

    def reach() -> str:
        with operator_reads(database_url(settings)) as reads:
            return f"version {reads.server_version()}, takes writes"

    def durable() -> str:
        session = Session(database_url(settings), application_name="orders cli")
        try:
            check_durability(session)
        finally:
            session.close()
        return "a confirmed commit survives a crash"

    def connections() -> str:
        url, name = database_url(settings), "orders cli"
        with (
            closing(Session(url, application_name=name)) as one,
            closing(Session(url, application_name=name)) as other,
        ):
            check_pool_mode(one, other)
            wanted = connections_of(settings)
            check_room(one, wanted)
            return f"a node opens up to {wanted} of {connection_room(one)}"

    def schema() -> str:
        missing = pending(database_url(settings))
        if missing:
            raise CommandError(f"lacks {', '.join(missing)}: run `orders migrate`")
        return "up to date"

    reached = _look("postgresql", reach)
    yield reached
    if reached.ok:
        yield _look("durability", durable)
        yield _look("connections", connections)
        yield _look("schema", schema)


def _broker_findings(settings: "Settings") -> Iterator[Finding]:
    from orders.cli.topic_look import Topic, TopicDesk  # noqa: PLC0415

    found: list[Topic | None] = []

    def reach() -> str:
        brokers = bootstrap_servers(settings)
        found.append(TopicDesk(settings.kafka, brokers).look())
        return brokers

    def topic() -> str:
        [state] = found
        if state is None:
            return f"{settings.kafka.topic} is missing; the first node makes it"
        if state.problems:
            raise CommandError("; ".join(state.problems))
        planned = f"{state.name}: {len(state.partitions)} partitions, as planned"
        return "; ".join((planned, *state.unchecked))

    reached = _look("kafka", reach)
    yield reached
    if reached.ok:
        yield _look("topic", topic)


def _look(what: str, look: Callable[[], str]) -> Finding:
    from orders.messaging.topics import TopicError  # noqa: PLC0415
    from orders.persistence.durability import UnsafeServerError  # noqa: PLC0415
    from orders.persistence.migrations import MigrationError  # noqa: PLC0415

    try:
        return Finding(ok=True, what=what, detail=look())
    except (
        CommandError,
        MigrationError,
        TopicError,
        UnavailableError,
        UnsafeServerError,
    ) as error:
        return Finding(ok=False, what=what, detail=_one_line(error))


def _one_line(error: Exception) -> str:
    return " ".join(reason_of(error).split())
