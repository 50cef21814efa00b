"""What the embedded Kafka decides before it starts anything."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orders.devstack.errors import DevstackError
from orders.devstack.kafka import EmbeddedKafka, new_cluster_id


def test_a_cluster_id_never_looks_like_an_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks: Iterator[bytes] = iter([b"\xfb" * 16, b"\x00" * 16])
    monkeypatch.setattr(os, "urandom", lambda size: next(blocks))

    assert new_cluster_id() == "A" * 22


def test_the_address_is_unknown_before_the_first_start(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path)

    with pytest.raises(DevstackError, match="no port before its first start"):
        _ = kafka.bootstrap_servers


def test_a_given_port_is_the_address(tmp_path: Path) -> None:
    assert EmbeddedKafka(tmp_path, 9092).bootstrap_servers == "127.0.0.1:9092"


def test_killing_what_does_not_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DevstackError, match="not running"):
        EmbeddedKafka(tmp_path).kill()


def test_stopping_what_does_not_run_is_harmless(tmp_path: Path) -> None:
    EmbeddedKafka(tmp_path).stop()
