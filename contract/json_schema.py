"""JSON Schemas (draft 2020-12) of the structs that the service reads and writes.

Names, required members and bounds come from the structs. What a struct does not say,
such as the form of a text, is added to the member of that name; a name that the struct
does not have stops the build.
"""

from collections.abc import Mapping
from inspect import cleandoc
from typing import Final, TypeAlias, cast

import msgspec

from orders.domain.identifiers import ORDER_ID_PATTERN
from orders.domain.money import AMOUNT_PATTERN, CURRENCY_DIGITS, MAX_AMOUNT_LENGTH
from orders.domain.order import MAX_ID, MAX_VERSION, OrderStatus, PaymentStatus

JsonValue: TypeAlias = (
    "Mapping[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"
)
JsonObject: TypeAlias = Mapping[str, JsonValue]
Refinements: TypeAlias = Mapping[type[msgspec.Struct], Mapping[str, JsonObject]]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAMES: Final = {"ProblemBody": "Problem", "ProblemKindOut": "ProblemKind"}
_OUT, _IN = "Out", "In"


def whole(pattern: str) -> str:
    """Return a pattern for all of a text; JSON Schema's match anywhere in it."""
    return f"^{pattern}$"


def one_of(*values: str) -> JsonObject:
    """Return the schema of a text out of a closed set."""
    return {"type": "string", "enum": [*values]}


ORDER_ID: Final[JsonObject] = {
    "type": "string",
    "format": "uuid",
    "pattern": whole(ORDER_ID_PATTERN),
    "description": "A UUIDv7: ids sort by time.",
}
AMOUNT: Final[JsonObject] = {
    "type": "string",
    "pattern": whole(AMOUNT_PATTERN),
    "maxLength": MAX_AMOUNT_LENGTH,
    "description": "A decimal string with the currency's digits, such as 99.80.",
}
SHOWN_AMOUNT: Final[JsonObject] = {
    "anyOf": [AMOUNT, {"type": "null"}],
    "description": "Null where another release stored a currency that the node does"
    " not know.",
}
CURRENCY: Final[JsonObject] = {
    **one_of(*sorted(CURRENCY_DIGITS)),
    "description": "An active ISO 4217 code.",
}
TIMESTAMP: Final[JsonObject] = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339, UTC.",
}
STATUS: Final[JsonObject] = one_of(*OrderStatus)
PAYMENT_STATUS: Final[JsonObject] = one_of(*PaymentStatus)
VERSION: Final[JsonObject] = {"type": "integer", "minimum": 1, "maximum": MAX_VERSION}
ID: Final[JsonObject] = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
PATH: Final[JsonObject] = {"type": "string", "format": "uri-reference"}


def schemas_of(refinements: Refinements, prefix: str) -> dict[str, JsonObject]:
    """Return the schema of each struct by its public name, sorted.

    Args:
        refinements: the structs, and what is added to their members.
        prefix: where references look for a schema, such as ``#/components/schemas/``.

    Raises:
        KeyError: a struct has no member of that name.

    """
    structs = tuple(refinements)
    _, built = msgspec.json.schema_components(structs, ref_template="{name}")
    found = {
        public_name(struct.__name__): _refined(built[struct.__name__], added)
        for struct, added in refinements.items()
    }
    return {name: _with_references(found[name], prefix) for name in sorted(found)}


def public_name(struct: str) -> str:
    """Return what the documents call a struct: ``Order`` for ``OrderOut``."""
    if struct in _NAMES:
        return _NAMES[struct]
    if struct.endswith(_OUT):
        return struct.removesuffix(_OUT)
    return f"New{struct.removesuffix(_IN)}" if struct.endswith(_IN) else struct


def _refined(schema: JsonObject, added: Mapping[str, JsonObject]) -> JsonObject:
    members = dict(cast("Mapping[str, JsonObject]", schema["properties"]))
    for name, more in added.items():
        members[name] = {**members[name], **more}
    kept = {name: value for name, value in schema.items() if name != "title"}
    if isinstance(text := kept.get("description"), str):
        # A docstring, which Python itself dedents from 3.13 on.
        kept["description"] = cleandoc(text)
    return {**kept, "properties": members}


def _with_references(schema: JsonObject, prefix: str) -> JsonObject:
    """Return the schema with the structs' names in references made public ones."""

    def walk(value: JsonValue) -> JsonValue:
        if isinstance(value, Mapping):
            return {
                name: f"{prefix}{public_name(item)}"
                if name == "$ref" and isinstance(item, str)
                else walk(item)
                for name, item in value.items()
            }
        return [walk(item) for item in value] if isinstance(value, list) else value

    return cast("JsonObject", walk(schema))
