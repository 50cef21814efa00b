"""JSON read without mercy: what two parsers could understand differently is refused.

RFC 8259 leaves repeated names, lone surrogates and huge numbers to the parser; here
each is an error with its place. Slower than a plain parser and used only where the
plain one found something unusual.
"""

import json
import re
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from orders.http.problems import MAX_FAULTS, Fault, ProblemError

MAX_NESTING: Final = 17
"""Levels of the deepest body: an order and 16 levels of metadata."""
_MAX_INTEGER_DIGITS = 20
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[][{}]', re.DOTALL)


class Number(NamedTuple):
    """A number that is no plain integer of a sane length, as its text."""

    text: str


class _Constant(NamedTuple):
    """``NaN`` or an infinity, which JSON does not have."""

    name: str


class _Repeating(dict[str, object]):
    """An object that gave these names more than once."""

    names: tuple[str, ...] = ()


Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | Number | bool | None"


def child(pointer: str, name: str | int) -> str:
    """Return the JSON pointer of a member of what ``pointer`` points at (RFC 6901)."""
    if isinstance(name, int):
        return f"{pointer}/{name}"
    printable = name.encode("utf-8", "replace").decode("utf-8")
    return f"{pointer}/{printable.replace('~', '~0').replace('/', '~1')}"


def parse(body: bytes) -> Json:
    """Return the value of ``body``.

    Raises:
        ProblemError: ``malformed_body``, with all its places.

    """
    text = _decode(body)
    _check_nesting(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed("not_json", f"{error.msg}: {where}") from None
    faults: list[Fault] = []
    _inspect(value, "", faults)
    if faults:
        raise ProblemError(
            "malformed_body", "The body is not sound JSON.", faults=faults
        )
    checked: Json = value
    return checked


def _decode(body: bytes) -> str:
    if not body.strip(b" \t\r\n"):
        raise _malformed("body_missing", "the body is empty")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("not_utf8", f"not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise _malformed("not_json", "starts with a byte order mark")
    return text


def _check_nesting(text: str) -> None:
    """Refuse deep nesting before the parser would recurse into it."""
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        found = match.group()
        if found in "[{":
            depth += 1
            if depth > MAX_NESTING:
                raise _malformed(
                    "nesting_too_deep",
                    f"more than {MAX_NESTING} levels at character {match.start()}",
                )
        elif found in "]}":
            depth -= 1


def _malformed(code: str, message: str) -> ProblemError:
    return ProblemError(
        "malformed_body",
        "The body is not sound JSON.",
        faults=[Fault("", code, message)],
    )


def _integer(text: str) -> int | Number:
    return int(text) if len(text) <= _MAX_INTEGER_DIGITS else Number(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeating = _Repeating(members)
    repeating.names = tuple(_repeated(name for name, _ in pairs))
    return repeating


def _repeated(names: Iterable[str]) -> Iterable[str]:
    seen: set[str] = set()
    told: set[str] = set()
    for name in names:
        if name in seen and name not in told:
            told.add(name)
            yield name
        seen.add(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=Number,
    parse_constant=_Constant,
)


def _inspect(value: object, pointer: str, faults: list[Fault]) -> None:
    """Add what is unsound in ``value`` to ``faults``, depth first."""
    if len(faults) >= MAX_FAULTS:
        return
    if isinstance(value, dict):
        _inspect_object(value, pointer, faults)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _inspect(item, child(pointer, index), faults)
    elif isinstance(value, str):
        if not _is_sound(value):
            faults.append(Fault(pointer, "invalid_unicode", "a lone surrogate"))
    elif isinstance(value, _Constant):
        faults.append(Fault(pointer, "not_json", f"{value.name} is not JSON"))


def _inspect_object(
    members: dict[str, object], pointer: str, faults: list[Fault]
) -> None:
    if isinstance(members, _Repeating):
        for name in members.names:
            place = child(pointer, name)
            faults.append(Fault(place, "duplicate_key", "the name is given twice"))
    for name, item in members.items():
        place = child(pointer, name)
        if not _is_sound(name):
            faults.append(Fault(place, "invalid_unicode", "a lone surrogate"))
        _inspect(item, place, faults)


def _is_sound(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
