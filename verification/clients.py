"""What clients were told, held against what is stored."""

import json
from collections.abc import Iterator

from orders.domain.audit import AuditedOrder, StoredOrder
from orders.verification.journal import Operation, Outcome, order_fingerprint
from orders.verification.path import Path
from orders.verification.real_time import check_answers, is_absence
from orders.verification.rules import Rules
from orders.verification.verdict import Finding, Group

_KeyPlace = tuple[str, str]
"""Route and key."""
_ROUTE_METHOD = "POST "
"""What the database puts before the route of a key."""


class Clients:
    """The journals' side of a check; owned by one thread.

    About 700 bytes for each operation that was answered, until its order comes by.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._operations = 0
        self._requests: dict[str, int] = {}
        self._refused: set[str] = set()
        self._refused_keys: set[_KeyPlace] = set()
        self._replayed: dict[_KeyPlace, Operation] = {}
        self._may_have_stored: set[_KeyPlace] = set()
        self._asked: set[tuple[_KeyPlace, str]] = set()
        self._winners: dict[_KeyPlace, Operation] = {}
        self._creates: dict[str, Operation] = {}
        self._answers: dict[str, list[Operation]] = {}

    @property
    def operations(self) -> int:
        """How many were added."""
        return self._operations

    def add(self, operation: Operation) -> Iterator[Finding]:
        """Take one operation; yield what contradicts those before it."""
        self._operations += 1
        told = operation.outcome is Outcome.OK or is_absence(operation)
        if told and operation.order_id is not None:
            self._answers.setdefault(operation.order_id, []).append(operation)
        if operation.kind == "create":
            self._note_replay(operation)
            self._count_request(operation)
            if operation.outcome is Outcome.OK and operation.order_id is not None:
                yield from self._add_create(operation, operation.order_id)

    def check(self, found: AuditedOrder, path: Path) -> Iterator[Finding]:
        """Yield where one stored order differs from what clients know of it."""
        order = found.order
        if order is None or not self._operations:
            return
        create = self._creates.pop(order.order_id, None)
        yield from self._check_request(order, create)
        if create is not None:
            yield from self._check_key(found, order, create)
        answers = self._answers.pop(order.order_id, [])
        yield from check_answers(order.order_id, answers, path)

    def missing(self) -> Iterator[Finding]:
        """Yield the orders that clients were told of and that never came by."""
        for order_id, answers in self._answers.items():
            told = next((it for it in answers if it.outcome is Outcome.OK), None)
            if told is not None:
                detail = f"client {told.client} was told of it by a {told.kind}"
                yield Finding(
                    Group.LOST, "acknowledged_order_missing", order_id, detail
                )

    def refused_and_replayed(self) -> Iterator[Finding]:
        """Yield the keys that are replayed though every try before was refused.

        Known at the end only: who shares a key may be told of it in any order.
        """
        for place, replay in self._replayed.items():
            if place in self._refused_keys and place not in self._may_have_stored:
                detail = f"client {replay.client} was told that it was refused"
                yield Finding(
                    Group.LOST, "refused_order_replayed", replay.order_id, detail
                )

    def _note_replay(self, operation: Operation) -> None:
        if operation.key is None:
            return
        place = (operation.route, operation.key)
        if operation.outcome is Outcome.FAILED:
            self._refused_keys.add(place)
        elif operation.replayed:
            self._replayed.setdefault(place, operation)
        else:
            self._may_have_stored.add(place)

    def _count_request(self, operation: Operation) -> None:
        """Count how many orders may come of a body."""
        body = operation.fingerprint
        if operation.outcome is Outcome.FAILED:
            self._refused.add(body)
            return
        if operation.key is not None:
            asked = ((operation.route, operation.key), body)
            if asked in self._asked:
                return
            self._asked.add(asked)
        self._requests[body] = self._requests.get(body, 0) + 1

    def _add_create(self, operation: Operation, order_id: str) -> Iterator[Finding]:
        def finding(rule: str, detail: str) -> Finding:
            return Finding(Group.DUPLICATES, rule, order_id, detail)

        if operation.key is not None:
            place = (operation.route, operation.key)
            winner = self._winners.setdefault(place, operation)
            if winner.order_id != order_id:
                detail = f"the key {operation.key!r} also gave {winner.order_id}"
                yield finding("key_names_two_orders", detail)
            elif winner.fingerprint != operation.fingerprint:
                detail = f"the key {operation.key!r} took two bodies"
                yield finding("key_took_two_bodies", detail)
        first = self._creates.setdefault(order_id, operation)
        is_replay = operation.key is not None and (
            (first.route, first.key) == (operation.route, operation.key)
        )
        if first is not operation and not is_replay:
            detail = f"clients {first.client} and {operation.client} got the same order"
            yield finding("order_answers_two_requests", detail)

    def _check_request(
        self, order: StoredOrder, create: Operation | None
    ) -> Iterator[Finding]:
        body = fingerprint_of(order)
        if create is not None and create.fingerprint != body:
            detail = f"client {create.client} asked for something else"
            yield Finding(
                Group.LOST, "acknowledged_order_differs", order.order_id, detail
            )
        elif body in self._requests:
            self._requests[body] -= 1
            if self._requests[body] < 0:
                detail = "more orders of this body than requests for it"
                yield Finding(Group.DUPLICATES, "order_doubled", order.order_id, detail)
        elif body in self._refused:
            detail = "its client was told that it was refused"
            yield Finding(Group.LOST, "refused_order_stored", order.order_id, detail)
        elif self._rules.journal_is_complete:
            detail = "no client asked for it"
            yield Finding(Group.LOST, "order_without_request", order.order_id, detail)

    def _check_key(
        self, found: AuditedOrder, order: StoredOrder, create: Operation
    ) -> Iterator[Finding]:
        if create.key is None or order.age_seconds > self._rules.key_retention_seconds:
            return
        kept = {(key.route.removeprefix(_ROUTE_METHOD), key.key) for key in found.keys}
        if (create.route, create.key) not in kept:
            detail = f"the key {create.key!r} does not lead to it"
            yield Finding(Group.DUPLICATES, "key_forgotten", order.order_id, detail)


def fingerprint_of(order: StoredOrder) -> str:
    """Return the ``order_fingerprint`` of a stored order, "" where it has no lines."""
    try:
        lines = [
            (line["product_id"], line["quantity"], line["line_total"])
            for line in json.loads(order.items)
        ]
    except (KeyError, TypeError, ValueError, RecursionError):
        return ""
    return order_fingerprint(
        order.user_id, order.currency, order.total, lines, order.reference
    )
