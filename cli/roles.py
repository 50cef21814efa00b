"""Every role of the process, with its lane: the seats that actors come and go in."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from orders.actors.lane import Lane
from orders.actors.messages import (
    ChangeOrder,
    DetailQuestion,
    NotifyCustomers,
    PageQuestion,
    PublishEvents,
    ReadOrder,
    ResolvePayments,
    StoreOrders,
)
from orders.actors.ports import Clock, Log
from orders.actors.role import Role
from orders.actors.settlement_writer import SettlementWork, weigh_settlement_work
from orders.config.settings import Settings

_CHANGES_WAITING = 1_000
_READS_WAITING = 10_000
_PAGES_WAITING = 1_000
_NOTICES_WAITING = 50_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Roles:
    """Named after what they do; in logs and metrics with hyphens."""

    order_intake: Role[StoreOrders]
    settlement_writer: Role[SettlementWork]
    event_producer: Role[PublishEvents]
    payment_resolver: Role[ResolvePayments]
    notifier: Role[NotifyCustomers]
    order_changer: Role[ChangeOrder]
    order_reader: Role[ReadOrder]
    detail_reader: Role[DetailQuestion]
    page_reader: Role[PageQuestion]
    sweeper: Role[None]
    key_keeper: Role[None]
    intake_writers: dict[str, Role[StoreOrders]]
    consumers: dict[str, Role[None]]

    def __iter__(self) -> Iterator[Role[Any]]:
        """Go through every role."""
        for field in fields(self):
            value = getattr(self, field.name)
            yield from value.values() if isinstance(value, dict) else (value,)


def make_roles(settings: Settings, *, log: Log, clock: Clock) -> Roles:
    """Make the roles with lanes of the sizes that ``settings`` asks for."""

    def role(name: str, lane: Lane[T]) -> Role[T]:
        return Role(name, lane, log=log, clock=clock)

    intake, settlement = settings.intake, settings.settlement
    writers = [f"intake-writer-{n}" for n in range(1, intake.writers + 1)]
    consumers = [f"order-consumer-{n}" for n in range(1, settings.kafka.consumers + 1)]
    return Roles(
        order_intake=role(
            "order-intake",
            Lane(intake.max_waiting_orders, lambda m: len(m.submissions)),
        ),
        settlement_writer=role(
            "settlement-writer",
            Lane(4 * settlement.max_batch_orders, weigh_settlement_work),
        ),
        event_producer=role(
            "event-producer",
            Lane(2 * settings.kafka.max_in_flight, lambda m: len(m.events)),
        ),
        payment_resolver=role(
            "payment-resolver",
            Lane(settlement.max_waiting_orders, lambda m: len(m.order_ids)),
        ),
        notifier=role("notifier", Lane(_NOTICES_WAITING, lambda m: len(m.settlements))),
        order_changer=role("order-changer", Lane(_CHANGES_WAITING)),
        order_reader=role("order-reader", Lane(_READS_WAITING)),
        detail_reader=role("detail-reader", Lane(_PAGES_WAITING)),
        page_reader=role("page-reader", Lane(_PAGES_WAITING)),
        sweeper=role("sweeper", Lane(1)),
        key_keeper=role("key-keeper", Lane(1)),
        intake_writers={
            name: role(
                name,
                # One batch being written and one to follow it.
                Lane(2 * intake.max_batch_orders, lambda m: len(m.submissions)),
            )
            for name in writers
        },
        consumers={name: role(name, Lane(1)) for name in consumers},
    )
