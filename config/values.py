"""Checks and defaults of single setting values."""

import os
import re
import socket
import sys
from ipaddress import ip_address
from typing import Literal

from pydantic import SecretStr

from orders.domain.money import CURRENCY_DIGITS

EMBEDDED = "embedded"
"""Asks for a server that this process starts and stops."""

FOLLOW_THE_LOAD = "auto"
ANY_CPU = "any"
_MAX_CPU = 8191

NODE_NAME_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"
_MAX_NODE_NAME = 64
_BROKER = re.compile(r"(.+):([0-9]{1,5})", re.ASCII)
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?", re.ASCII)
_NUMBERS = re.compile(r"[0-9.]+", re.ASCII)
_MAX_PORT = 65535


def default_node_name() -> str:
    """Return ``<host name>-<process id>``, without characters a name may not have."""
    process = f"-{os.getpid()}"
    host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()) or "node"
    return host[: _MAX_NODE_NAME - len(process)] + process


def log_format_for_stdout() -> Literal["json", "console"]:
    """Return ``console`` when a person is likely to read along, else ``json``."""
    stdout = sys.stdout
    return "console" if stdout is not None and stdout.isatty() else "json"


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` can be reached from this machine alone, for certain."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, which may come to mean anything
        return False


def lower(value: object) -> object:
    """Return text in lower case, anything else as it is."""
    return value.lower() if isinstance(value, str) else value


def check_currency(value: str) -> str:
    """Accept an active ISO 4217 code."""
    if value not in CURRENCY_DIGITS:
        raise ValueError("is not an ISO 4217 currency")
    return value


def check_cpu(text: str) -> str:
    """Accept ``auto``, ``any`` or the number of a CPU."""
    word = text.lower()
    if word in {FOLLOW_THE_LOAD, ANY_CPU}:
        return word
    is_number = text.isascii() and text.isdigit()
    if not is_number or int(text) > _MAX_CPU:
        raise ValueError("is not the number of a CPU")
    return text


def check_host(text: str) -> str:
    """Accept a host name or an address; IPv6 with or without brackets, kept without."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    is_address = ":" in host or text != host or _NUMBERS.fullmatch(host)
    if not (_is_address(host) if is_address else _HOST_NAME.fullmatch(host)):
        raise ValueError("is neither a host name nor an address; a port has its own")
    return host


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def check_ascii_number(value: object) -> object:
    """Refuse digits of other scripts, which Python takes for numbers."""
    if isinstance(value, str) and not value.isascii():
        raise ValueError("is not a number in ASCII digits")
    return value


def check_topic(text: str) -> str:
    """Accept a name that Kafka accepts for a topic and does not use itself."""
    if text in {".", "..", "__consumer_offsets", "__transaction_state"}:
        raise ValueError("is a name that Kafka keeps to itself")
    return text


def check_database_url(secret: SecretStr) -> SecretStr:
    """Accept ``embedded`` or what begins like a libpq URL; libpq reads the rest.

    The text is never part of the error.
    """
    text = secret.get_secret_value()
    if text != EMBEDDED and not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("is neither a postgresql:// URL nor the word embedded")
    return secret


def check_bootstrap_servers(text: str) -> str:
    """Accept ``embedded`` or ``host:port,host:port``."""
    if text == EMBEDDED:
        return text
    servers = [part.strip() for part in text.split(",")]
    if not all(map(_is_broker, servers)):
        raise ValueError("is neither host:port,... nor the word embedded")
    return ",".join(servers)


def _is_broker(text: str) -> bool:
    match = _BROKER.fullmatch(text)
    if match is None or not 0 < int(match[2]) <= _MAX_PORT:
        return False
    host = match[1]
    if ":" in host and not host.startswith("["):
        return False
    try:
        check_host(host)
    except ValueError:
        return False
    return True
