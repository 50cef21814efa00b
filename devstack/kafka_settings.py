"""The ``server.properties`` of the embedded broker."""

from collections.abc import Mapping
from pathlib import Path

from orders.devstack.ports import LOOPBACK

MAIN_LISTENER = "PLAINTEXT"


def server_properties(
    *,
    port: int,
    controller_port: int,
    log_dir: Path,
    listeners: Mapping[str, tuple[int, int]],
) -> str:
    """Return the properties of one KRaft node that is broker and controller.

    ``listeners`` adds named listeners, each (port to listen on, port to advertise):
    a client that comes through one is sent to its advertised port for everything,
    so that a proxy in front of a listener sees all of that client's traffic.
    """
    listens = {MAIN_LISTENER: port} | {
        name: pair[0] for name, pair in listeners.items()
    }
    advertises = {MAIN_LISTENER: port} | {
        name: pair[1] for name, pair in listeners.items()
    }
    protocols = ["CONTROLLER:PLAINTEXT", *(f"{name}:PLAINTEXT" for name in listens)]
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{controller_port}",
        "listeners": f"{_join(listens)},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": _join(advertises),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": MAIN_LISTENER,
        "listener.security.protocol.map": ",".join(protocols),
        "log.dirs": str(log_dir),
        **_SINGLE_NODE,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def _join(listeners: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in listeners.items())


_SINGLE_NODE = {
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
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
