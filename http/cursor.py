"""Cursors of lists: where the next page begins, and what the list is of.

A cursor is opaque to clients: URL-safe text that holds the filters and the last id,
behind a digest over them and the tenant. The digest is no secret: it finds a cursor
that was cut, changed or given to another tenant. One that is forged with care shows
nothing that a query could not ask for, since the tenant is always the request's.
"""

import binascii
import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from orders.domain.listing import OrderFilters
from orders.domain.order import MAX_ID, OrderStatus, PaymentStatus
from orders.http.order_checks import REFERENCE

MAX_CURSOR_LENGTH: Final = 2048
_TEXT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DIGEST_BYTES = 8
_FORM = b"orders-list-1"
"""Part of the digest: a later form of cursor gets another name."""
_QUANTUM = 4


class Place(NamedTuple):
    """What a cursor says: the page of ``filters`` that begins below ``before``."""

    filters: OrderFilters
    before: str


class CursorError(Exception):
    """The text is no cursor of this tenant."""


class _Content(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    before: Annotated[bytes, Meta(min_length=16, max_length=16)]
    status: OrderStatus | None
    payment_status: PaymentStatus | None
    user_id: Annotated[int, Meta(ge=1, le=MAX_ID)] | None
    reference: Annotated[str, Meta(pattern=rf"\A{REFERENCE.pattern}\Z")] | None
    created_gte: Annotated[datetime, Meta(tz=True)] | None
    created_lt: Annotated[datetime, Meta(tz=True)] | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Content).decode


def encode_cursor(tenant_id: str, place: Place) -> str:
    """Return the cursor of ``place``, for a client of ``tenant_id``."""
    content = _encode(_Content(uuid.UUID(place.before).bytes, *place.filters))
    sealed = _digest(tenant_id, content) + content
    return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")


def decode_cursor(tenant_id: str, text: str) -> Place:
    """Return what the cursor says.

    Raises:
        CursorError: ``text`` was not made by ``encode_cursor`` for this tenant.

    """
    if len(text) > MAX_CURSOR_LENGTH or not _TEXT.fullmatch(text):
        raise CursorError
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % _QUANTUM))
        before, *filters = msgspec.structs.astuple(_decode(sealed[_DIGEST_BYTES:]))
    except (binascii.Error, msgspec.MsgspecError) as error:
        raise CursorError from error
    place = Place(OrderFilters(*filters), str(uuid.UUID(bytes=before)))
    if encode_cursor(tenant_id, place) != text:
        raise CursorError  # another digest, or another spelling of the same bytes
    return place


def _digest(tenant_id: str, content: bytes) -> bytes:
    digest = blake2b(digest_size=_DIGEST_BYTES, person=_FORM)
    digest.update(tenant_id.encode())
    digest.update(b"\0")
    digest.update(content)
    return digest.digest()
