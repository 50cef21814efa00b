"""PageReader: what is asked one at a time, apart from the quick look-ups."""

from collections.abc import Callable

from orders.actors.messages import (
    INTERNAL_ERROR,
    RETRY_AFTER_SECONDS,
    DetailQuestion,
    HistoryAnswer,
    NotificationsAnswer,
    OrdersAnswer,
    PageQuestion,
    ReadHistory,
    ReadOrders,
    ReadRefunds,
    RefundsAnswer,
    Refused,
    Replies,
    refusal_of,
)
from orders.actors.node_status import NodeStatus
from orders.actors.ports import ReadStore
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.domain.errors import DatabaseUnavailableError

Question = DetailQuestion | PageQuestion


class PageReader(SupervisedActor[Question]):
    """Answers one question at a time, and none whose client has stopped waiting.

    A node has two, each with a lane and a connection: one for lists and notifications,
    one for histories and refunds, which do not stand behind long pages. How long a
    question takes is told to the front desk, which refuses what would come too late.
    """

    def __init__(
        self,
        role: Role[Question],
        *,
        make_store: Callable[[], ReadStore],
        replies: Replies,
        status: NodeStatus,
    ) -> None:
        super().__init__(role)
        self._make_store = make_store
        self._replies = replies
        self._status = status
        self._store: ReadStore | None = None

    def started(self) -> None:
        """Make the store; it connects when it is first used."""
        self._store = self._make_store()

    def released(self) -> None:
        """Close the connection."""
        if self._store is not None:
            self._store.close()

    def handle(self, message: object) -> None:
        """Answer the next question."""
        del message
        hand = self.take(1)
        if hand is None:
            return
        for question in hand.messages:
            began = self.role.clock()
            if question.ticket.is_wanted(began):
                self._replies.answer([(question.ticket, self._page(question))])
                self._status.took(self.role.name, self.role.clock() - began)
        hand.done()
        if self.role.lane.waiting:
            self.role.wake()

    def _page(
        self, question: Question
    ) -> HistoryAnswer | RefundsAnswer | NotificationsAnswer | OrdersAnswer:
        assert self._store is not None  # noqa: S101 - made in started()
        try:
            if isinstance(question, ReadHistory):
                return self._store.read_history(question.tenant_id, question.order_id)
            if isinstance(question, ReadRefunds):
                return self._store.read_refunds(question.tenant_id, question.order_id)
            if isinstance(question, ReadOrders):
                return self._store.list_orders(
                    question.tenant_id,
                    question.filters,
                    question.before,
                    question.limit,
                )
            return self._store.read_notifications(
                question.tenant_id, question.user_id, question.limit
            )
        except DatabaseUnavailableError as error:
            self.role.log.warning("reader.refused", error=str(error))
            return refusal_of(error)
        except Exception:
            # Handed back, it would fail again until no restart is left.
            self.role.log.exception("reader.failed")
            return Refused(INTERNAL_ERROR, RETRY_AFTER_SECONDS)
