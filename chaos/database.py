"""What the harness asks and tells PostgreSQL, past every proxy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from orders.domain.audit import RecordPlace
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.order import UNSETTLED
from orders.persistence.rows import text_array
from orders.persistence.session import Session
from orders.persistence.statements import Statement

_NAME = "orders chaos"
_COUNT_LEFT = Statement(
    "count_left",
    b"select (select count(*) from orders where status = any($1::text[])),"
    b" (select count(*) from outbox)",
)
_COUNT_BETWEEN = Statement(
    "count_between",
    b"select count(*),"
    b" coalesce(max(extract(epoch from updated_at)), 0)::double precision"
    b" from orders where created_at <= to_timestamp($1)"
    b" and (updated_at > to_timestamp($1) or status = any($2::text[]))",
)
_COUNT_UNSETTLED = Statement(
    "count_unsettled",
    b"select count(*) from orders where created_at <= to_timestamp($1)"
    b" and status = any($2::text[])",
)
_SETTLED_BETWEEN = Statement(
    "settled_between",
    b"select order_id, extract(epoch from updated_at - created_at)::double precision"
    b" from orders where created_at between to_timestamp($1) and to_timestamp($2)"
    b" and not status = any($3::text[])",
)
_COUNT_UNPUBLISHED = Statement(
    "count_unpublished",
    b"select count(*) from outbox where created_at <= to_timestamp($1)",
)
_COUNT_PUBLISHED = Statement(
    "count_published",
    b"select (select count(*) from order_events) - (select count(*) from outbox)",
)
_FINGERPRINT = Statement(
    "fingerprint",
    b"with settled as (select * from orders"
    b" where updated_at <= to_timestamp($1) and not status = any($2::text[])),"
    b" effects as ("
    b" select settled::text as line from settled"
    b" union all select e::text from order_events e join settled using (order_id)"
    b" union all select n::text from notifications n join settled using (order_id))"
    b" select (select count(*) from settled), count(*),"
    b" coalesce(md5(string_agg(line, '|' order by line)), '') from effects",
)
_BURIED = Statement(
    "buried", b"select partition, record_offset from dead_letters where topic = $1"
)
_SOME_ORDERS = Statement(
    "some_orders", b"select order_id from orders order by updated_at limit $1"
)
_BACKENDS = Statement(
    "backends",
    b"select pid from pg_stat_activity"
    b" where datname = $1 and application_name = $2 order by pid",
)
_LOCK = Statement("lock", b"lock table orders in access exclusive mode")
_HOLD = Statement(
    "hold",
    b"select order_id from orders where status = any($1::text[])"
    b" order by created_at desc limit 1 for update skip locked",
)
_DROP = "drop database if exists {} with (force)"
_FULL = ("too many clients", "remaining connection slots")


class SettledOrder(NamedTuple):
    """An order with an outcome, and how long that took."""

    order_id: str
    seconds: float


class NotFullError(Exception):
    """The server has connections left that should be used up."""


_NOTED_AT_ONCE = 10_000
_NOTE = """
insert into stuck_orders (order_id, created_at, noted_at, attempts, next_attempt_at)
select gen_random_uuid(), now() - interval '1 day', now(), 0, now() - interval '1 day'
from generate_series(1, $1::integer)"""


@dataclass(frozen=True, slots=True)
class Left:
    """What is not done yet: orders without an outcome, events not in Kafka."""

    unsettled: int
    unpublished: int

    @property
    def nothing(self) -> bool:
        """Whether all is done."""
        return not (self.unsettled or self.unpublished)


@dataclass(frozen=True, slots=True)
class Underway:
    """Orders that were stored and not settled at one moment.

    ``done_at`` is when the last of them was settled, in seconds since the epoch by
    the database's clock.
    """

    count: int
    done_at: float


class Effects(NamedTuple):
    """All that is stored of the orders settled by a moment, as a digest."""

    orders: int
    rows: int
    digest: str


@contextmanager
def session(url: str) -> Iterator[Session]:
    """Give a session that also talks to a server that takes no writes."""
    opened = Session(f"{url}?target_session_attrs=any", application_name=_NAME)
    try:
        yield opened
    finally:
        opened.close()


def alter_system(url: str, change: str) -> None:
    """Run ``ALTER SYSTEM SET``; some settings need a restart to hold."""
    _run(url, f"alter system set {change}")


def set_read_only(url: str, *, read_only: bool) -> None:
    """Make every new transaction of the server read-only, or none."""
    change = "set default_transaction_read_only = on"
    if not read_only:
        change = "reset default_transaction_read_only"
    _run(url, f"alter system {change}", "select pg_reload_conf()")


def set_standby(url: str, *, away: bool) -> None:
    """Make commits wait for a synchronous standby that does not exist, or for none."""
    change = "set synchronous_standby_names = 'absent'"
    if not away:
        change = "reset synchronous_standby_names"
    _run(url, f"alter system {change}", "select pg_reload_conf()")


def make_database(url: str, name: str) -> None:
    """Make an empty database."""
    _run(url, f"create database {name}")


def drop_database(url: str, name: str) -> None:
    """Drop a database and whoever uses it."""
    _run(url, _DROP.format(name))


def count_left(url: str) -> Left:
    """Count what is not done yet.

    Raises:
        DatabaseUnavailableError: PostgreSQL does not answer.

    """
    with session(url) as asked:
        [left] = asked.read(_COUNT_LEFT, (text_array(UNSETTLED),), Left)
    return left


def underway_at(asked: Session, moment: float) -> Underway:
    """Return what was stored and not settled at ``moment``, epoch seconds."""
    parameters = (moment, text_array(UNSETTLED))
    [underway] = asked.read(_COUNT_BETWEEN, parameters, Underway)
    return underway


def unsettled_of(url: str, moment: float) -> int:
    """Count the orders stored by ``moment``, epoch seconds, that have no outcome yet.

    Raises:
        DatabaseUnavailableError: PostgreSQL does not answer.

    """
    with session(url) as asked:
        parameters = (moment, text_array(UNSETTLED))
        [count] = asked.read(_COUNT_UNSETTLED, parameters, int)
    return count


def settled_between(url: str, since: float, until: float) -> list[SettledOrder]:
    """Return the settled orders that were stored between two moments, epoch seconds,
    each with the seconds until its outcome.

    Raises:
        DatabaseUnavailableError: PostgreSQL does not answer.

    """
    with session(url) as asked:
        parameters = (since, until, text_array(UNSETTLED))
        return asked.read(_SETTLED_BETWEEN, parameters, SettledOrder)


def unpublished_of(url: str, moment: float) -> int:
    """Count the events stored by ``moment``, epoch seconds, that Kafka lacks.

    Raises:
        DatabaseUnavailableError: PostgreSQL does not answer.

    """
    with session(url) as asked:
        [count] = asked.read(_COUNT_UNPUBLISHED, (moment,), int)
    return count


def published_of(url: str) -> int:
    """Count the events that Kafka has confirmed, each once."""
    with session(url) as asked:
        [count] = asked.read(_COUNT_PUBLISHED, (), int)
    return count


def effects_until(url: str, moment: float) -> Effects:
    """Return what is stored of the orders that were settled by ``moment``, epoch
    seconds; it never changes any more, unless something is done twice.
    """
    with session(url) as asked:
        parameters = (moment, text_array(UNSETTLED))
        [effects] = asked.read(_FINGERPRINT, parameters, Effects)
    return effects


def buried_of(url: str, topic: str) -> set[RecordPlace]:
    """Return the places of a topic's records that have dead letters."""
    with session(url) as asked:
        return set(asked.read(_BURIED, (topic,), RecordPlace))


