"""The settings of a node: one frozen object, read once at start.

Later layers win: defaults, the TOML file named by ``ORDERS_CONFIG_FILE``, the
environment, files named by ``ORDERS_<secret>_FILE``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from orders.config.auth import AuthSettings
from orders.config.http_listener import HttpSettings
from orders.config.kafka import KafkaSettings
from orders.config.layers import read_given
from orders.config.sections import (
    Currency,
    DatabaseSettings,
    IntakeSettings,
    LogSettings,
    OperationsSettings,
    PaymentSettings,
    Section,
    SettlementSettings,
    ShutdownSettings,
    SupervisorSettings,
    SweeperSettings,
)
from orders.config.setting_names import catalogue
from orders.config.settings_errors import SettingsError, describe
from orders.config.values import (
    FOLLOW_THE_LOAD,
    NODE_NAME_PATTERN,
    check_cpu,
    default_node_name,
    is_loopback,
)

__all__ = ["Settings", "SettingsError", "load_settings"]


class Settings(Section):
    """Everything an operator can set. Frozen; secrets do not show in ``repr``."""

    node_name: Annotated[str, Field(pattern=NODE_NAME_PATTERN)] = Field(
        default_factory=default_node_name,
        description="Name of this node; no two running nodes may share one.",
    )
    currency: Currency = Field(
        default="USD", description="Currency of an order that names none."
    )
    data_dir: Path = Field(
        default=Path(".data"),
        description="Folder of the embedded PostgreSQL and Kafka.",
    )
    cpu: Annotated[str, AfterValidator(check_cpu)] = Field(
        default=FOLLOW_THE_LOAD,
        coerce_numbers_to_str=True,
        description="Which CPU the node runs on, counted from 0: while it is busy "
        "that which others use least, any, or always the same; see *One CPU at a "
        "time* in operations.md.",
    )
    failpoints: str = Field(
        default="",
        description="For tests alone: steps at which this node is made to fail; see "
        "*Failpoints* in operations.md.",
    )
    database: DatabaseSettings
    kafka: KafkaSettings
    http: HttpSettings = Field(default_factory=HttpSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)
    operations: OperationsSettings = Field(default_factory=OperationsSettings)
    intake: IntakeSettings = Field(default_factory=IntakeSettings)
    settlement: SettlementSettings = Field(default_factory=SettlementSettings)
    payment: PaymentSettings = Field(default_factory=PaymentSettings)
    sweeper: SweeperSettings = Field(default_factory=SweeperSettings)
    supervisor: SupervisorSettings = Field(default_factory=SupervisorSettings)
    shutdown: ShutdownSettings = Field(default_factory=ShutdownSettings)
    log: LogSettings = Field(default_factory=LogSettings)

    @property
    def wants_embedded_database(self) -> bool:
        """Whether a PostgreSQL of our own is to be started."""
        return self.database.wants_embedded

    @property
    def wants_embedded_kafka(self) -> bool:
        """Whether a Kafka of our own is to be started."""
        return self.kafka.wants_embedded

    @property
    def wants_keys(self) -> bool:
        """Whether requests need an API key; by default unless only this machine can
        connect.
        """
        if self.auth.mode is None:
            return not is_loopback(self.http.host)
        return self.auth.mode == "keys"

    @model_validator(mode="after")
    def _nothing_is_open_by_mistake(self) -> Self:
        reachable = not is_loopback(self.http.host)
        if reachable and not self.wants_keys and not self.auth.allow_open:
            raise ValueError(
                f"AUTH__MODE=open would let everybody who reaches {self.http.host} "
                "place and read orders: ask for keys, listen on 127.0.0.1, or allow it "
                "with ORDERS_AUTH__ALLOW_OPEN=true"
            )
        return self

    @model_validator(mode="after")
    def _sections_fit_each_other(self) -> Self:
        # Two nodes would publish the same event while its first sender still tries.
        if self.sweeper.abandoned_after_seconds < 2 * self.kafka.give_up_seconds:
            raise ValueError(
                "SWEEPER__ABANDONED_AFTER_SECONDS is less than twice "
                "KAFKA__GIVE_UP_SECONDS"
            )
        if self.shutdown.delay_seconds >= self.shutdown.grace_seconds:
            raise ValueError(
                "SHUTDOWN__DELAY_SECONDS is not below SHUTDOWN__GRACE_SECONDS: "
                "no time would be left to drain in"
            )
        return self


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from ``environ`` and the files that it names.

    Raises:
        SettingsError: one message with every wrong, unknown or missing name.

    """
    known = catalogue(Settings)
    given = read_given(environ, known)
    try:
        settings = Settings.model_validate(given.values)
    except ValidationError as error:
        problems = [*given.problems, *describe(error, known, given.written_as)]
        raise SettingsError(problems) from None
    if given.problems:
        raise SettingsError(given.problems)
    return settings
