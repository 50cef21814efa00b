"""Finds orders without progress and hands them to the resolver, whatever Kafka does."""

from collections.abc import Callable

from orders.actors.lag_watch import LagWatch
from orders.actors.messages import ResolvePayments
from orders.actors.node_status import NodeStatus
from orders.actors.ports import SweepStore
from orders.actors.role import Role
from orders.actors.sweep_rules import SweepRules

_SCAN_PAGE = 5_000
_FORGET_PAGE = 5_000
_MOST_PAGES = 20
_MOST_SECONDS = 0.5
"""Of one step of a sweep, so that the other steps get their turn."""


class Healing:
    """The slow path: needs PostgreSQL alone, no lease, and no other node.

    Nodes share the work by skipping what another has locked. Up to
    ``settle_anyway_after_seconds`` an order is left to Kafka where that still brings
    it; from then on nothing excuses its age.
    """

    def __init__(
        self,
        *,
        lag: LagWatch,
        resolver: Role[ResolvePayments],
        owner: Role[None],
        show_life: Callable[[], None],
        status: NodeStatus,
        rules: SweepRules,
    ) -> None:
        self._lag = lag
        self._resolver = resolver
        self._owner = owner
        self._show_life = show_life
        self._status = status
        self._rules = rules

    def search(self, store: SweepStore) -> None:
        """Move the search for orders without progress up to the present."""
        age = self._age_to_look_at()
        for _ in range(_MOST_PAGES):
            step = store.scan_unsettled(age, _SCAN_PAGE)
            self._show_life()
            if step is None:
                return  # another node is at it
            self._status.search_behind_seconds = step.behind_seconds
            if step.scanned < _SCAN_PAGE:
                return

    def look_at_oldest(self, store: SweepStore) -> None:
        """State how old the oldest unsettled order is; every node does."""
        age = store.oldest_unsettled_age()
        if age is not None:
            self._status.unsettled_oldest_age_seconds = age
            self._status.unsettled_known_at = self._owner.clock()

    def forget_settled(self, store: SweepStore) -> bool:
        """Forget what was settled since it was noted, before it is in the way; tell
        of more to do.
        """
        ends = self._owner.clock() + _MOST_SECONDS
        for _ in range(_MOST_PAGES):
            forgotten = store.forget_settled(_FORGET_PAGE)
            self._show_life()
            if forgotten < _FORGET_PAGE / 2:
                return False
            if self._owner.clock() >= ends:
                break
        return True

    def heal(self, store: SweepStore, *, owed_pages: int) -> bool:
        """Hand over what is due while the resolver has room; tell of more to do.

        ``owed_pages`` go to a full resolver too: where consumers work off a backlog,
        they take every place that falls vacant.
        """
        for page in range(_MOST_PAGES):
            if not self._resolver_has_room(owed=page < owed_pages):
                return True
            due = store.due_stuck(
                self._rules.stuck_page,
                self._age_to_look_at(),
                self._rules.stuck_backoff_seconds,
            )
            self._show_life()
            excused = [o.order_id for o in due if self._is_excused(*o)]
            if excused:
                anyway = self._rules.settle_anyway_after_seconds
                store.excuse_stuck(excused, anyway)
            self._hand_over([o.order_id for o in due], set(excused))
            if len(due) < self._rules.stuck_page:
                return False
        return True

    def _hand_over(self, due: list[str], excused: set[str]) -> None:
        ids = tuple(order_id for order_id in due if order_id not in excused)
        # What finds no room after all comes again after its backoff.
        if ids and self._resolver.offer(ResolvePayments(ids), self._rules.stuck_page):
            self._owner.log.warning("sweeper.stuck_orders", count=len(ids))

    def _resolver_has_room(self, *, owed: bool) -> bool:
        """Keep half of the lane for what the consumers bring."""
        lane = self._resolver.lane
        half = lane.capacity // 2 - self._rules.stuck_page
        return lane.depth <= max(0, lane.capacity if owed else half)

    def _age_to_look_at(self) -> float:
        anyway = self._rules.settle_anyway_after_seconds
        if self._lag.excuses_all(self._owner.clock()):
            return anyway
        return min(self._rules.stuck_after_seconds, anyway)

    def _is_excused(self, order_id: str, age_seconds: float) -> bool:
        young = age_seconds < self._rules.settle_anyway_after_seconds
        return young and self._lag.excuses(order_id, self._owner.clock())
