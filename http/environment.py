"""The WSGI environment of a request (PEP 3333): what is the same comes ready-made."""

import sys
from typing import Final

from orders.http.parser import RequestParser
from orders.http.waitress_edge import Environ

_OF_THE_SERVER: Final[Environ] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
_NOT_RENAMED: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


def environment_of_connection(
    server_name: str, server_port: object, addr: tuple[str, int]
) -> Environ:
    """Return what all requests of one connection have; ``addr`` is the client's."""
    return {
        **_OF_THE_SERVER,
        "SERVER_NAME": server_name,
        "SERVER_PORT": str(server_port),
        "REMOTE_ADDR": addr[0],
    }


def environment_of(request: RequestParser, of_connection: Environ) -> Environ:
    """Return a new environment.

    What PEP 3333 asks for and no more: with a few headers that fits into a dictionary
    of Python's that has not to grow once again.
    """
    environment = {
        **of_connection,
        "REQUEST_METHOD": request.command,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "SERVER_PROTOCOL": "HTTP/1.1" if request.version == "1.1" else "HTTP/1.0",
        "wsgi.url_scheme": request.url_scheme,
        "wsgi.input": request.get_body_stream(),
    }
    for name, value in request.headers.items():
        environment[name if name in _NOT_RENAMED else f"HTTP_{name}"] = value
    return environment
