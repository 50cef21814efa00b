"""Rows that a person or another release wrote: each costs its own answer alone."""

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal

import psycopg
import pytest

from orders.domain.changing import Action, OrderChange, OrderUnreadable
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import IdempotencyKey, NewOrder, Replayed
from orders.domain.listing import OrderFilters
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest
from orders.domain.payment import PaymentRule
from orders.domain.refunds import RefundWish
from orders.domain.settlement import resolve
from orders.domain.transitions import Change, move
from orders.persistence.database import PostgresDatabase
from orders.persistence.operator_reads import operator_reads

pytestmark = pytest.mark.integration

RULE = PaymentRule(Decimal(1000))
PENDING = move(None, Change.ACCEPTED)
KEY = IdempotencyKey("POST /v1/orders", "k-1", b"print")
new_id = IdFactory()
STRANGE = {
    "an object for lines": """items = '{"a": 1}'""",
    "a text for a number": """items = '[{"product_id": "x", "quantity": 1}]'""",
    "a huge number": """items = ('[{"product_id": 1, "quantity": 1, "line_total": 1'
                                 || repeat('0', 5000) || '}]')::json""",
    "a lone surrogate": r"""items = '["\ud800"]'""",
    "another currency": "currency = 'QQQ'",
    "another state": "status = 'ON_HOLD', payment_status = 'PARKED'",
    "another payment state": "payment_status = 'PARKED'",
    "a long reference": "reference = repeat('x', 100000)",
    "an odd reference": r"reference = E'\x01\n\u2028'",
    "an unknown tenant's user": "user_id = -1",
    "times without end": "created_at = '-infinity', updated_at = 'infinity'",
    "a time before Christ": "created_at = '0044-03-15 BC', updated_at = '20000-01-01'",
    "metadata that is no object": "metadata = '[[1, null]]'",
}


class Stores:
    """One order that is strange by now and one that is not, in all stores."""

    def __init__(self, url: str, end: ExitStack) -> None:
        self.url = url
        self.database = PostgresDatabase(url, node_name="test", node_lease_seconds=30)
        self.intake = self.database.intake_store()
        self.settlements = self.database.settlement_store()
        self.reader = self.database.read_store()
        self.changes = self.database.change_store(
            max_attempts=5, watch_after_seconds=30.0
        )
        for store in (self.intake, self.settlements, self.reader, self.changes):
            end.callback(store.close)
        self.odd, self.sound = new_order(KEY), new_order()
        self.intake.store([self.odd, self.sound])

    def spoil(self, how: str) -> None:
        with psycopg.connect(self.url) as person:
            for name in ("orders_status_known", "orders_payment_status_known"):
                person.execute(f"alter table orders drop constraint {name}".encode())
            query = f"update orders set {how} where order_id = %s"  # noqa: S608 - literals above
            person.execute(query.encode(), [self.odd.order_id])


def new_order(key: IdempotencyKey | None = None) -> NewOrder:
    order_id = new_id()
    request = OrderRequest(7, "EUR", 9980, (OrderLine(3, 1, 9980),))
    data = event_data(order_id, DEFAULT_TENANT, 7, 9980, "EUR", PENDING, 1)
    return NewOrder(order_id, DEFAULT_TENANT, request, data, key)


@pytest.fixture(params=STRANGE.values(), ids=STRANGE.keys())
def stores(database_url: str, request: pytest.FixtureRequest) -> Iterator[Stores]:
    with ExitStack() as end:
        stores = Stores(database_url, end)
        stores.spoil(request.param)
        yield stores


def test_a_strange_row_costs_no_other_answer(stores: Stores) -> None:
    odd, sound = stores.odd.order_id, stores.sound.order_id

    # Its key comes again, beside a new order.
    again, fresh = stores.odd._replace(order_id=new_id()), new_order()
    replayed, _ = stores.intake.store([again, fresh])
    assert isinstance(replayed, Replayed)
    assert replayed.order.order_id == odd
    ids = {odd, sound, fresh.order_id}

    # It is looked at, listed, and listed for an operator.
    assert set(stores.reader.read_orders([*ids])) == ids
    listed = stores.reader.list_orders(DEFAULT_TENANT, OrderFilters(), None, 10)
    assert {order.order_id for order in listed.orders} == ids
    assert stores.reader.read_history(DEFAULT_TENANT, odd)
    assert stores.reader.read_refunds(DEFAULT_TENANT, odd)
    with operator_reads(stores.url) as reads:
        assert {o.order_id for o in reads.newest_orders(10).orders} == ids
        assert reads.find_order(odd) is not None

    # The others settle.
    found, unknown = stores.settlements.read_open([*ids])
    open_ids = {order.order_id for order in found}
    assert (open_ids | {odd}, unknown) == (ids, 0)
    settlements = [resolve(order, RULE) for order in found if order.order_id != odd]
    assert len(stores.settlements.settle(settlements).won) == 2

    # A change of it has an outcome.
    for action in Action:
        wish = RefundWish(new_id()) if action is Action.REFUND else None
        change = OrderChange(odd, DEFAULT_TENANT, action, "ann", refund=wish)
        stores.changes.change(change)


def test_an_order_of_which_a_part_is_unreadable_is_not_changed(
    database_url: str,
) -> None:
    with ExitStack() as end:
        stores = Stores(database_url, end)
        stores.spoil("currency = 'QQQ'")
        odd = stores.odd.order_id

        change = OrderChange(odd, DEFAULT_TENANT, Action.CANCEL, "ann")
        refused = stores.changes.change(change)

        assert refused == OrderUnreadable(odd, "currency: QQQ")
        assert stores.reader.read_orders([odd])[odd].version == 1
