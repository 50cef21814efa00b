"""Takes the addresses that the listeners are to have."""

import errno
import socket


class AddressUnavailableError(Exception):
    """Nobody can listen there; the text says where, and why.

    Attributes:
        is_of_host: whether another port would not help: the host is unknown, or none
            of this machine.

    """

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(f"cannot listen on {host} port {port}: {error.strerror}")
        is_unknown = isinstance(error, socket.gaierror)
        self.is_of_host = is_unknown or error.errno == errno.EADDRNOTAVAIL


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket with the first address of ``host``; it does not listen yet.

    Raises:
        AddressUnavailableError: it cannot have the address.

    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, proto)
    except OSError as error:
        raise AddressUnavailableError(host, port, error) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise AddressUnavailableError(host, port, error) from error
    return bound
