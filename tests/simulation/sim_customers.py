"""Customers who order, lose answers, try again, and remember what they were told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from sim_node import SimNode
from sim_scheduler import Scheduler

from orders.actors.messages import OUTCOME_UNKNOWN, Refused, Submission, Ticket
from orders.domain.events import event_data
from orders.domain.intake import KeyBusy, KeyReused, NewOrder, Replayed, Stored
from orders.domain.order import DEFAULT_TENANT, Order, OrderLine, OrderRequest
from orders.domain.transitions import Change, move
from orders.http.idempotency import idempotency_key

ROUTE = "/v1/orders"
_STORE_SECONDS = 1.5
_PATIENCE_SECONDS = 4.0
_MOST_TRIES = 4
_LIMIT_MINOR = 100_000
_ACCEPTED = move(None, Change.ACCEPTED)


class Told(StrEnum):
    """What a customer knows after one try."""

    WAITING = "waiting"
    STORED = "stored"
    REPLAYED = "replayed"
    REUSED = "reused"
    BUSY = "busy"
    NOT_STORED = "not stored"
    UNKNOWN = "unknown"


CERTAINLY_NOT_STORED = frozenset({Told.REUSED, Told.BUSY, Told.NOT_STORED})


@dataclass(slots=True, eq=False)
class Try:
    """One request: the ticket of its node, and the memory of its customer."""

    order: NewOrder
    scheduler: Scheduler
    on_end: Callable[["Try"], None]
    began_at_version: int
    """Version of the key's order when this was sent; 0 without one."""
    node: SimNode | None = None
    told: Told = Told.WAITING
    answer: Order | None = None

    def send(self, node: SimNode) -> None:
        """Send it; a node that is not there refuses the connection."""
        if node.dead:
            self._end(Told.NOT_STORED)
            return
        self.node = node
        deadline = self.scheduler.now + _STORE_SECONDS
        ticket: Ticket = self
        submission = Submission(self.order, ticket, deadline)
        refused = node.submit(submission, self)
        if refused is not None:
            self.answered(refused)
            return
        self.scheduler.after(_STORE_SECONDS, partial(self._late, submission))
        self.scheduler.after(_PATIENCE_SECONDS, self.cut)

    def answered(self, answer: object) -> None:
        """Read the answer as a client of the HTTP interface would."""
        match answer:
            case Stored():
                self._end(Told.STORED)
            case Replayed(order):
                self.answer = order
                self._end(Told.REPLAYED)
            case KeyReused():
                self._end(Told.REUSED)
            case KeyBusy():
                self._end(Told.BUSY)
            case Refused(reason=reason) if reason == OUTCOME_UNKNOWN:
                self._end(Told.UNKNOWN)
            case _:
                self._end(Told.NOT_STORED)

    def cut(self) -> None:
        """End without an answer."""
        self._end(Told.UNKNOWN)

    def _late(self, submission: Submission) -> None:
        """Answer at the deadline, as ``http.order_submission`` does."""
        node = self.node
        if node is None or node.dead or self.told is not Told.WAITING:
            return
        if node.frozen_until > self.scheduler.now:
            wait = node.frozen_until - self.scheduler.now
            self.scheduler.after(wait, partial(self._late, submission))
            return
        node.tickets.pop(id(self), None)
        self._end(Told.NOT_STORED if submission.drop() else Told.UNKNOWN)

    def _end(self, told: Told) -> None:
        if self.told is Told.WAITING:
            self.told = told
            self.scheduler.note("told", self.order.order_id[-12:], told)
            self.on_end(self)


@dataclass(slots=True)
class Customers:
    """All of a run: each wants one order and tries until it knows that it has it."""

    scheduler: Scheduler
    pick_node: Callable[[], SimNode]
    version_of_key: Callable[[str], int]
    tries: list[Try] = field(default_factory=list)
    _ids: int = 0

    def begin(self, count: int, seconds: float) -> None:
        """Let ``count`` customers come within ``seconds``."""
        random = self.scheduler.random
        for number in range(count):
            key = f"key-{number}" if random.random() < 0.7 else None
            request = self._request(number)
            at = random.random() * seconds
            self.scheduler.after(at, partial(self._try, request, key, 1))
            if key is not None and random.random() < 0.5:
                soon = at + random.random() * random.random()
                self.scheduler.after(soon, partial(self._try, request, key, 1))
            if key is not None and random.random() < 0.2:
                other = request._replace(user_id=99)
                later = at + random.random()
                self.scheduler.after(later, partial(self._try, other, key, 1))

    @property
    def are_served(self) -> bool:
        """Whether nobody waits."""
        return all(t.told is not Told.WAITING for t in self.tries)

    def _try(self, request: OrderRequest, key: str | None, number: int) -> None:
        order = self._order(request, key)
        version = 0 if key is None else self.version_of_key(key)
        attempt = Try(
            order, self.scheduler, partial(self._try_again, number=number), version
        )
        self.tries.append(attempt)
        attempt.send(self.pick_node())

    def _try_again(self, ended: Try, *, number: int) -> None:
        random, key = self.scheduler.random, ended.order.key
        name = None if key is None else key.key
        safe = key is not None or ended.told is Told.NOT_STORED
        unsure = ended.told in {Told.UNKNOWN, Told.BUSY, Told.NOT_STORED}
        curious = key is not None and random.random() < 0.2
        if number < _MOST_TRIES and ((unsure and safe) or curious):
            self.scheduler.after(
                random.random(),
                partial(self._try, ended.order.request, name, number + 1),
            )

    def _request(self, number: int) -> OrderRequest:
        random = self.scheduler.random
        total = random.choice((500, _LIMIT_MINOR - 1, _LIMIT_MINOR, 250_000))
        lines = (OrderLine(number + 1, 1, total),)
        return OrderRequest(number, "EUR", total, lines, f"customer-{number}")

    def _order(self, request: OrderRequest, key: str | None) -> NewOrder:
        self._ids += 1
        millis = int(self.scheduler.now * 1000)
        digits = f"{millis:012x}7{self._ids:03x}8{self._ids:015x}"
        order_id = "-".join(
            (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        )
        data = event_data(
            order_id,
            DEFAULT_TENANT,
            request.user_id,
            request.total,
            request.currency,
            _ACCEPTED,
            1,
        )
        return NewOrder(
            order_id,
            DEFAULT_TENANT,
            request,
            data,
            idempotency_key(ROUTE, key, request),
        )
