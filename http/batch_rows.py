"""The rows of a batch, each read as the body of ``POST /v1/orders`` is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple

from orders.domain.order import OrderRequest
from orders.http import strict_json
from orders.http.decoding import check_parsed, decode_order
from orders.http.idempotency import KEY_ADVICE, fingerprint, is_key
from orders.http.order_checks import invalid_order
from orders.http.problems import MAX_FAULTS, Fault, ProblemError
from orders.http.slices import Slices

KEY_FIELD: Final = "idempotency_key"
_KEY_NAME = f'"{KEY_FIELD}"'.encode()
_KEY_PLACE = f"/{KEY_FIELD}"
_DIGEST_BYTES = 16
_SOUND, _UNSOUND = b"+", b"-"


class Row(NamedTuple):
    """A valid row."""

    request: OrderRequest
    key: str | None
    """What it gave as its ``idempotency_key``."""
    meaning: bytes
    """Digest of ``request``; empty where no key asks for it."""


@dataclass(slots=True)
class CheckedRows:
    """All rows of a batch: valid ones, and for the others what is wrong.

    Places are those in the batch: ``/3/items/0/quantity``.
    """

    rows: list[Row | ProblemError] = field(default_factory=list)
    meaning: bytes = b""
    """Digest of the whole batch; equal for both formats and, of valid rows, all
    spellings."""
    faults: list[Fault] = field(default_factory=list)
    """The first ``MAX_FAULTS`` of all rows."""
    fault_count: int = 0

    def refuse(self, problem: ProblemError) -> None:
        """Add a row that is not valid; faults beyond the limit are counted alone."""
        index = len(self.rows)
        self.fault_count += len(problem.faults)
        room = MAX_FAULTS - len(self.faults)
        placed = [
            Fault(f"/{index}{fault.pointer}", fault.code, fault.message)
            for fault in problem.faults[:room]
        ]
        self.faults += placed
        self.rows.append(ProblemError(problem.code, problem.detail, faults=placed))


def check_rows(
    texts: Sequence[bytes],
    default_currency: str,
    max_row_bytes: int,
    *,
    keyed: bool,
    slices: Slices,
) -> CheckedRows:
    """Return what the rows say; other requests are served meanwhile.

    Args:
        texts: each row's JSON.
        default_currency: of rows that name none.
        max_row_bytes: the largest row.
        keyed: the batch has a key, so rows cannot have their own.
        slices: when to let others go first.

    """
    checked = CheckedRows()
    meaning = blake2b(digest_size=_DIGEST_BYTES)
    keys: dict[str, int] = {}
    for index, text in enumerate(texts):
        try:
            row = read_row(text, default_currency, max_row_bytes, keyed=keyed)
            _note_key(row.key, index, keys)
        except ProblemError as problem:
            checked.refuse(problem)
            if keyed:
                digest = blake2b(text.strip(), digest_size=_DIGEST_BYTES).digest()
                meaning.update(_UNSOUND + digest)
        else:
            checked.rows.append(row)
            meaning.update(_SOUND + row.meaning)
        slices.pause()
    checked.meaning = meaning.digest()
    return checked


def read_row(text: bytes, default_currency: str, max_bytes: int, *, keyed: bool) -> Row:
    """Return the row in ``text``.

    Raises:
        ProblemError: ``body_too_large``, ``malformed_body`` or ``invalid_order``,
            with the places in the row.

    """
    if len(text) > max_bytes:
        message = f"an order has at most {max_bytes} bytes"
        fault = Fault("", "too_large", message)
        raise ProblemError("body_too_large", f"{message}.", faults=[fault])
    # Without an escape, a name stands in the text as it is.
    if b"\\" not in text and _KEY_NAME not in text:
        request, key = decode_order(text, default_currency), None
    else:
        request, key = _read_with_key(text, default_currency, allowed=not keyed)
    wanted = keyed or key is not None
    return Row(request, key, fingerprint(request) if wanted else b"")


def _read_with_key(
    text: bytes, default_currency: str, *, allowed: bool
) -> tuple[OrderRequest, str | None]:
    value = strict_json.parse(text)
    if not isinstance(value, dict) or KEY_FIELD not in value:
        return check_parsed(text, value, default_currency), None
    key = value.pop(KEY_FIELD)
    faults: list[Fault] = []
    if not allowed:
        message = "the batch has an Idempotency-Key: leave it out"
        faults.append(Fault(_KEY_PLACE, "key_not_expected", message))
    elif not isinstance(key, str) or not is_key(key):
        faults.append(Fault(_KEY_PLACE, "idempotency_key_invalid", KEY_ADVICE))
    try:
        request = check_parsed(text, value, default_currency)
    except ProblemError as problem:
        raise invalid_order([*faults, *problem.faults]) from None
    if faults:
        raise invalid_order(faults)
    return request, str(key)


def _note_key(key: str | None, index: int, keys: dict[str, int]) -> None:
    """Refuse a key that an earlier row has; equal or not, one is there by mistake."""
    if key is None:
        return
    first = keys.setdefault(key, index)
    if first != index:
        message = f"row {first} has the same key"
        raise invalid_order([Fault(_KEY_PLACE, "key_repeated", message)])
