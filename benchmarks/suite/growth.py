"""Intake, settlement, status and list on a database that holds many orders already."""

from contextlib import ExitStack

import psycopg
from psycopg import sql

from benchmarks.bench import Bench
from benchmarks.figures import Report
from benchmarks.plot import Bars, document
from benchmarks.servers import Place
from benchmarks.targets import Target

_Rates = dict[str, dict[int, list[float]]]
"""By what is counted and by orders stored: each round's."""
_CONNECTIONS = 64
_CHUNK = 200_000
_PER_SECOND = 1_000.0
# Settled orders of the past, a thousand a second up to an hour ago, each with two
# history rows and its notice, as the service leaves them.
_FILL = (
    sql.SQL(
        "create temp table filling on commit drop as"
        " select uuidv7(-age) as id, now() - age as at, number %% 10000 + 1 as usr"
        " from (select number, make_interval(secs => 86400 + (%s - number) / %s) as age"
        " from generate_series(%s::bigint, %s::bigint - 1) as number) as aged"
    ),
    sql.SQL(
        "insert into orders (order_id, tenant_id, user_id, currency, total, items,"
        " status, payment_status, version, created_at, updated_at)"
        " select id, 'default', usr, 'EUR', 49900,"
        ' \'[{"product_id":3,"quantity":2,"line_total":49900}]\','
        " 'PAID', 'SUCCESS', 2, at, at from filling"
    ),
    sql.SQL(
        "insert into order_events (order_id, version, type, data, occurred_at, actor)"
        " select id, version, 'orders.order.' || name || '.v1', repeat('x', 200), at,"
        " 'growth' from filling,"
        " (values (1, 'accepted'), (2, 'paid')) as kinds (version, name)"
    ),
    sql.SQL(
        "insert into notifications (order_id, version, channel, tenant_id, user_id,"
        " message, created_at)"
        " select id, 2, 'inbox', 'default', usr, 'Your payment was successful.', at"
        " from filling"
    ),
)
# Rows from all over the table; their pages were read just now, by this.
_SOME = sql.SQL(
    "select array_agg(order_id::text) from (select order_id from orders"
    " tablesample system (least(100, %s::float8)) order by random() limit %s) as chosen"
)
_ASKED_FOR = 5_000
_PERCENT = 100.0
_LIST_PATHS = [
    f"/v1/orders?limit=20{more}" for more in ("", "&status=PAID", "&status=FAILED")
]
_WHAT = ("accepted", "settled", "status read", "pages listed")


def run(bench: Bench) -> Report:
    """Fill databases of each size, then load a node on each in turn."""
    report = Report("growth", "Does a large database slow the service down?")
    rates: _Rates = {what: {n: [] for n in bench.sizes.stored} for what in _WHAT}
    with ExitStack() as exits:
        nodes: dict[int, Target] = {}
        for size in bench.sizes.stored:
            place = exits.enter_context(bench.place("growth", schema=True))
            fill(place, size)
            nodes[size] = exits.enter_context(bench.service(place))
            bench.warm(nodes[size])

        def one_round(_number: int) -> None:
            for size, node in nodes.items():
                for what, rate in _round(bench, node, size).items():
                    rates[what][size].append(rate)

        bench.rounds(one_round)
    smallest = min(bench.sizes.stored)
    for what, rounds in rates.items():
        for size, each in rounds.items():
            base = [] if size == smallest else rounds[smallest]
            name = f"{what}, {size:,} orders stored"
            report.add(name, "1/s", each, base, f"{smallest:,} stored")
    sizes = tuple(f"{size:,}" for size in bench.sizes.stored)
    bars = {what: list(rounds.values()) for what, rounds in rates.items()}
    title = "A second, on a database that holds orders already"
    report.plot = document(Bars(title, "1/s", "orders stored", sizes, bars))
    return report


def _round(bench: Bench, node: Target, stored: int) -> dict[str, float]:
    """Place orders, wait for their outcomes, then read: a rate for each of it."""
    summary = bench.closed(node.load(), _CONNECTIONS)
    seconds = summary.seconds + node.wait_settled()
    paths = [f"/v1/orders/{order_id}" for order_id in _some_ids(node.place, stored)]
    read = bench.closed(node.questions(paths), _CONNECTIONS)
    listed = bench.closed(node.questions(_LIST_PATHS), _CONNECTIONS)
    rates = (summary.rate, summary.accepted / seconds, read.rate, listed.rate)
    return dict(zip(_WHAT, rates, strict=True))


def _some_ids(place: Place, stored: int) -> list[str]:
    share = 2 * _PERCENT * _ASKED_FOR / max(stored, 1)
    [ids] = place.ask(_SOME, share, _ASKED_FOR)
    if not isinstance(ids, list):
        raise TypeError("no orders to ask for")
    return ids


def fill(place: Place, count: int) -> None:
    """Store ``count`` settled orders, some 200,000 a transaction."""
    with psycopg.connect(place.database_url) as connection:
        cursor = psycopg.ClientCursor(connection)
        for first in range(0, count, _CHUNK):
            last = min(first + _CHUNK, count)
            cursor.execute(_FILL[0], (count, _PER_SECOND, first, last))
            for statement in _FILL[1:]:
                cursor.execute(statement)
            connection.commit()
            print(f"  {last:,} of {count:,} orders filled in", flush=True)
    if count:
        with psycopg.connect(place.database_url, autocommit=True) as connection:
            connection.execute("vacuum analyze")
