"""The section of the settings about who may use the API."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from orders.config.sections import Section
from orders.config.values import lower


class AuthSettings(Section):
    """Who may use the API."""

    mode: Annotated[Literal["keys", "open"] | None, BeforeValidator(lower)] = Field(
        default=None,
        description="Whether requests need an API key; see `orders keys`.",
    )
    allow_open: bool = Field(
        default=False,
        description="Allow `AUTH__MODE=open` where others than this machine connect.",
    )
    refresh_seconds: float = Field(
        default=10,
        ge=0.1,
        le=20,
        description="From one reading of the keys to the next: a new or revoked key "
        "is known after this.",
    )
    max_age_seconds: float = Field(
        default=30,
        ge=1,
        le=86_400,
        description="While PostgreSQL is away, keys as they were read last count for "
        "this long.",
    )
    rate_per_second: float = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Requests a key may make a second on one node; 0 for no limit.",
    )
    burst: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Requests that may come at once; 0 for those of one second.",
    )

    @model_validator(mode="after")
    def _parts_fit_each_other(self) -> Self:
        if self.max_age_seconds < 2 * self.refresh_seconds:
            raise ValueError(
                "AUTH__MAX_AGE_SECONDS is less than twice AUTH__REFRESH_SECONDS"
            )
        return self
