"""A stand-in for the rest of the process, and a client of the application on it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from falcon.testing import TestClient

from orders.actors.messages import (
    OVERLOADED,
    ChangeOrder,
    DetailQuestion,
    PageQuestion,
    Question,
    ReadOrder,
    Refused,
    Submission,
)
from orders.domain.changing import OrderAbsent
from orders.domain.intake import Stored
from orders.domain.order import (
    DEFAULT_TENANT,
    Order,
    OrderLine,
    OrderRequest,
    OrderStatus,
    PaymentStatus,
)
from orders.http.app import create_app
from orders.http.parking import LATE

CREATED_AT = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
ORDER_ID = "01920000-0000-7000-8000-000000000001"
START = 1000.0


class FakeTicket:
    """A ticket that knows until when it may be parked."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def is_wanted(self, now: float, *, half_open: bool = False) -> bool:
        del half_open
        return now < self.deadline


class FakeProcess:
    """Backend, parking, meter, log and clock; answers as a test tells it to."""

    def __init__(self) -> None:
        self.now = START
        self.refusal: Refused | None = None
        self.on_submission: Callable[[Submission], object] = lambda _: Stored(
            CREATED_AT
        )
        self.on_question: Callable[[Question], object] = lambda _: None
        self.on_change: Callable[[ChangeOrder], object] = lambda _: OrderAbsent()
        self.submissions: list[Submission] = []
        self.turned_away = 0
        self.changes: list[ChangeOrder] = []
        self.questions: list[Question] = []
        self.tickets: list[FakeTicket] = []
        self.counted: list[tuple[str, str, int]] = []
        self.rejections: list[str] = []
        self.logged: list[tuple[str, dict[str, object]]] = []
        self._answers: dict[object, object] = {}
        self.turns_given = 0

    def clock(self) -> float:
        return self.now

    def submit(self, submission: Submission) -> Refused | None:
        self.submissions.append(submission)
        if self.refusal is None:
            self._answers[submission.ticket] = self.on_submission(submission)
        return self.refusal

    def change(self, request: ChangeOrder) -> Refused | None:
        self.changes.append(request)
        if self.refusal is None:
            self._answers[request.ticket] = self.on_change(request)
        return self.refusal

    def ask(self, question: Question) -> Refused | None:
        assert isinstance(question, ReadOrder | DetailQuestion | PageQuestion)
        self.questions.append(question)
        if self.refusal is None:
            self._answers[question.ticket] = self.on_question(question)
        return self.refusal

    def turn_away(self) -> Refused:
        self.turned_away += 1
        return Refused(OVERLOADED, 3.0)

    def ticket(self, deadline: float) -> FakeTicket:
        self.tickets.append(FakeTicket(deadline))
        return self.tickets[-1]

    def park(self, ticket: FakeTicket) -> object:
        answer = self._answers.pop(ticket, LATE)
        if answer is LATE:
            self.now = ticket.deadline
        return answer

    def give_way(self) -> None:
        self.turns_given += 1

    def http_request(
        self, method: str, route: str, status: int, seconds: float
    ) -> None:
        assert 0 <= seconds < 60
        self.counted.append((method, route, status))

    def rejected(self, reason: str) -> None:
        self.rejections.append(reason)

    def error(self, event: str, **fields: object) -> None:
        self.logged.append((event, fields))


@pytest.fixture
def process() -> FakeProcess:
    """The rest of the process."""
    return FakeProcess()


@pytest.fixture
def api(process: FakeProcess) -> TestClient:
    """A client without sockets."""
    return TestClient(
        create_app(
            backend=process,
            parking=process,
            meter=process,
            log=process,
            clock=process.clock,
            default_currency="USD",
            max_wait_seconds=30,
        ),
        headers={"Content-Type": "application/json"},
    )


@pytest.fixture
def stored_order() -> Order:
    """An order as the database has it, not yet settled."""
    return Order(
        ORDER_ID,
        DEFAULT_TENANT,
        OrderRequest(7, "EUR", 9980, (OrderLine(3, 2, 9980),)),
        OrderStatus.PENDING,
        PaymentStatus.PENDING,
        1,
        CREATED_AT,
        CREATED_AT,
    )


@pytest.fixture
def paid_order(stored_order: Order) -> Order:
    """The same order once it is paid."""
    return stored_order._replace(
        status=OrderStatus.PAID, payment_status=PaymentStatus.SUCCESS, version=2
    )
