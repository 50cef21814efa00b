"""Makes what the actors need from outside, from the settings and two addresses."""

from collections.abc import Mapping

from orders.actors.ports import (
    ChangeStore,
    EventPublisher,
    IntakeStore,
    KeyStore,
    Log,
    ReadStore,
    RecordSource,
    SettlementStore,
    SweepStore,
)
from orders.cli.topic_first import TopicCare, TopicFirst
from orders.cli.topic_news import TopicNews
from orders.config.kafka import KafkaSettings
from orders.config.sections import DatabaseSettings
from orders.config.settings import Settings
from orders.domain.errors import BrokerUnavailableError
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.consumer import KafkaRecordSource
from orders.messaging.producer import KafkaPublisher
from orders.messaging.topics import TopicError, TopicPlan, ensure_topic
from orders.persistence.connection import SessionLimits
from orders.persistence.database import PostgresDatabase
from orders.persistence.migrations import migrate

_SECONDS_PER_HOUR = 3600
_OTHER_CONNECTIONS = 7
"""Settlement writer, resolver, changer, two readers, sweeper; one while it starts."""
_GATHER_RECORDS_SECONDS = (0.25, 0.000_6, 0.01)
"""From one batch of records to the next poll under load; chosen by `make bench`."""
_MILLISECONDS = 1000


class Adapters:
    """Factories for the actors; nothing connects before its first use."""

    def __init__(
        self, settings: Settings, database_url: str, bootstrap_servers: str, log: Log
    ) -> None:
        quieten_client_logs()
        self._settings = settings
        self._database_url = database_url
        self._bootstrap_servers = bootstrap_servers
        self._log = log
        self._security = security_of(settings.kafka)
        self._topic_news = TopicNews(log)
        self._topic_care = TopicCare(self._make_topic)
        self._limits = session_limits_of(settings.database)
        self._database = PostgresDatabase(
            database_url,
            node_name=settings.node_name,
            node_lease_seconds=settings.sweeper.lease_seconds,
            limits=self._limits,
            require_durability=settings.database.require_durability,
            connections=connections_of(settings),
        )

    def prepare_database(self) -> None:
        """Migrate if that is wanted, then check schema and durability.

        Raises:
            DatabaseUnavailableError: PostgreSQL did not answer; call again later.
        """
        if self._settings.database.migrate_at_start:
            for name in migrate(self._database_url, limits=self._limits):
                self._log.info("database.migrated", migration=name)
        self._database.check()

    def intake_store(self) -> IntakeStore:
        """Return the intake writer's store."""
        return self._database.intake_store()

    def settlement_store(self) -> SettlementStore:
        """Return a store for the resolver or the settlement writer."""
        return self._database.settlement_store(
            expire_after_seconds=self._settings.payment.expire_after
        )

    def change_store(self) -> ChangeStore:
        """Return the store of the order changer."""
        return self._database.change_store(
            max_attempts=self._settings.payment.max_attempts,
            watch_after_seconds=self._settings.sweeper.stuck_after_seconds,
        )

    def read_store(self) -> ReadStore:
        """Return a reader's store."""
        return self._database.read_store()

    def sweep_store(self) -> SweepStore:
        """Return the sweeper's store."""
        return self._database.sweep_store()

    def key_store(self) -> KeyStore:
        """Return the store of API keys."""
        return self._database.key_store()

    def publisher(self) -> EventPublisher:
        """Return the producer's publisher."""
        kafka = self._settings.kafka
        return KafkaPublisher(
            bootstrap_servers=self._bootstrap_servers,
            client_id=f"{self._settings.node_name}-producer",
            topic=kafka.topic,
            log=self._log,
            linger_ms=kafka.linger_ms,
            max_in_flight=kafka.max_in_flight,
            give_up_seconds=kafka.give_up_seconds,
            security=self._security,
        )

    def record_source(self, name: str) -> RecordSource:
        """Return the source of the consumer called ``name``."""
        kafka = self._settings.kafka
        source = KafkaRecordSource(
            bootstrap_servers=self._bootstrap_servers,
            client_id=f"{self._settings.node_name}-{name}",
            topic=kafka.topic,
            group=kafka.group,
            log=self._log,
            max_poll_records=kafka.max_poll_records,
            gather_seconds=_GATHER_RECORDS_SECONDS,
            max_outstanding_records=kafka.max_outstanding_records,
            session_timeout_seconds=kafka.session_timeout_seconds,
            security=self._security,
        )
        return TopicFirst(source, self._topic_care)

    def _make_topic(self) -> None:
        """Make the topic, or compare it with the settings where it is there.

        Raises:
            BrokerUnavailableError: neither could be done.

        """
        try:
            report = ensure_topic(
                topic_plan_of(self._settings.kafka),
                bootstrap_servers=self._bootstrap_servers,
                client_id=f"{self._settings.node_name}-admin",
                security=self._security,
            )
        except TopicError as error:
            # Orders go on meanwhile, and a broker or an operator may mend it.
            self._topic_news.refused(str(error))
            raise BrokerUnavailableError(str(error)) from error
        self._topic_news.found(report)


def topic_plan_of(kafka: KafkaSettings) -> TopicPlan:
    """Return what the settings ask of the topic."""
    return TopicPlan(
        kafka.topic,
        kafka.partitions,
        kafka.replication_factor,
        kafka.min_insync_replicas,
        kafka.retention_hours * _SECONDS_PER_HOUR,
    )


def connections_of(settings: Settings) -> int:
    """Return how many connections to PostgreSQL a node has at most, at a time."""
    keys = 1 if settings.wants_keys else 0
    return settings.intake.writers + _OTHER_CONNECTIONS + keys


def session_limits_of(database: DatabaseSettings) -> SessionLimits:
    """Return how long a session of PostgreSQL waits for what."""
    return SessionLimits(
        connect=database.connect_timeout_seconds,
        statement=database.statement_timeout_seconds,
        lock=database.lock_timeout_ms / _MILLISECONDS,
        idle_in_transaction=database.idle_in_transaction_timeout_seconds,
        tcp_user=database.tcp_user_timeout_seconds,
    )


def security_of(kafka: KafkaSettings) -> Mapping[str, object]:
    """Return kafka-python's TLS and SASL arguments; empty for plain text."""
    if kafka.security_protocol == "PLAINTEXT":
        return {}
    arguments: dict[str, object] = {"security_protocol": kafka.security_protocol}
    if kafka.security_protocol.startswith("SASL_"):
        assert kafka.sasl_password is not None  # noqa: S101 - checked by the settings
        arguments |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": kafka.sasl_password.get_secret_value(),
        }
    files = {
        "ssl_cafile": kafka.ssl_ca_file,
        "ssl_certfile": kafka.ssl_certificate_file,
        "ssl_keyfile": kafka.ssl_key_file,
    }
    arguments |= {name: str(path) for name, path in files.items() if path is not None}
    if kafka.ssl_key_password is not None:
        arguments["ssl_password"] = kafka.ssl_key_password.get_secret_value()
    return arguments
