"""Losing all of Kafka's data, on purpose."""

from pathlib import Path
from typing import cast

import pytest

from orders.devstack.child import ServerProcess
from orders.devstack.errors import DevstackError
from orders.devstack.kafka import EmbeddedKafka


class Running:
    def is_running(self) -> bool:
        return True


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "kafka" / "log"
    log.mkdir(parents=True)
    (log / "meta.properties").write_text("cluster.id=x", "utf-8")
    return log


def test_a_kafka_that_lost_its_data_is_formatted_anew(
    tmp_path: Path, log: Path
) -> None:
    EmbeddedKafka(tmp_path / "kafka").lose_data()

    assert not log.exists()


def test_a_running_kafka_keeps_its_data(tmp_path: Path, log: Path) -> None:
    kafka = EmbeddedKafka(tmp_path / "kafka")
    kafka._process = cast("ServerProcess", Running())

    with pytest.raises(DevstackError, match="runs"):
        kafka.lose_data()

    assert (log / "meta.properties").exists()
