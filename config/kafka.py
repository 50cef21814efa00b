"""The section of the settings about Kafka."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from orders.config.certificates import check_authorities, check_own_certificate
from orders.config.sections import Section
from orders.config.values import EMBEDDED, check_bootstrap_servers, check_topic

TopicName = Annotated[
    str,
    Field(min_length=1, max_length=249, pattern=r"^[A-Za-z0-9._-]+$"),
    AfterValidator(check_topic),
]


class KafkaSettings(Section):
    """Kafka."""

    bootstrap_servers: Annotated[str, AfterValidator(check_bootstrap_servers)] = Field(
        description="Brokers to ask first."
    )
    topic: TopicName = Field(default="orders", description="Topic of the order events.")
    group: str = Field(
        default="order-consumer-group",
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Consumer group that all nodes share.",
    )
    partitions: int = Field(
        default=6,
        ge=1,
        le=1000,
        description="Partitions of the topic when it is created.",
    )
    replication_factor: int = Field(
        default=1,
        ge=1,
        le=15,
        description="Copies of each partition when it is created.",
    )
    min_insync_replicas: int = Field(
        default=1, ge=1, le=15, description="Copies that must confirm a write."
    )
    retention_hours: int = Field(
        default=168, ge=1, le=87_600, description="Hours the topic keeps its records."
    )
    consumers: int = Field(
        default=2, ge=1, le=64, description="Members this node adds to the group."
    )
    linger_ms: int = Field(
        default=2, ge=0, le=1000, description="Longest wait to fill a batch of events."
    )
    max_in_flight: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Events sent and not yet confirmed.",
    )
    give_up_seconds: float = Field(
        default=60,
        ge=5,
        le=3600,
        description="A producer silent for longer is replaced.",
    )
    max_poll_records: int = Field(
        default=1000, ge=1, le=10_000, description="Records taken in one poll."
    )
    max_outstanding_records: int = Field(
        default=6000,
        ge=1,
        le=1_000_000,
        description="Records of one consumer not yet settled before it pauses.",
    )
    session_timeout_seconds: float = Field(
        default=10,
        ge=6,
        le=300,
        description="A member silent for longer leaves the group.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = (
        Field(default="PLAINTEXT", description="How the brokers are spoken to.")
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512",
        description="How this node proves who it is, with SASL.",
    )
    sasl_username: str | None = Field(
        default=None, min_length=1, description="User name, with SASL."
    )
    sasl_password: SecretStr | None = Field(
        default=None, min_length=1, description="Password, with SASL."
    )
    ssl_ca_file: Annotated[Path | None, AfterValidator(check_authorities)] = Field(
        default=None,
        description="Certificates to trust, PEM; the system's where not given.",
    )
    ssl_certificate_file: Path | None = Field(
        default=None, description="This node's own certificate, PEM."
    )
    ssl_key_file: Path | None = Field(
        default=None, description="The key of this node's certificate, PEM."
    )
    ssl_key_password: SecretStr | None = Field(
        default=None, description="Password of the certificate's key."
    )

    @property
    def wants_embedded(self) -> bool:
        """Whether a Kafka of our own is to be started."""
        return self.bootstrap_servers == EMBEDDED

    @model_validator(mode="after")
    def _parts_fit_each_other(self) -> Self:
        if self.min_insync_replicas > self.replication_factor:
            raise ValueError(
                "KAFKA__MIN_INSYNC_REPLICAS is larger than KAFKA__REPLICATION_FACTOR"
            )
        return self

    @model_validator(mode="after")
    def _credentials_fit_the_protocol(self) -> Self:
        protocol = self.security_protocol
        uses_sasl, uses_tls = protocol.startswith("SASL_"), protocol.endswith("SSL")
        if uses_sasl and (self.sasl_username is None or self.sasl_password is None):
            raise ValueError(
                f"KAFKA__SECURITY_PROTOCOL={protocol} also needs "
                "KAFKA__SASL_USERNAME and KAFKA__SASL_PASSWORD"
            )
        for name in sorted(self.model_fields_set):
            # Sent in the clear, or not at all, is not what was meant.
            if name.startswith("sasl_") and not uses_sasl:
                raise ValueError(
                    _of_no_use(name, protocol, "SASL_SSL or SASL_PLAINTEXT")
                )
            if name.startswith("ssl_") and not uses_tls:
                raise ValueError(_of_no_use(name, protocol, "SSL or SASL_SSL"))
        return self

    @model_validator(mode="after")
    def _own_certificate_can_be_used(self) -> Self:
        certificate, key = self.ssl_certificate_file, self.ssl_key_file
        if (certificate is None) != (key is None):
            raise ValueError(
                "KAFKA__SSL_CERTIFICATE_FILE and KAFKA__SSL_KEY_FILE go together"
            )
        if certificate is not None and key is not None:
            try:
                check_own_certificate(certificate, key, self.ssl_key_password)
            except ValueError as error:
                raise ValueError(
                    f"KAFKA__SSL_CERTIFICATE_FILE and KAFKA__SSL_KEY_FILE: {error}"
                ) from None
        elif self.ssl_key_password is not None:
            raise ValueError("KAFKA__SSL_KEY_PASSWORD is of no use without a key file")
        return self


def _of_no_use(name: str, protocol: str, wanted: str) -> str:
    return (
        f"KAFKA__{name.upper()} is of no use with KAFKA__SECURITY_PROTOCOL={protocol}: "
        f"use {wanted}, or leave it out"
    )
