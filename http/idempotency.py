"""Idempotency keys: what a client may send, and what the same request means."""

import re
from hashlib import blake2b
from typing import Final

import msgspec

from orders.domain.intake import IdempotencyKey
from orders.domain.order import OrderRequest
from orders.http.problems import Fault, ProblemError
from orders.http.request_context import ServiceRequest

KEY_PATTERN: Final = r"[\x21-\x7e]{1,255}"
_KEY = re.compile(KEY_PATTERN, re.ASCII)
KEY_ADVICE: Final = "send 1 to 255 visible ASCII characters"
_DIGEST_BYTES = 16
_LARGEST_INTEGER = 2.0**63
"""Of those that the encoder takes."""
_encode = msgspec.json.Encoder(order="deterministic").encode


def key_of(req: ServiceRequest) -> str | None:
    """Return the request's ``Idempotency-Key``, if it has one.

    Raises:
        ProblemError: ``idempotency_key_invalid``.

    """
    key: str | None = req.env.get("HTTP_IDEMPOTENCY_KEY")
    if key is None or is_key(key):
        return key
    message = KEY_ADVICE
    raise ProblemError(
        "idempotency_key_invalid",
        f"Idempotency-Key: {message}.",
        faults=[Fault("", "idempotency_key_invalid", message, "Idempotency-Key")],
    )


def is_key(text: str) -> bool:
    """Tell whether ``text`` can be a key."""
    return _KEY.fullmatch(text) is not None


def fingerprint(request: OrderRequest) -> bytes:
    """Return a digest of what ``request`` means.

    Spelling does not count: the order of fields, whitespace, escapes, a currency
    left out, ``"99"`` for ``"99.00"``. In metadata, numbers count as the doubles
    that most readers take them for.
    """
    metadata = request.metadata
    meaning = (
        request.user_id,
        request.currency,
        request.total,
        request.lines,
        request.reference,
        None if metadata is None else _as_doubles(msgspec.json.decode(metadata)),
    )
    return blake2b(_encode(meaning), digest_size=_DIGEST_BYTES).digest()


def _as_doubles(value: object) -> object:
    """Return ``value`` with equal numbers alike, however they were written.

    Whole ones become integers, which is what a node of an earlier release makes of
    nearly all of them: it must find the same digest.
    """
    if isinstance(value, dict):
        return {name: _as_doubles(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_doubles(member) for member in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    number = float(value)
    whole = number.is_integer() and abs(number) < _LARGEST_INTEGER
    return int(number) if whole else number


def idempotency_key(
    route: str, key: str | None, request: OrderRequest
) -> IdempotencyKey | None:
    """Return what is stored of ``key``, None where the client sent none."""
    if key is None:
        return None
    return IdempotencyKey(route, key, fingerprint(request))
