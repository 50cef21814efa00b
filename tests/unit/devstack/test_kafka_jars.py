"""Only the locked jars get on the broker's class path."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from orders.devstack import kafka_jars
from orders.devstack.errors import DevstackError
from orders.devstack.kafka_jars import CURRENT, Release


class Repository:
    """Stands for jgo: makes an environment with the jars it was given."""

    def __init__(self, folder: Path, jars: dict[str, bytes]) -> None:
        self.folder = folder
        self.lock_file = folder.with_name("lock.toml")
        self.jars = jars
        self.visits = 0

    def class_path(self) -> list[Path]:
        return kafka_jars.class_path(release=Release("1", self.lock_file))

    def resolve(self, _release: Release) -> SimpleNamespace:
        self.visits += 1
        for name, content in self.jars.items():
            jar = self.folder / "modules" / name
            jar.parent.mkdir(parents=True, exist_ok=True)
            jar.write_bytes(content)
        return SimpleNamespace(path=self.folder)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    repository = Repository(
        tmp_path / "env", {"a-1.jar": b"first", "b-2.jar": b"other"}
    )
    repository.lock_file.write_text(
        f"""
        [[dependencies]]
        artifactId = "a"
        version = "1"
        sha256 = "{hashlib.sha256(b"first").hexdigest()}"
        [[dependencies]]
        artifactId = "b"
        version = "2"
        sha256 = "{hashlib.sha256(b"other").hexdigest()}"
        """
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kafka_jars, "_resolve", repository.resolve)
    return repository


def test_every_locked_jar_is_on_the_class_path(repository: Repository) -> None:
    jars = repository.class_path()

    assert {jar.name: jar.read_bytes() for jar in jars} == repository.jars


def test_the_second_start_fetches_nothing(repository: Repository) -> None:
    repository.class_path()

    repository.class_path()

    assert repository.visits == 1


def test_a_jar_damaged_in_the_cache_is_replaced(repository: Repository) -> None:
    repository.class_path()[0].write_bytes(b"damaged")

    jars = repository.class_path()

    assert jars[0].read_bytes() == b"first"


def test_a_jar_with_another_hash_is_an_error(repository: Repository) -> None:
    repository.jars["a-1.jar"] = b"forged"

    with pytest.raises(DevstackError, match=r"differ from its lock file: a-1\.jar"):
        repository.class_path()


def test_a_jar_that_is_not_locked_is_an_error(repository: Repository) -> None:
    repository.jars["c-3.jar"] = b"stowaway"

    with pytest.raises(DevstackError, match=r"c-3\.jar"):
        repository.class_path()


def test_a_missing_jar_is_an_error(repository: Repository) -> None:
    del repository.jars["b-2.jar"]

    with pytest.raises(DevstackError, match=r"b-2\.jar"):
        repository.class_path()


def test_a_refused_jar_leaves_nothing_in_the_cache(
    repository: Repository, tmp_path: Path
) -> None:
    repository.jars["a-1.jar"] = b"forged"

    with pytest.raises(DevstackError):
        repository.class_path()

    assert list((tmp_path / "cache").rglob("*.jar")) == []


def test_the_committed_lock_names_the_broker_and_its_logger() -> None:
    locked = kafka_jars.locked_hashes(CURRENT.lock_file)

    assert {"kafka_2.13-4.4.0.jar", "slf4j-simple-1.7.36.jar"} <= set(locked)


def test_the_committed_lock_has_a_hash_for_each_jar() -> None:
    hashes = kafka_jars.locked_hashes(CURRENT.lock_file).values()

    assert all(len(bytes.fromhex(text)) == 32 for text in hashes)
