"""Takes the addresses that the listeners are to have."""

import errno
import socket

_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class AddressUnavailableError(Exception):
    """Nobody can listen there; the text says where, and why.

    Attributes:
        is_of_host: whether another port would not help: the host is unknown, or none
            of this machine.

    """

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(f"cannot listen on {host} port {port}: {error.strerror}")
        is_unknown = isinstance(error, socket.gaierror)
        self.is_of_host = is_unknown or error.errno in _NOT_HERE


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket with the first address of ``host`` that this machine has.

    It does not listen yet. One for ``::`` takes IPv4 too, whatever the system's
    default is.

    Raises:
        AddressUnavailableError: it cannot have the address.

    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise AddressUnavailableError(host, port, error) from error
    for place, (family, kind, proto, _, address) in enumerate(found, 1):
        try:
            return _bound(socket.socket(family, kind, proto), address)
        except OSError as error:
            # A name such as localhost often has an address of a family that is off.
            if error.errno not in _NOT_HERE or place == len(found):
                raise AddressUnavailableError(host, port, error) from error
    raise AssertionError("getaddrinfo gives at least one address, or raises")


def _bound(bound: socket.socket, address: tuple[object, ...]) -> socket.socket:
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
