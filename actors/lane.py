"""The bounded data lane of a role: it outlives the actor that works on it."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Hand(Generic[T]):
    """Messages an actor has taken and not finished.

    They still count against the lane's capacity. A hand that was given back (its
    actor died or hung) is void: finishing it late changes nothing.
    """

    __slots__ = ("_lane", "messages", "weight")

    def __init__(self, lane: "Lane[T]", messages: list[T], weight: int) -> None:
        self._lane = lane
        self.messages = messages
        self.weight = weight

    def done(self) -> None:
        """Let go of the messages: their work is finished or handed on."""
        self._lane._finish(self)  # noqa: SLF001 - two halves of one thing

    def give_back(self) -> None:
        """Put the messages back at the front of the lane, to be taken again."""
        self._lane._return(self)  # noqa: SLF001 - two halves of one thing


class Lane(Generic[T]):
    """A queue with a limit that refuses instead of blocking; any thread may offer.

    Args:
        capacity: the largest total weight, in whatever ``weigh`` counts. A message
            heavier than the capacity is still taken while the lane is empty, so
            that it cannot wait for ever.
        weigh: a message's weight; 1 each where it is not given.
    """

    def __init__(self, capacity: int, weigh: Callable[[T], int] = lambda _: 1) -> None:
        self._capacity = capacity
        self._weigh = weigh
        self._queue: deque[T] = deque()
        self._hands: list[Hand[T]] = []
        self._weight = 0
        self._lock = threading.Lock()

    @property
    def capacity(self) -> int:
        """The largest total weight."""
        return self._capacity

    @property
    def depth(self) -> int:
        """The weight waiting and in hand."""
        return self._weight

    @property
    def waiting(self) -> bool:
        """Whether something can be taken."""
        return bool(self._queue)

    def has_room(self, weight: int = 1) -> bool:
        """Tell whether a message of ``weight`` would be taken now."""
        return self._weight == 0 or self._weight + weight <= self._capacity

    def offer(self, message: T, beyond: int = 0) -> bool:
        """Append ``message``; False, and nothing kept, when there is no room.

        ``beyond`` is weight above the capacity, for who would never find room.
        """
        weight = self._weigh(message)
        with self._lock:
            if not self.has_room(weight - beyond):
                return False
            self._weight += weight
            self._queue.append(message)
        return True

    def take(self, limit: int) -> Hand[T] | None:
        """Take messages from the front up to the weight ``limit``, at least one."""
        with self._lock:
            if not self._queue:
                return None
            messages = [self._queue.popleft()]
            total = self._weigh(messages[0])
            while self._queue:
                weight = self._weigh(self._queue[0])
                if total + weight > limit:
                    break
                total += weight
                messages.append(self._queue.popleft())
            hand = Hand(self, messages, total)
            self._hands.append(hand)
        return hand

    def give_back(self) -> int:
        """Put everything in hand back at the front, in order; return how many."""
        with self._lock:
            messages = [m for hand in self._hands for m in hand.messages]
            self._hands.clear()
            self._queue.extendleft(reversed(messages))
        return len(messages)

    def _finish(self, hand: Hand[T]) -> None:
        with self._lock:
            if hand in self._hands:
                self._hands.remove(hand)
                self._weight -= hand.weight

    def _return(self, hand: Hand[T]) -> None:
        with self._lock:
            if hand in self._hands:
                self._hands.remove(hand)
                self._queue.extendleft(reversed(hand.messages))
