"""Where log lines and figures go that no run looks at."""

from collections import Counter
from collections.abc import Sequence

from orders.domain.order import OrderStatus, PaymentStatus


class SilentLog:
    """Keeps nothing."""

    def debug(self, event: str, **fields: object) -> None:
        """Forget it."""

    def info(self, event: str, **fields: object) -> None:
        """Forget it."""

    def warning(self, event: str, **fields: object) -> None:
        """Forget it."""

    def error(self, event: str, **fields: object) -> None:
        """Forget it."""

    def critical(self, event: str, **fields: object) -> None:
        """Forget it."""

    def exception(self, event: str, **fields: object) -> None:
        """Forget it."""


class SilentTelemetry:
    """Counts only what shows that a rule was put to the test."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts

    def accepted(self, count: int) -> None:
        """Forget it."""

    def settled(self, status: OrderStatus, ages_seconds: Sequence[float]) -> None:
        """Forget it."""

    def refunded(self, payment_status: PaymentStatus) -> None:
        """Forget it."""

    def rejected(self, reason: str, count: int = 1) -> None:
        """Forget it."""

    def published(self, count: int) -> None:
        """Forget it."""

    def unknown_orders(self, count: int) -> None:
        """Records of orders that the database does not have."""
        self._counts["unknown_orders"] += count

    def compare_and_set_lost(self, count: int) -> None:
        """Settlements that came second."""
        self._counts["compare_and_set_lost"] += count

    def settlements_held(self, count: int) -> None:
        """Settlements of orders that somebody holds."""
        self._counts["settlements_held"] += count

    def actor_restarted(self, role: str) -> None:
        """Forget it."""
