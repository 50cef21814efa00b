"""The sections of the settings: names, defaults, bounds and a sentence for each.

Units are in the names; where a name has none, the sentence says what is counted.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
)

from orders.config.values import (
    EMBEDDED,
    check_ascii_number,
    check_currency,
    check_database_url,
    check_host,
    log_format_for_stdout,
    lower,
)

Port = Annotated[int, Field(ge=0, le=65535)]
Host = Annotated[str, Field(max_length=255), AfterValidator(check_host)]
Currency = Annotated[str, AfterValidator(check_currency)]
Amount = Annotated[
    Decimal,
    BeforeValidator(check_ascii_number),
    Field(gt=0, le=1_000_000_000, allow_inf_nan=False),
]
Limits = Annotated[
    Mapping[Currency, Amount],
    AfterValidator(MappingProxyType),
    PlainSerializer(dict),
]


class Section(BaseModel):
    """A frozen group of settings that knows no unknown keys."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )


class DatabaseSettings(Section):
    """PostgreSQL."""

    url: Annotated[SecretStr, AfterValidator(check_database_url)] = Field(
        description="Address and credentials of the database."
    )
    connect_timeout_seconds: int = Field(
        default=2, ge=1, le=60, description="Longest wait for one connection attempt."
    )
    statement_timeout_seconds: float = Field(
        default=5,
        ge=0.1,
        le=600,
        description="Longest time the server spends on a statement.",
    )
    lock_timeout_ms: int = Field(
        default=1000,
        ge=10,
        le=60_000,
        description="Longest wait for a row another one holds.",
    )
    idle_in_transaction_timeout_seconds: float = Field(
        default=10,
        ge=1,
        le=600,
        description="The server ends a transaction left open for longer.",
    )
    tcp_user_timeout_seconds: float = Field(
        default=5,
        ge=0.1,
        le=600,
        description="A server that confirms no packet for longer counts as gone.",
    )
    migrate_at_start: bool = Field(
        default=True, description="Bring the schema up to date before serving."
    )
    require_durability: bool = Field(
        default=True,
        description="Refuse a server whose fsync, full_page_writes or "
        "synchronous_commit is off.",
    )

    @property
    def wants_embedded(self) -> bool:
        """Whether a PostgreSQL of our own is to be started."""
        return self.url.get_secret_value() == EMBEDDED


class OperationsSettings(Section):
    """The listener for probes, metrics and the operator's page."""

    host: Host = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(
        default=8081, description="Port to listen on; 0 takes a free one."
    )


class IntakeSettings(Section):
    """Taking orders."""

    max_unpublished: int = Field(
        default=1_000_000,
        ge=1,
        le=1_000_000_000,
        description="Events that may wait for Kafka before orders are refused.",
    )
    max_waiting_orders: int = Field(
        default=5000,
        ge=1,
        le=1_000_000,
        description="Orders that may wait for the database before more are refused.",
    )
    max_batch_orders: int = Field(
        default=500, ge=1, le=5000, description="Orders stored in one transaction."
    )
    writers: int = Field(
        default=2,
        ge=1,
        le=8,
        description="Connections that store orders, one transaction each at a time.",
    )


class SettlementSettings(Section):
    """Settling orders."""

    max_waiting_orders: int = Field(
        default=5000,
        ge=1,
        le=1_000_000,
        description="Orders that may wait to be settled before consumers pause.",
    )
    max_batch_orders: int = Field(
        default=2000, ge=1, le=5000, description="Orders settled in one transaction."
    )


class PaymentSettings(Section):
    """The payment rule."""

    limit: Amount = Field(
        default=Decimal(1000),
        description="A total of this many major units or more fails.",
    )
    limits: Limits = Field(
        default_factory=dict,
        description="The limit of one currency; the name ends in its ISO 4217 code.",
    )
    max_attempts: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="How often one order's payment is tried, the first time included.",
    )
    expire_after: float = Field(
        default=0,
        ge=0,
        le=31_536_000,
        description="Seconds after which a payment is not tried any more: an order "
        "that waits for longer becomes EXPIRED. 0: never.",
    )


class SweeperSettings(Section):
    """The sweeper, which repairs what other parts left undone."""

    interval_seconds: float = Field(
        default=1, ge=0.05, le=3600, description="Pause between two rounds."
    )
    stuck_after_seconds: float = Field(
        default=30,
        ge=1,
        le=86_400,
        description="An order unsettled for longer is settled here, unless its "
        "partition is far behind and moves on.",
    )
    settle_anyway_after_seconds: float = Field(
        default=180,
        ge=1,
        le=86_400,
        description="An order unsettled for longer is settled here whatever Kafka, its "
        "lag or one partition says.",
    )
    abandoned_after_seconds: float = Field(
        default=120,
        ge=2,
        le=86_400,
        description="An event unpublished for longer is published by any node, if with "
        "Kafka there the oldest has stayed the same for as long; at least twice "
        "KAFKA__GIVE_UP_SECONDS.",
    )
    lease_seconds: float = Field(
        default=15, ge=1, le=600, description="A node silent for longer counts as gone."
    )
    key_retention_hours: int = Field(
        default=24, ge=1, le=8760, description="Hours an idempotency key is remembered."
    )
    max_stuck_per_tick: int = Field(
        default=500,
        ge=1,
        le=100_000,
        description="Stuck orders taken up at a time; a round takes up more while "
        "there is room.",
    )


class SupervisorSettings(Section):
    """Restarts."""

    max_restarts: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="Restarts of an actor before the process ends.",
    )
    window_seconds: float = Field(
        default=30, ge=1, le=3600, description="The time in which restarts are counted."
    )
    hang_seconds: float = Field(
        default=15,
        ge=5,  # an idle actor shows life every 2 s, one that joins a group after 3 s
        le=600,
        description="An actor without a sign of life is replaced.",
    )


class ShutdownSettings(Section):
    """Stopping."""

    grace_seconds: float = Field(
        default=20,
        ge=0.1,
        le=3600,
        description="Time to stop after the first signal, DELAY_SECONDS included.",
    )
    delay_seconds: float = Field(
        default=0,
        ge=0,
        le=3600,
        description="After the first signal the node is not ready, but takes requests "
        "for so long, until balancers have noticed; 5 in the image. Below "
        "GRACE_SECONDS.",
    )


class LogSettings(Section):
    """Logs."""

    format: Annotated[Literal["json", "console"], BeforeValidator(lower)] = Field(
        default_factory=log_format_for_stdout,
        description="One JSON object per line, or lines for a person.",
    )
    level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(lower)
    ] = Field(default="info", description="The least important level that is written.")
    access: bool = Field(
        default=False,
        description="A line for each answered request, without path, body or key.",
    )
