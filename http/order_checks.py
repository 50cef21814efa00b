"""The checks of an order that is sound JSON: types, bounds, money and sums.

Nothing stops at the first fault: all of them are collected, each with its place.
"""

import math
import re
from collections.abc import Mapping
from typing import Final

from orders.domain.errors import MoneyError
from orders.domain.money import (
    CURRENCY_DIGITS,
    format_amount,
    parse_amount,
)
from orders.domain.order import (
    MAX_ID,
    MAX_LINES,
    MAX_METADATA_BYTES,
    MAX_QUANTITY,
    MAX_REFERENCE_LENGTH,
    OrderLine,
    OrderRequest,
)
from orders.http.problems import Fault, ProblemError
from orders.http.strict_json import Json, Number, child

LINE_CHARACTER: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]"
"""What a line of text consists of: no control characters of either kind, which those
that end a line in Unicode are, and neither of its two separators."""
REFERENCE: Final = re.compile(rf"{LINE_CHARACTER}{{1,{MAX_REFERENCE_LENGTH}}}")
"""One line of text."""
_MAX_NUMBER_LENGTH = 64
_REQUIRED = ("user_id", "items", "total")
_OPTIONAL = ("currency", "reference", "metadata")
_LINE = ("product_id", "quantity", "line_total")


def check_order(
    value: Json, metadata_text: str | None, default_currency: str
) -> OrderRequest:
    """Return the order that ``value`` describes.

    Args:
        value: the body, parsed.
        metadata_text: the exact text of its metadata, if it has any.
        default_currency: of an order that names none.

    Raises:
        ProblemError: ``invalid_order``, with everything that is wrong.

    """
    check = _Check()
    order = check.order(value, metadata_text, default_currency)
    if order is None or check.faults:
        raise invalid_order(check.faults)
    return order


def invalid_order(faults: list[Fault]) -> ProblemError:
    """Return the problem of an order with these faults."""
    count = "1 thing is" if len(faults) == 1 else f"{len(faults)} things are"
    return ProblemError("invalid_order", f"{count} wrong; see errors.", faults=faults)


def check_integer(
    fields: Mapping[str, Json], name: str, pointer: str, most: int, faults: list[Fault]
) -> int | None:
    """Return the member ``name`` if it is an integer from 1 to ``most``."""
    value = fields.get(name)
    place = child(pointer, name)
    if isinstance(value, Number) and value.text.lstrip("-").isdigit():
        value = 0  # too long to be parsed, so out of range
    if isinstance(value, bool) or not isinstance(value, int):
        if name in fields:
            faults.append(Fault(place, "wrong_type", "send an integer"))
        return None
    if not 1 <= value <= most:
        faults.append(Fault(place, "out_of_range", f"send 1 to {most}"))
        return None
    return value


