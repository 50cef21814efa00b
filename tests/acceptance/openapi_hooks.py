"""What schemathesis cannot know from JSON Schema; loaded by it, not by pytest.

A request that fits its schema has to be accepted. Some rules are beyond a schema: a
total is the sum of its lines, a currency has its own digits, a key goes with one body.
Requests that are meant to be accepted are made to keep them here, others are sent as
they come. A cursor cannot be guessed, so it is left out.
"""

import json
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import schemathesis
from schemathesis import Case, HookContext
from schemathesis.transport import SerializationContext

from orders.domain.money import MAX_MINOR, format_amount
from orders.domain.order import MAX_LINES, MAX_METADATA_BYTES

DEFAULT_CURRENCY = "USD"
UNIT_DIGITS = 3
LARGEST_LINE = MAX_MINOR // 10**UNIT_DIGITS // MAX_LINES
MAX_LEVELS = 16
LARGEST_NUMBER = 10**60
KEY_HEADER = "Idempotency-Key"
ENTITY_TAG = re.compile(r'"[1-9][0-9]{0,9}"|\*')


@schemathesis.serializer("application/x-ndjson")
def lines_of_json(_context: SerializationContext, value: object) -> bytes:
    """Write an array as lines; anything else stays the JSON that it is."""
    rows = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@schemathesis.hook
def before_call(_context: HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    """Make a request that is to be accepted keep the rules beyond its schema."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    keep = RULES.get(case.operation.path)
    if keep is not None:
        keep(case)
    if case.headers and not ENTITY_TAG.fullmatch(case.headers.get("If-Match", "*")):
        case.headers["If-Match"] = (
            '"1"'  # the coverage phase takes 0 to fit the pattern
        )
    if case.headers and KEY_HEADER in case.headers:
        meaning = [case.formatted_path, case.headers[KEY_HEADER], str(case.body)]
        case.headers[KEY_HEADER] = digest(meaning)


def digest(meaning: list[str]) -> str:
    """Return a key for this and nothing else: the same request keeps its key."""
    return blake2b(json.dumps(meaning).encode(), digest_size=12).hexdigest()


def keep_order(case: Case) -> None:
    if case.method == "POST":
        add_up(case.body)
    else:
        keep_filters(case.query)


def keep_filters(query: dict[str, Any]) -> None:
    query.pop("cursor", None)
    if "user_id" in query:
        query.pop("reference", None)
    if str(query.get("created_gte", "")) >= str(query.get("created_lt", "~")):
        del query["created_lt"]


def keep_batch(case: Case) -> None:
    keyed = KEY_HEADER in (case.headers or {})
    for number, row in enumerate(case.body):
        add_up(row)
        if "idempotency_key" in row:
            key = digest([str(number), str(row)])
            row.pop("idempotency_key") if keyed else row.update(idempotency_key=key)


def keep_older_order(case: Case) -> None:
    known = {"user_id", "product_id", "quantity", "total_price"}
    for name in [it for it in case.body if it.lower() in known and it not in known]:
        del case.body[name]  # the same name twice, in two letter cases
    write_integers(case.body)
    case.body["total_price"] = max(1, int(min(case.body["total_price"], LARGEST_LINE)))


def keep_refund(case: Case) -> None:
    """Orders have whole amounts here, so that one unit is left or nothing is."""
    if isinstance(case.body, dict) and "amount" in case.body:
        case.body["amount"] = "1"


def add_up(order: dict[str, Any]) -> None:
    """Give the order whole amounts of its currency that add up."""
    currency = order.get("currency", DEFAULT_CURRENCY)
    unit = 10 ** len(format_amount(0, currency)[2:])
    total = 0
    write_integers(order)
    for line in order["items"]:
        write_integers(line)
        whole = int(line["line_total"].partition(".")[0])
        amount = max(1, min(whole, LARGEST_LINE)) * unit
        line["line_total"] = format_amount(amount, currency)
        total += amount
    order["total"] = format_amount(total, currency)
    if not is_kept(order.get("metadata", {})):
        order["metadata"] = {"left": "out"}


def write_integers(members: dict[str, Any]) -> None:
    """Write 7.0 as 7: to JSON Schema both are integers, to the service one is."""
    for name, value in members.items():
        if isinstance(value, float) and value.is_integer():
            members[name] = int(value)


def is_kept(metadata: object) -> bool:
    """Tell whether metadata is small, shallow and sane enough for any reader."""
    return len(json.dumps(metadata)) <= MAX_METADATA_BYTES and is_plain(metadata, 1)


def is_plain(value: object, level: int) -> bool:
    if isinstance(value, dict):
        inside = [*value, *value.values()]
    elif isinstance(value, list):
        inside = value
    elif isinstance(value, str):
        return "\x00" not in value and "\\u0000" not in value
    else:
        return not isinstance(value, int | float) or abs(value) < LARGEST_NUMBER
    return level <= MAX_LEVELS and all(is_plain(it, level + 1) for it in inside)


RULES: dict[str, Callable[[Case], None]] = {
    "/v1/orders": keep_order,
    "/v1/orders/batch": keep_batch,
    "/v1/orders/{order_id}/refunds": keep_refund,
    "/Orders": keep_older_order,
}
