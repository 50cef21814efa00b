"""The broker's properties say where to listen and what to advertise."""

from pathlib import Path

import pytest

from orders.devstack.kafka_settings import BrokerPlace, server_properties


def _properties(listeners: dict[str, tuple[int, int]]) -> dict[str, str]:
    text = server_properties(
        port=9001, controller_port=9002, log_dir=Path("/data"), listeners=listeners
    )
    return dict(line.split("=", 1) for line in text.splitlines())


def test_without_more_listeners_there_are_the_broker_and_its_controller() -> None:
    properties = _properties({})

    assert properties["listeners"] == (
        "PLAINTEXT://127.0.0.1:9001,CONTROLLER://127.0.0.1:9002"
    )


def test_the_controller_is_not_advertised() -> None:
    properties = _properties({})

    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9001"


def test_a_named_listener_listens_on_its_own_port() -> None:
    properties = _properties({"NODE1": (9101, 9201)})

    assert "NODE1://127.0.0.1:9101" in properties["listeners"].split(",")


def test_a_named_listener_advertises_its_proxy() -> None:
    properties = _properties({"NODE1": (9101, 9201)})

    assert properties["advertised.listeners"].split(",")[1] == (
        "NODE1://127.0.0.1:9201"
    )


def test_a_named_listener_has_a_protocol() -> None:
    properties = _properties({"NODE1": (9101, 9201)})

    protocols = properties["listener.security.protocol.map"].split(",")
    assert "NODE1:PLAINTEXT" in protocols


def test_topics_are_made_on_purpose_only() -> None:
    assert _properties({})["auto.create.topics.enable"] == "false"


def test_a_further_broker_is_no_controller() -> None:
    text = server_properties(
        port=9001,
        controller_port=9002,
        log_dir=Path("/data"),
        listeners={},
        place=BrokerPlace(node_id=2, replicas=3),
    )

    properties = dict(line.split("=", 1) for line in text.splitlines())
    assert properties["process.roles"] == "broker"
    assert properties["node.id"] == "2"
    assert "CONTROLLER" not in properties["listeners"]
    assert properties["controller.quorum.bootstrap.servers"] == "127.0.0.1:9002"
    assert properties["offsets.topic.replication.factor"] == "3"


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("SASL_SSL", "SASL_SSL"), ("SSL_OLD", "SSL"), ("N1", "PLAINTEXT")],
)
def test_a_listener_named_after_a_protocol_speaks_it(name: str, protocol: str) -> None:
    properties = _properties({name: (9101, 9201)})

    protocols = properties["listener.security.protocol.map"].split(",")
    assert f"{name}:{protocol}" in protocols


def test_further_settings_win() -> None:
    text = server_properties(
        port=9001,
        controller_port=9002,
        log_dir=Path("/data"),
        listeners={},
        more={"num.io.threads": "9", "authorizer.class.name": "a.B"},
    )

    lines = text.splitlines()
    assert [line for line in lines if "num.io" in line] == ["num.io.threads=9"]
    assert "authorizer.class.name=a.B" in lines
