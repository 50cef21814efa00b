"""The settings of the listener that clients use."""

from pydantic import Field

from orders.config.sections import Host, Port, Section


class HttpSettings(Section):
    """The public listener."""

    host: Host = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(
        default=8080, description="Port to listen on; 0 takes a free one."
    )
    max_body_bytes: int = Field(
        default=65_536, ge=1024, le=524_288, description="Largest request body."
    )
    max_batch_bytes: int = Field(
        default=524_288,
        ge=1024,
        le=1_048_576,
        description="Largest body of a batch of orders; MAX_BODY_BYTES is the limit "
        "of each order in it.",
    )
    batch_timeout_seconds: float = Field(
        default=20,
        ge=1,
        le=120,
        description="After this, no more orders of a batch are begun.",
    )
    max_connections: int = Field(
        default=8192, ge=16, le=1_000_000, description="Connections held open at once."
    )
    request_timeout_seconds: float = Field(
        default=10,
        ge=1,
        le=300,
        description="Longest time a client may take to send a request.",
    )
    keep_alive_seconds: float = Field(
        default=75,
        ge=1,
        le=3600,
        description="An idle connection is closed after this; longer than the proxy "
        "in front keeps one (mostly 60), which would else use it while it closes.",
    )
    store_timeout_seconds: float = Field(
        default=1.8,
        ge=0.1,
        le=60,
        description="Longest wait for an order to be committed.",
    )
    read_timeout_seconds: float = Field(
        default=1.8,
        ge=0.1,
        le=60,
        description="Longest wait for an answer to a question.",
    )
    max_wait_seconds: int = Field(
        default=30, ge=0, le=300, description="Longest wait a client may ask for."
    )
    max_waiters: int = Field(
        default=5000, ge=1, le=1_000_000, description="Clients that may wait at once."
    )
