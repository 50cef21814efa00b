"""How long a producer's client may leave events without an answer."""

from collections.abc import Iterable
from operator import itemgetter

_FIRST = 2
_LONGEST = 16


class Patience:
    """Tells when a client is to be replaced for want of an answer.

    One that answers nothing is taken for dead after ``give_up_seconds``. Where one
    partition alone is not answered for, brokers are the likelier cause, and others'
    events would be thrown away with its own: that takes twice as long, then four times
    and so on, until something of it is confirmed.

    Owned by one thread.
    """

    def __init__(self, give_up_seconds: float) -> None:
        self._give_up_seconds = give_up_seconds
        self._times = _FIRST
        self._partition: int | None = None

    def confirmed(self, partition: int) -> None:
        """Note an answer for a partition."""
        if partition == self._partition:
            self._partition = None
            self._times = _FIRST

    def is_over(
        self, silent_seconds: float, ages_seconds: Iterable[tuple[int, float]]
    ) -> bool:
        """Tell whether the client is to be replaced now, which counts as done.

        ``silent_seconds`` ago anything was answered; each partition with events under
        way has the age of its oldest.
        """
        if silent_seconds > self._give_up_seconds:
            return True
        partition, age = max(ages_seconds, key=itemgetter(1), default=(0, 0.0))
        if age <= self._times * self._give_up_seconds:
            return False
        self._partition = partition
        self._times = min(2 * self._times, _LONGEST)
        return True