class _Check:
    """One pass over one order."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def order(
        self, value: Json, metadata_text: str | None, default_currency: str
    ) -> OrderRequest | None:
        fields = self._object(value, "", _REQUIRED, _OPTIONAL)
        if fields is None:
            return None
        user_id = check_integer(fields, "user_id", "", MAX_ID, self.faults)
        currency = self._currency(fields, default_currency)
        lines = self._lines(fields, currency)
        total = self._amount(fields, "total", "", currency)
        self._reference(fields)
        self._metadata(fields, metadata_text)
        if user_id is None or currency is None or lines is None or total is None:
            return None
        self._sum(total, lines, currency)
        reference = fields.get("reference")
        return OrderRequest(
            user_id,
            currency,
            total,
            lines,
            reference if isinstance(reference, str) else None,
            metadata_text,
        )

    def _fault(self, pointer: str, code: str, message: str) -> None:
        self.faults.append(Fault(pointer, code, message))

    def _object(
        self,
        value: Json,
        pointer: str,
        required: tuple[str, ...],
        optional: tuple[str, ...] = (),
    ) -> Mapping[str, Json] | None:
        if not isinstance(value, dict):
            self._fault(pointer, "wrong_type", "send an object")
            return None
        for name in required:
            if name not in value:
                self._fault(child(pointer, name), "missing_field", "is required")
        for name in value:
            if name not in required and name not in optional:
                self._fault(child(pointer, name), "unknown_field", "is not known")
        return value

    def _currency(self, fields: Mapping[str, Json], default: str) -> str | None:
        if "currency" not in fields:
            return default
        value = fields["currency"]
        if not isinstance(value, str):
            self._fault("/currency", "wrong_type", "send a string, or leave it out")
        elif value not in CURRENCY_DIGITS:
            self._fault("/currency", "unknown_currency", "send an ISO 4217 code")
        else:
            return value
        return None

    def _amount(
        self, fields: Mapping[str, Json], name: str, pointer: str, currency: str | None
    ) -> int | None:
        if name not in fields:
            return None
        value = fields[name]
        place = child(pointer, name)
        if not isinstance(value, str):
            number = isinstance(value, int | Number) and not isinstance(value, bool)
            advice = "send the amount as a string, not as a number"
            self._fault(
                place, "wrong_type", advice if number else 'send a string like "9.50"'
            )
            return None
        if currency is None:
            return None
        try:
            return parse_amount(value, currency)
        except MoneyError as error:
            self._fault(place, "invalid_amount", str(error))
            return None

    def _lines(
        self, fields: Mapping[str, Json], currency: str | None
    ) -> tuple[OrderLine, ...] | None:
        if "items" not in fields:
            return None
        value = fields["items"]
        if not isinstance(value, list):
            self._fault("/items", "wrong_type", "send an array")
            return None
        if not 1 <= len(value) <= MAX_LINES:
            self._fault("/items", "line_count", f"send 1 to {MAX_LINES} lines")
        lines = [
            self._line(item, child("/items", index), currency)
            for index, item in enumerate(value[:MAX_LINES])
        ]
        known = tuple(line for line in lines if line is not None)
        return known if known and len(known) == len(value) else None

    def _line(
        self, value: Json, pointer: str, currency: str | None
    ) -> OrderLine | None:
        fields = self._object(value, pointer, _LINE)
        if fields is None:
            return None
        product_id = check_integer(fields, "product_id", pointer, MAX_ID, self.faults)
        quantity = check_integer(fields, "quantity", pointer, MAX_QUANTITY, self.faults)
        line_total = self._amount(fields, "line_total", pointer, currency)
        if product_id is None or quantity is None or line_total is None:
            return None
        return OrderLine(product_id, quantity, line_total)

    def _sum(self, total: int, lines: tuple[OrderLine, ...], currency: str) -> None:
        expected = sum(line.line_total for line in lines)
        if total != expected:
            self._fault(
                "/total",
                "total_mismatch",
                f"total is {format_amount(total, currency)}, the lines add up to "
                f"{format_amount(expected, currency)}; a line_total is the price of "
                "the whole line, quantity included",
            )
        elif total == 0:
            self._fault("/total", "zero_total", "an order costs something")

    def _reference(self, fields: Mapping[str, Json]) -> None:
        if "reference" not in fields:
            return
        value = fields["reference"]
        if not isinstance(value, str):
            self._fault("/reference", "wrong_type", "send a string, or leave it out")
        elif not 1 <= len(value) <= MAX_REFERENCE_LENGTH:
            allowed = f"send 1 to {MAX_REFERENCE_LENGTH} characters"
            self._fault("/reference", "wrong_length", allowed)
        elif REFERENCE.fullmatch(value) is None:
            self._fault("/reference", "control_character", "send one line of text")

    def _metadata(self, fields: Mapping[str, Json], text: str | None) -> None:
        if "metadata" not in fields:
            return
        value = fields["metadata"]
        if not isinstance(value, dict):
            self._fault("/metadata", "wrong_type", "send an object, or leave it out")
            return
        if text is not None and len(text.encode("utf-8")) > MAX_METADATA_BYTES:
            allowed = f"send at most {MAX_METADATA_BYTES} bytes"
            self._fault("/metadata", "too_large", allowed)
            return
        self._inspect(value, "/metadata")

    def _inspect(self, value: Json, pointer: str) -> None:
        """Find what a reader of the metadata could stumble over."""
        if isinstance(value, dict):
            for name, item in value.items():
                self._inspect(name, child(pointer, name))
                self._inspect(item, child(pointer, name))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self._inspect(item, child(pointer, index))
        elif isinstance(value, str):
            if "\x00" in value:
                self._fault(pointer, "control_character", "holds a NUL")
        elif isinstance(value, Number) and not _fits_a_double(value.text):
            self._fault(pointer, "out_of_range", "the number is too large or long")


def _fits_a_double(text: str) -> bool:
    return len(text) <= _MAX_NUMBER_LENGTH and math.isfinite(float(text))
