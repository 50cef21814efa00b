"""Conditional requests: ``If-Match`` and ``If-None-Match`` (RFC 9110, section 13.1).

The entity tag of an order is its version in quotes, a strong one.
"""

import re
from typing import NamedTuple

from orders.domain.order import MAX_VERSION
from orders.http.problems import Fault, ProblemError
from orders.http.request_context import ServiceRequest

NO_VERSION = 0
"""No order ever has this version: a precondition that cannot be met."""
_ANY = "*"
_SEPARATORS = re.compile(r"[ \t,]*")
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)')
_VERSION = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


class EntityTag(NamedTuple):
    """One tag as it was sent."""

    opaque: str
    is_weak: bool


def entity_tag(version: int) -> str:
    """Return the ``ETag`` of ``version``."""
    return f'"{version}"'


def is_current(req: ServiceRequest, version: int) -> bool:
    """Tell whether ``If-None-Match`` names ``version``, so that 304 is the answer."""
    return is_known(req, str(version))


def is_known(req: ServiceRequest, opaque: str) -> bool:
    """Tell whether ``If-None-Match`` names the tag with ``opaque`` in its quotes.

    Tags are compared weakly (section 13.1.2). A header that cannot be read names
    nothing: the client gets the whole answer.
    """
    header: str | None = req.env.get("HTTP_IF_NONE_MATCH")
    if header is None:
        return False
    if header.strip() == _ANY:
        return True
    return any(tag.opaque == opaque for tag in entity_tags(header) or ())


def required_versions(req: ServiceRequest) -> frozenset[int] | None:
    """Return the versions that ``If-Match`` allows the order to have.

    None where any will do: no header, or ``*`` (an order that does not exist is
    404 either way). Empty where none will do: weak tags, and tags that are not
    ours, never match (section 13.1.1).

    Raises:
        ProblemError: ``bad_request``, the header cannot be read.

    """
    header: str | None = req.env.get("HTTP_IF_MATCH")
    if header is None or header.strip() == _ANY:
        return None
    tags = entity_tags(header)
    if not tags:
        message = 'send an ETag as it was given, such as "3", or *'
        fault = Fault("", "precondition_invalid", message, "If-Match")
        raise ProblemError("bad_request", f"If-Match: {message}.", faults=[fault])
    versions = (_version(tag.opaque) for tag in tags if not tag.is_weak)
    return frozenset(version for version in versions if version != NO_VERSION)


def required_version(req: ServiceRequest) -> int | None:
    """Return the one version that ``If-Match`` allows the order to have.

    None where any will do, ``NO_VERSION`` where none will do; see
    ``required_versions``.

    Raises:
        ProblemError: ``bad_request``, the header cannot be read or names several
            versions: a change is made to the one that the client has seen.

    """
    versions = required_versions(req)
    if versions is None:
        return None
    if len(versions) > 1:
        message = "name the one version that you have seen"
        fault = Fault("", "precondition_invalid", message, "If-Match")
        raise ProblemError("bad_request", f"If-Match: {message}.", faults=[fault])
    return next(iter(versions), NO_VERSION)


def entity_tags(header: str) -> list[EntityTag] | None:
    """Return the tags of a list, None where it is not one; empty members are skipped.

    ``header`` is Latin-1 text, as WSGI has it.
    """
    tags: list[EntityTag] = []
    place = _end_of_separators(header, 0)
    while place < len(header):
        match = _TAG.match(header, place)
        if match is None:
            return None
        tags.append(EntityTag(match[2], match[1] is not None))
        place = _end_of_separators(header, match.end())
    return tags


def _end_of_separators(header: str, place: int) -> int:
    match = _SEPARATORS.match(header, place)
    return place if match is None else match.end()


def _version(opaque: str) -> int:
    if not _VERSION.fullmatch(opaque):
        return NO_VERSION
    version = int(opaque)
    return version if version <= MAX_VERSION else NO_VERSION
