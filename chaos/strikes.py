"""Which function carries out which fault, and the settings its nodes are given."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.faults.absences import strike_absence
from orders.chaos.faults.actors import strike_actor
from orders.chaos.faults.answers import strike_answer
from orders.chaos.faults.brokers import strike_broker
from orders.chaos.faults.clocks import strike_clock
from orders.chaos.faults.disks import strike_disk
from orders.chaos.faults.failpoints import strike_failpoint
from orders.chaos.faults.floods import strike_flood
from orders.chaos.faults.freezes import STATEMENT_SECONDS, strike_freeze
from orders.chaos.faults.kills import strike_kill
from orders.chaos.faults.links import strike_link
from orders.chaos.faults.losses import strike_loss
from orders.chaos.faults.names import strike_name
from orders.chaos.faults.nemesis import strike_at_random
from orders.chaos.faults.partitions import strike_partition
from orders.chaos.faults.poison import strike_poison
from orders.chaos.faults.postgres import strike_postgres
from orders.chaos.faults.rebalances import strike_rebalances
from orders.chaos.faults.replays import strike_replay
from orders.chaos.faults.replicas import strike_replicas
from orders.chaos.faults.restarts import strike_rolling_restart
from orders.chaos.faults.restores import strike_restore
from orders.chaos.faults.shortages import strike_shortage
from orders.chaos.faults.slow_clients import strike_slow_clients
from orders.chaos.faults.strangers import strike_stranger
from orders.chaos.faults.unwritable import strike_unwritable
from orders.chaos.faults.upgrades import strike_upgrade
from orders.chaos.faults.zombies import strike_zombie
from orders.chaos.plan import BROKERS_OF_THREE, plan_trial
from orders.chaos.trial import Hit, Trial

Strike = Callable[[Arena, Trial], Hit]
"""Carries one trial out and returns when everything runs again."""

_ROWS: Final[Mapping[str, Strike]] = MappingProxyType(
    {
        "F1": strike_kill,
        "F2": strike_failpoint,
        "F3": strike_zombie,
        "F4": strike_actor,
        "F5": strike_broker,
        "F5L": strike_absence,
        "F6": strike_broker,
        "F6L": strike_replicas,
        "F6P": strike_unwritable,
        "F7": strike_loss,
        "F8": strike_postgres,
        "F9": strike_freeze,
        "F10": strike_answer,
        "F11": strike_link,
        "F12": strike_partition,
        "F13": strike_rebalances,
        "F14": strike_replay,
        "F15": strike_poison,
        "F16": strike_disk,
        "F17": strike_clock,
        "F20": strike_flood,
        "F21": strike_slow_clients,
        "F22": strike_rolling_restart,
        "F23": strike_shortage,
        "F24": strike_upgrade,
        "F26": strike_name,
        "F27": strike_restore,
        "F28": strike_stranger,
    }
)

_AT_RANDOM = ("F25", "F25L")

STRIKES: Final[Mapping[str, Strike]] = MappingProxyType(
    {
        **_ROWS,
        **dict.fromkeys(_AT_RANDOM, partial(strike_at_random, _ROWS, plan_trial)),
    }
)

_ON_THREE_BROKERS: Mapping[str, str] = {
    "ORDERS_KAFKA__REPLICATION_FACTOR": str(BROKERS_OF_THREE),
    "ORDERS_KAFKA__MIN_INSYNC_REPLICAS": str(BROKERS_OF_THREE - 1),
}
# A call to a silent server ends 3 s after that.
_SHORT_STATEMENTS: Mapping[str, str] = {
    "ORDERS_DATABASE__STATEMENT_TIMEOUT_SECONDS": str(STATEMENT_SECONDS)
}

NODE_SETTINGS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        # Well above the two seconds between two pings: an idle actor does not hang.
        "F4": {"ORDERS_SUPERVISOR__HANG_SECONDS": "5"},
        "F6L": _ON_THREE_BROKERS,
        "F6P": _ON_THREE_BROKERS,
        "F9": _SHORT_STATEMENTS,
        "F12": _SHORT_STATEMENTS,
        "F25": _SHORT_STATEMENTS,
        "F25L": {**_SHORT_STATEMENTS, **_ON_THREE_BROKERS},
    }
)
"""Settings of the nodes of one fault, over those of every chaos run."""

PATIENCE_SECONDS: Final[Mapping[str, float]] = MappingProxyType(
    dict.fromkeys(("F3", *_AT_RANDOM), 2.0)
)
"""Of the clients, where a node may take a request and answer it much later, or never:
they turn to the other node with the same key, so that both may have the order."""

FROM_RELEASE_BEFORE: Final = frozenset({"F24"})
"""Faults whose batches begin with nodes of the release before."""

THROUGH_PROXY: Final = frozenset({"F10", "F11", "F23", *_AT_RANDOM})
"""Faults for which clients reach the nodes through a proxy too."""
