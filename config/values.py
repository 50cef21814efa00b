"""Checks and defaults of single setting values."""

import os
import re
import socket
import sys
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from orders.domain.money import CURRENCY_DIGITS

EMBEDDED = "embedded"
"""Asks for a server that this process starts and stops."""

FOLLOW_THE_LOAD = "auto"
ANY_CPU = "any"
_MAX_CPU = 8191

NODE_NAME_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"
_MAX_NODE_NAME = 64
_BROKER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})", re.ASCII)
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
        return ip_address(host.strip("[]")).is_loopback
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


def check_database_url(secret: SecretStr) -> SecretStr:
    """Accept ``embedded`` or a libpq URL. The text is never part of the error."""
    text = secret.get_secret_value()
    if text == EMBEDDED:
        return secret
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        scheme = ""
    if scheme not in {"postgresql", "postgres"}:
        raise ValueError("is neither a postgresql:// URL nor the word embedded")
    return secret


def check_bootstrap_servers(text: str) -> str:
    """Accept ``embedded`` or ``host:port,host:port``."""
    if text == EMBEDDED:
        return text
    servers = [part.strip() for part in text.split(",")]
    for server in servers:
        match = _BROKER.fullmatch(server)
        if match is None or not 0 < int(match[2]) <= _MAX_PORT:
            raise ValueError("is neither host:port,... nor the word embedded")
    return ",".join(servers)
