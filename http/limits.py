"""How much of the node one client, or all of them, can use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of the listener; counts of connections, bytes and seconds.

    Those without a value here are settings.
    """

    max_connections: int
    """Served at the same time; one more is answered with 503."""
    refusal_room: int
    """Connections above that which still get the 503; further ones are closed."""
    max_header_bytes: int = 16 * 1024
    max_body_bytes: int
    max_unsent_bytes: int = 4 * 1024 * 1024
    """Output kept for a client that reads slowly; with more it is closed."""
    request_timeout_seconds: float
    """From the first byte of a request (or the connection) to its last."""
    keep_alive_seconds: float
    """Between an answer and the next request."""
    send_timeout_seconds: float = 30.0
    """For a client to read an answer."""
    linger_seconds: float = 1.0
    """For a client to close after us, so that it gets to read the last answer."""

    def __post_init__(self) -> None:
        """Check that each limit is a limit.

        Raises:
            ValueError: one is not positive.

        """
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
