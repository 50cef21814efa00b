"""The actors of a node: who is given what."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from orders.actors.event_producer import EventProducer
from orders.actors.intake_writer import IntakeWriter
from orders.actors.messages import Replies
from orders.actors.node_status import NodeStatus
from orders.actors.notifier import Notifier
from orders.actors.order_changer import OrderChanger
from orders.actors.order_consumer import OrderConsumer
from orders.actors.order_intake import OrderIntake
from orders.actors.order_reader import OrderReader
from orders.actors.pace import Pace
from orders.actors.page_reader import PageReader
from orders.actors.payment_resolver import PaymentResolver
from orders.actors.role import Role
from orders.actors.settlement_writer import SettlementWriter
from orders.actors.supervised import SupervisedActor
from orders.actors.supervisor import Child
from orders.actors.sweep_rules import SweepRules
from orders.actors.sweeper import Sweeper
from orders.cli.adapters import Adapters
from orders.cli.roles import Roles
from orders.config.settings import Settings
from orders.domain.payment import PaymentRule
from orders.messaging.partitioning import partition_of
from orders.observability.metrics import Metrics

_SECONDS_PER_HOUR = 3600

# How long a busy stage lets work gather: the longest, for each row, and the shortest. A
# client waits for the first pace; the others only come between acceptance and
# settlement, and grow from about 1,700 orders a second on (docs/decisions/0007).
_PACE_OF_ORDERS = (0.001, 0.001)
_PACE_OF_EVENTS = (0.2, 0.000_3, 0.01)
_PACE_OF_SETTLEMENTS = (0.2, 0.000_2, 0.01)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the actors of a node are made from."""

    settings: Settings
    roles: Roles
    adapters: Adapters
    prepare: Callable[[], None]
    replies: Replies
    status: NodeStatus
    metrics: Metrics


def children_of(parts: Parts) -> list[Child]:
    """List the actors in start order, the furthest downstream first."""
    return [
        *_behind_acceptance(parts),
        *_beside_the_stream(parts),
        *_intake(parts),
        *_consumers(parts),
    ]


def _behind_acceptance(parts: Parts) -> Iterator[Child]:
    """What an accepted order goes through, backwards from its last station."""
    settings, roles, adapters = parts.settings, parts.roles, parts.adapters
    max_batch_orders = settings.settlement.max_batch_orders
    common = {"status": parts.status, "telemetry": parts.metrics}
    yield _child(Notifier, roles.notifier, order_reader=roles.order_reader, **common)
    yield _child(
        SettlementWriter,
        roles.settlement_writer,
        make_store=adapters.settlement_store,
        producer=roles.event_producer,
        notifier=roles.notifier,
        sweeper=roles.sweeper,
        consumers=roles.consumers,
        upstream=(roles.payment_resolver, roles.event_producer),
        max_batch_orders=max_batch_orders,
        pace=Pace(*_PACE_OF_SETTLEMENTS, clock=time.monotonic),
        **common,
    )
    yield _child(
        EventProducer,
        roles.event_producer,
        make_publisher=adapters.publisher,
        writer=roles.settlement_writer,
        sweeper=roles.sweeper,
        max_in_flight=settings.kafka.max_in_flight,
        pace=Pace(*_PACE_OF_EVENTS, clock=time.monotonic),
        **common,
    )
    yield _child(
        PaymentResolver,
        roles.payment_resolver,
        make_store=adapters.settlement_store,
        rule=PaymentRule(settings.payment.limit, settings.payment.limits),
        writer=roles.settlement_writer,
        consumers=roles.consumers,
        max_batch_orders=max_batch_orders,
        **common,
    )


def _beside_the_stream(parts: Parts) -> Iterator[Child]:
    """What changes and reads single orders, and what looks after all of them."""
    roles, adapters, status = parts.roles, parts.adapters, parts.status
    yield _child(
        OrderChanger,
        roles.order_changer,
        make_store=adapters.change_store,
        producer=roles.event_producer,
        notifier=roles.notifier,
        sweeper=roles.sweeper,
        replies=parts.replies,
        status=status,
        telemetry=parts.metrics,
    )
    yield _child(
        OrderReader,
        roles.order_reader,
        make_store=adapters.read_store,
        replies=parts.replies,
        status=status,
        max_waiters=parts.settings.http.max_waiters,
    )
    for role in (roles.detail_reader, roles.page_reader):
        yield _child(
            PageReader,
            role,
            make_store=adapters.read_store,
            replies=parts.replies,
            status=status,
        )
    yield _child(
        Sweeper,
        roles.sweeper,
        make_store=adapters.sweep_store,
        producer=roles.event_producer,
        resolver=roles.payment_resolver,
        status=status,
        rules=_sweep_rules(parts.settings),
        partition_of=partition_of,
    )


def _intake(parts: Parts) -> Iterator[Child]:
    roles, http = parts.roles, parts.settings.http
    common = {
        "replies": parts.replies,
        "status": parts.status,
        "telemetry": parts.metrics,
        "max_batch_orders": parts.settings.intake.max_batch_orders,
    }
    for role in roles.intake_writers.values():
        yield _child(
            IntakeWriter,
            role,
            make_store=parts.adapters.intake_store,
            prepare=parts.prepare,
            intake=roles.order_intake,
            producer=roles.event_producer,
            sweeper=roles.sweeper,
            **common,
        )
    yield _child(
        OrderIntake,
        roles.order_intake,
        writers=tuple(roles.intake_writers.values()),
        client_waits_seconds=min(
            http.store_timeout_seconds, http.batch_timeout_seconds
        ),
        pace=Pace(*_PACE_OF_ORDERS, clock=time.monotonic),
        **common,
    )


def _consumers(parts: Parts) -> Iterator[Child]:
    roles = parts.roles
    for number, (name, role) in enumerate(roles.consumers.items()):
        yield _child(
            OrderConsumer,
            role,
            make_source=partial(parts.adapters.record_source, name),
            resolver=roles.payment_resolver,
            writer=roles.settlement_writer,
            sweeper=roles.sweeper,
            status=parts.status,
            reports_lag=number == 0,
        )


def _child(
    actor: type[SupervisedActor[Any]], role: Role[Any], **arguments: object
) -> Child:
    return Child(role, partial(actor.start, role, **arguments))


def _sweep_rules(settings: Settings) -> SweepRules:
    sweeper = settings.sweeper
    return SweepRules(
        interval_seconds=sweeper.interval_seconds,
        lease_seconds=sweeper.lease_seconds,
        abandoned_after_seconds=sweeper.abandoned_after_seconds,
        stuck_after_seconds=sweeper.stuck_after_seconds,
        settle_anyway_after_seconds=sweeper.settle_anyway_after_seconds,
        stuck_page=sweeper.max_stuck_per_tick,
        max_unpublished=settings.intake.max_unpublished,
        key_retention_seconds=sweeper.key_retention_hours * _SECONDS_PER_HOUR,
    )
