"""The command line of Kafka's Java."""

from pathlib import Path

import pytest

from orders.devstack.kafka_java import Java


@pytest.fixture
def java(tmp_path: Path) -> Java:
    return Java(Path("/java"), [tmp_path / "a.jar", tmp_path / "b.jar"])


def test_every_jar_is_on_the_class_path(java: Java) -> None:
    command = java.command("kafka.Kafka")

    assert command[command.index("-cp") + 1] == ":".join(map(str, java.jars))


def test_a_missing_archive_is_not_asked_for(java: Java) -> None:
    assert not any("AOTCache" in word for word in java.command("kafka.Kafka"))


def test_an_archive_is_used_once_it_is_there(java: Java) -> None:
    java.archive.touch()

    assert f"-XX:AOTCache={java.archive}" in java.command("kafka.Kafka")


def test_recording_does_not_use_the_archive_it_makes(
    java: Java, tmp_path: Path
) -> None:
    java.archive.touch()

    command = java.recording_command(tmp_path / "new", "kafka.Kafka")

    assert [word for word in command if "AOT" in word] == [
        f"-XX:AOTCacheOutput={tmp_path / 'new'}"
    ]
