"""The ``server.properties`` of the embedded brokers."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from orders.devstack.ports import LOOPBACK

MAIN_LISTENER = "PLAINTEXT"
NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})
_MECHANISM = "SCRAM-SHA-512"
_PROTOCOLS = ("SASL_PLAINTEXT", "SASL_SSL", "SSL")


class BrokerPlace(NamedTuple):
    """Which broker of a cluster one is: the first is its only controller too."""

    node_id: int = 1
    replicas: int = 1
    """Of Kafka's own topics: how many brokers there are."""

    @property
    def is_controller(self) -> bool:
        """Whether it decides who leads."""
        return self.node_id == 1


ALONE: Final = BrokerPlace()


def server_properties(
    *,
    port: int,
    controller_port: int,
    log_dir: Path,
    listeners: Mapping[str, tuple[int, int]],
    place: BrokerPlace = ALONE,
    more: Mapping[str, str] = NO_SETTINGS,
) -> str:
    """Return the properties of one KRaft node: a broker, the first a controller too.

    ``controller_port`` is that of the cluster's controller.
    ``listeners`` adds named listeners, each (port to listen on, port to advertise):
    a client that comes through one is sent to its advertised port for everything,
    so that a proxy in front of a listener sees all of that client's traffic. One
    whose name begins with a security protocol speaks it, all others plain text.
    ``more`` are further settings, and win over those here.
    """
    listens = {MAIN_LISTENER: port} | {
        name: pair[0] for name, pair in listeners.items()
    }
    advertises = {MAIN_LISTENER: port} | {
        name: pair[1] for name, pair in listeners.items()
    }
    listening = _join(listens)
    if place.is_controller:
        listening += f",CONTROLLER://{LOOPBACK}:{controller_port}"
    protocols = {name: _protocol_of(name) for name in listens}
    properties = {
        "process.roles": "broker,controller" if place.is_controller else "broker",
        "node.id": str(place.node_id),
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{controller_port}",
        "listeners": listening,
        "advertised.listeners": _join(advertises),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": MAIN_LISTENER,
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocol}"
            for name, protocol in {"CONTROLLER": "PLAINTEXT", **protocols}.items()
        ),
        "log.dirs": str(log_dir),
        **{name: str(place.replicas) for name in _REPLICATED},
        **_SMALL,
        **more,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def _protocol_of(name: str) -> str:
    return next((it for it in _PROTOCOLS if name.startswith(it)), "PLAINTEXT")


def _join(listeners: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in listeners.items())


ACLS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "authorizer.class.name": (
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        ),
        # Who comes by the main listener: the brokers, and whoever hands out rights.
        "super.users": "User:ANONYMOUS",
    }
)
"""Settings with which all others may only do what an ACL allows them."""
SCRAM: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sasl.enabled.mechanisms": _MECHANISM,
        **{
            f"listener.name.{protocol}.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            )
            for protocol in ("sasl_plaintext", "sasl_ssl")
        },
    }
)
"""Settings with which the SASL listeners take users and passwords, SCRAM-SHA-512."""

_REPLICATED = (
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)
_SMALL = {
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "auto.create.topics.enable": "false",
    # A first consumer need not wait for company, and tests fail over quickly.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "3000",
    # A killed broker may register again once its old session has run out.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # A laptop's disk: seven days or 1 GiB a partition, whichever comes first.
    "log.retention.hours": "168",
    "log.retention.bytes": "1073741824",
    "log.segment.bytes": "268435456",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "16777216",
}
