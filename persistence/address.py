"""The database's address, read by libpq itself, and judged before anything connects.

libpq quotes what it does not understand, which may be a piece of the password: so no
text of it, and no part of the address, is in an error of this module.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
"""

import os
import re
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import psycopg
from psycopg import conninfo, pq

_NOWHERE = "/nowhere"
"""Read as the folder of a socket; nothing is there, so an attempt ends at once."""
_TRIED_TO_CONNECT = "connection to server on socket"
_ENCODE = (
    "in a URL, user name and password are percent-encoded:"
    " % is %25, @ is %40, / is %2F, a blank is %20"
)
_UNKNOWN_PARAMETER = "invalid URI query parameter"
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,255}", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_MAX_PORT = 65_535
_WHOLE_NUMBERS = (
    *("connect_timeout", "tcp_user_timeout", "keepalives", "keepalives_idle"),
    *("keepalives_interval", "keepalives_count"),
)
_FILES = ("sslcert", "sslkey", "sslrootcert", "sslcrl")
_READ_ONLY_SERVERS = frozenset({"read-only", "standby"})

Parameters = dict[str, str | int | None]


class AddressError(psycopg.ProgrammingError):
    """No connection can ever be made with this address; the text quotes none of it."""


def read_address(url: str) -> Parameters:
    """Return the parameters of a libpq URL or key-value string.

    Raises:
        AddressError: libpq does not understand it.

    """
    try:
        return conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        if str(error).startswith(_UNKNOWN_PARAMETER):
            what = f"has a parameter that libpq does not know; {_ENCODE}"
        else:
            what = f"is not understood by libpq; {_ENCODE}"
    except ValueError:
        what = "is not UTF-8 text"
    raise AddressError(what)


def check_address(url: str) -> None:
    """Refuse a URL with which no connection can ever be made; connects nowhere.

    Raises:
        AddressError: says what is wrong, so that it reads after the setting's name.

    """
    _check_shape(url)
    parameters = read_address(url)
    for problem in _problems(parameters):
        raise AddressError(problem)
    _check_with_libpq(parameters)


def _check_shape(url: str) -> None:
    """Refuse what libpq would take for a host or a database, and is a password."""
    if " " in url or not url.isprintable():
        raise AddressError(f"has a blank or a control character in it; {_ENCODE}")
    authority, _, rest = url.partition("://")[2].partition("/")
    if authority.count("@") > 1 or "@" in rest:
        raise AddressError(f"has an @ too many; {_ENCODE}")


def _problems(parameters: Parameters) -> Iterator[str]:
    hosts = str(parameters.get("host") or "").split(",")
    if not all(map(_is_host, hosts)):
        yield f"has a host that is neither a name nor an address; {_ENCODE}"
    addresses = str(parameters.get("hostaddr") or "").split(",")
    if not all(not it or _is_address(it) for it in addresses):
        yield "has a hostaddr that is no address"
    ports = str(parameters.get("port") or "").split(",")
    if not all(not it or _is_port(it) for it in ports):
        yield f"has a port that is not a number from 1 to {_MAX_PORT}; {_ENCODE}"
    for name in _WHOLE_NUMBERS:
        if not _WHOLE_NUMBER.fullmatch(str(parameters.get(name, "0"))):
            yield f"has a {name} that is not a whole number"
    if parameters.get("target_session_attrs") in _READ_ONLY_SERVERS:
        yield "asks for a server that takes no writes, with its target_session_attrs"
    yield from _file_problems(parameters)


def _file_problems(parameters: Parameters) -> Iterator[str]:
    for name in _FILES:
        file = str(parameters.get(name) or "")
        if not file or file == "system":
            continue
        try:
            Path(file).open("rb").close()
            if name == "sslrootcert":
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            yield f"names an {name} that holds no certificate in PEM"
        except OSError as error:
            yield f"names an {name} that cannot be read: {error.strerror}"


def _check_with_libpq(parameters: Parameters) -> None:
    """Have libpq look at all values, as it does before its first attempt to connect.

    Raises:
        AddressError: it refuses one.

    """
    hosts = (
        parameters.get("hostaddr")
        or parameters.get("host")
        or os.environ.get("PGHOSTADDR")
        or os.environ.get("PGHOST")
    )
    count = len(str(hosts).split(","))
    nowhere = ",".join([_NOWHERE] * count)
    attempt = {**parameters, "host": nowhere, "hostaddr": ""}  # not even PGHOSTADDR
    text = conninfo.make_conninfo("", **attempt)
    connection = pq.PGconn.connect_start(text.encode())
    message = connection.error_message.decode(errors="replace")
    connection.finish()
    if _TRIED_TO_CONNECT not in message:
        named = [name for name in _known_names() if re.search(rf"\b{name}\b", message)]
        what = f"its {', '.join(named)}" if named else "its parameters as they are"
        raise AddressError(f"is refused by libpq for {what}, or for a PG* variable")


def _known_names() -> list[str]:
    return [option.keyword.decode() for option in pq.Conninfo.get_defaults()]


def _is_host(text: str) -> bool:
    if not text or text.startswith(("/", "@")) or _is_address(text):
        return True
    is_number = text.replace(".", "").isdigit()
    return _HOST.fullmatch(text) is not None and not is_number


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and 0 < int(text) <= _MAX_PORT