def some_orders(url: str, most: int) -> list[str]:
    """Return ids of orders, those that have not changed for longest first."""
    with session(url) as asked:
        return asked.read(_SOME_ORDERS, (most,), str)


def backends_of(url: str, database: str, application: str) -> list[int]:
    """Return the process ids of the sessions that a part of the nodes has open."""
    with session(url) as asked:
        return asked.read(_BACKENDS, (database, application), int)


@contextmanager
def locked_orders(url: str) -> Iterator[None]:
    """Hold the table of orders against everybody, as a careless migration would.

    Raises:
        DatabaseUnavailableError: the lock was not to be had in a second.

    """
    with session(url) as holder, holder.transaction():
        holder.change(_LOCK, ())
        yield


@contextmanager
def held_order(url: str, seconds: float) -> Iterator[str | None]:
    """Lock an order that is not settled yet, as somebody at a terminal would; give its
    id, or None where there was none to be had in ``seconds``.
    """
    give_up_at = time.monotonic() + seconds
    with session(url) as holder:
        while time.monotonic() < give_up_at:
            with holder.transaction():
                found = holder.read(_HOLD, (text_array(UNSETTLED),), str)
                if found:
                    yield found[0]
                    return
        yield None


def hold_connections(url: str, most: int) -> list[Session]:
    """Open sessions until the server takes no more; close them to end it.

    Raises:
        NotFullError: it took ``most``, or refused for another reason.

    """
    held: list[Session] = []
    reason = ""
    probe = Statement("hold", b"select 1")
    for _ in range(most):
        holder = Session(url, application_name=f"{_NAME} holder")
        try:
            holder.read(probe, (), int)
        except DatabaseUnavailableError as error:
            holder.close()
            if says_full(str(error)):
                return held
            reason = f": {error}"
            break
        held.append(holder)
    for holder in held:
        holder.close()
    raise NotFullError(f"{len(held)} connections did not fill the server{reason}")


def says_full(refusal: str) -> bool:
    """Tell whether PostgreSQL refused because no connection is left."""
    return any(words in refusal for words in _FULL)


def note_settled(url: str, count: int) -> None:
    """Leave rows of orders that are settled, or gone, where stuck ones are noted."""
    with session(url) as told:
        for left in range(count, 0, -_NOTED_AT_ONCE):
            step = min(left, _NOTED_AT_ONCE)
            told.change(Statement("note", _NOTE.encode()), (step,))


@contextmanager
def transaction_elsewhere(url: str) -> Iterator[None]:
    """Keep a transaction open that has written, in another database of the server."""
    stranger = Session(
        f"{url}?dbname=postgres",
        application_name=_NAME,
        settings={"idle_in_transaction_session_timeout": "0"},
    )
    try:
        with stranger.transaction():
            write = Statement("write", b"create temporary table written (n integer)")
            stranger.change(write, ())
            yield
    finally:
        stranger.close()


def _run(url: str, *texts: str) -> None:
    with session(url) as told:
        for number, text in enumerate(texts):
            told.change(Statement(f"chaos {number}", text.encode()), ())
