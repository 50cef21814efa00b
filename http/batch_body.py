"""The body of a batch: a JSON array or lines of JSON, cut into rows.

Cutting looks at the outermost brackets alone. Each row is read by itself later, so
that the loop can turn in between.
"""

from typing import Final

import msgspec

from orders.http.problems import Fault, ProblemError
from orders.http.request_context import (
    JSON,
    ServiceRequest,
    media_type_of,
    read_body,
)

NDJSON: Final = "application/x-ndjson"
MAX_ROWS: Final = 1000
_WHITE_SPACE = b" \t\r\n"
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def rows_of(req: ServiceRequest, max_bytes: int) -> list[bytes]:
    """Return the texts of the request's rows, 1 to ``MAX_ROWS`` of them.

    Raises:
        ProblemError: ``unsupported_media_type``, ``body_too_large``,
            ``malformed_body``, or ``invalid_batch`` for their number.

    """
    is_array = media_type_of(req, JSON, NDJSON) == JSON
    body = read_body(req, max_bytes)
    if not body.strip(_WHITE_SPACE):
        raise _malformed("body_missing", "the body is empty")
    rows = split_array(body) if is_array else split_lines(body)
    if not 1 <= len(rows) <= MAX_ROWS:
        raise invalid_batch(
            [Fault("", "row_count", f"send 1 to {MAX_ROWS} orders, not {len(rows)}")]
        )
    return [bytes(row) for row in rows]


def split_array(body: bytes) -> list[msgspec.Raw]:
    """Return the texts of the elements of a JSON array.

    Raises:
        ProblemError: ``malformed_body``, or ``invalid_batch`` for another value.

    """
    try:
        return _decode_array(body)
    except msgspec.ValidationError:
        fault = Fault("", "wrong_type", "send an array of orders")
        raise invalid_batch([fault]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed("not_json", str(error)) from None
    except RecursionError:
        raise _malformed("nesting_too_deep", "too many levels") from None


def split_lines(body: bytes) -> list[bytes]:
    """Return the lines; empty ones are left out and do not count."""
    return [line for line in body.split(b"\n") if line.strip(_WHITE_SPACE)]


def invalid_batch(faults: list[Fault], count: int | None = None) -> ProblemError:
    """Return the problem of a batch with these faults; ``count`` with those untold."""
    count = len(faults) if count is None else count
    things = "1 thing is" if count == 1 else f"{count} things are"
    return ProblemError(
        "invalid_batch",
        f"Nothing was stored: {things} wrong; see errors.",
        faults=faults,
    )


def _malformed(code: str, message: str) -> ProblemError:
    return ProblemError(
        "malformed_body",
        "The body is not a sound batch.",
        faults=[Fault("", code, message)],
    )
