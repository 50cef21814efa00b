"""A join of the group that completes between two polls is not forgotten.

kafka-python waits for its JoinGroup no longer than a poll lasts and goes on waiting in
the next one, unless the answer came in between:

- Where it still believes that it has to join, it sends another JoinGroup, which begins
  another rebalance, for which all other members have to join again.
- Where it joined because the topic's metadata were news, and was made the leader, it
  believes that there is nothing to do. It never takes the answer, sends no heartbeat,
  and burns a core.

The private parts that are touched are pinned by a test.
"""

from collections.abc import Callable, Generator
from typing import Protocol, cast

from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.structs import MemberState

_KEPT = "_kept_join_task"


class _Future(Protocol):
    """The part of kafka-python's ``Future`` that is used."""

    is_done: bool

    def failed(self) -> bool: ...
    def add_callback(self, callback: Callable[[object], None]) -> object: ...
    def add_errback(self, callback: Callable[[BaseException], None]) -> object: ...
    def __await__(self) -> Generator[object, object, object]: ...


class _Coordinator(Protocol):
    state: object


class KeptJoin:
    """A join under way, as the coordinator sees it: an answer that may still be used
    is one to be waited for.

    A failed join, or one of a generation that was reset meanwhile, is done: another
    is sent, as before.
    """

    def __init__(self, future: _Future, coordinator: _Coordinator) -> None:
        self._future = future
        self._coordinator = coordinator
        self.add_callback = future.add_callback
        self.add_errback = future.add_errback

    def __await__(self) -> Generator[object, object, object]:
        """Wait without a limit, as the coordinator does where a poll has none."""
        return self._future.__await__()

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to wait for."""
        future = self._future
        reset = self._coordinator.state is not MemberState.REBALANCING
        return future.is_done and (reset or future.failed())


class _JoinTask:
    """Stands in for the coordinator's attribute of that name."""

    def __get__(
        self, coordinator: _Coordinator | None, _owner: type | None = None
    ) -> "KeptJoin | _JoinTask | None":
        if coordinator is None:
            return self
        future = cast("_Future | None", vars(coordinator).get(_KEPT))
        return None if future is None else KeptJoin(future, coordinator)

    def __set__(self, coordinator: _Coordinator, future: _Future | None) -> None:
        vars(coordinator)[_KEPT] = future


_client_needs_rejoin = cast(
    "Callable[[_Coordinator], bool]", ConsumerCoordinator.need_rejoin
)


def _need_rejoin(coordinator: _Coordinator) -> bool:
    """Return whether to join; a join whose answer nobody took is not over."""
    return vars(coordinator).get(_KEPT) is not None or _client_needs_rejoin(coordinator)


def install() -> None:
    """Have consumers join so from now on; doing it twice does nothing."""
    ConsumerCoordinator._join_task = _JoinTask()  # noqa: SLF001 - see the module
    ConsumerCoordinator.need_rejoin = _need_rejoin
