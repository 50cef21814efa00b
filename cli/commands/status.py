"""``orders status``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders.cli.output import (
    AsJson,
    age_text,
    count_text,
    print_json,
    print_rows,
    print_table,
)
from orders.cli.target import database_reads

if TYPE_CHECKING:
    from orders.persistence.operator_reads import LivingNode, OperatorReads, Unsettled


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that Kafka has not confirmed."""

    pending: int
    oldest_age_seconds: float
    is_more: bool


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The whole service as the database knows it."""

    unsettled: "Unsettled"
    outbox: Backlog
    dead_letters: int
    nodes: tuple["LivingNode", ...]


def status(as_json: AsJson = False) -> None:
    """Show what waits, how old it is, and which nodes are there.

    Counting stops at 100000; the numbers are of all nodes together.

    Example: watch orders status
    """
    with database_reads() as reads:
        state = _read(reads)
    if as_json:
        print_json(state)
    else:
        _print(state)


def _read(reads: "OperatorReads") -> ServiceStatus:
    from orders.persistence.operator_reads import MAX_COUNTED  # noqa: PLC0415

    pending, age = reads.outbox()
    return ServiceStatus(
        unsettled=reads.unsettled(),
        outbox=Backlog(pending, age, pending >= MAX_COUNTED),
        dead_letters=reads.count_dead_letters(),
        nodes=reads.living_nodes(),
    )


def _print(state: ServiceStatus) -> None:
    unsettled, outbox = state.unsettled, state.outbox
    print_rows(
        {
            "unsettled orders": count_text(unsettled.count, is_more=unsettled.is_more),
            "  of them stuck": unsettled.stuck,
            "  oldest": _age(unsettled.count, unsettled.oldest_age_seconds),
            "events not in Kafka": count_text(outbox.pending, is_more=outbox.is_more),
            "  oldest event": _age(outbox.pending, outbox.oldest_age_seconds),
            "dead letters": state.dead_letters,
            "nodes": len(state.nodes),
        }.items()
    )
    if not state.nodes:
        return
    print()
    rows = [
        (
            node.name,
            node.registered_at,
            f"{node.lease_seconds_left:.0f} s",
            ", ".join(node.leases) or None,
        )
        for node in state.nodes
    ]
    print_table(("NODE", "SINCE", "LEASE LEFT", "DOES FOR ALL"), rows)


def _age(count: int, seconds: float) -> str | None:
    return age_text(seconds) if count else None
