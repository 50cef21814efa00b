"""Reads what an operator gave, layer by layer, and finds the names nobody knows."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from orders.config.setting_names import (
    CONFIG_FILE,
    DELIMITER,
    PREFIX,
    Catalogue,
    SettingPath,
    find,
)
from orders.config.settings_errors import unknown_name

_FILE = "_FILE"
_MAX_SECRET_BYTES = 65_536
_MAX_TOML_BYTES = 1_048_576
_LINE_ENDS = "\r\n"

# Kubernetes adds these for a Service whose name begins with "orders" (documented
# under "Environment variables" of a Service); they are nobody's mistake.
_SERVICE_LINK = re.compile(
    r"_SERVICE_HOST|_SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|_PORT_[0-9]+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?"
)
_SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")

Values = dict[str, Any]
"""Nested plain values; the settings classes say what they should be."""


@dataclass(slots=True)
class Given:
    """What an operator gave, the strongest layer having overwritten the others."""

    values: Values = field(default_factory=dict)
    written_as: dict[SettingPath, str] = field(default_factory=dict)
    """The name each value was written under."""
    problems: list[str] = field(default_factory=list)

    def put(self, path: SettingPath, value: object, written: str) -> None:
        """Set one value, over that of a weaker layer.

        A line end is no part of it: editors, ``echo`` and YAML leave one at the end.
        """
        values = self.values
        for section in path[:-1]:
            values = values.setdefault(section, {})
        values[path[-1]] = value.strip(_LINE_ENDS) if isinstance(value, str) else value
        self.written_as[path] = written


def read_given(environ: Mapping[str, str], known: Catalogue) -> Given:
    """Read the TOML file, the environment and the secret files.

    An empty variable counts as not given. Nothing is raised: what cannot be read
    is among the problems.
    """
    variables = {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX)
        and value.strip(_LINE_ENDS)
        and not _is_service_link(name, value)
    }
    given = Given()
    config_file = variables.pop(CONFIG_FILE, "").strip(_LINE_ENDS)
    if config_file:
        _read_toml(Path(config_file), known, given)
    for name in sorted(variables):
        _read_variable(name, variables, known, given)
    return given


def _is_service_link(name: str, value: str) -> bool:
    if name.endswith("_PORT") and _SERVICE_LINK_VALUE.match(value):
        return True
    match = _SERVICE_LINK.search(name)
    return match is not None and match.end() == len(name) and DELIMITER not in name


def _read_variable(
    name: str, variables: Mapping[str, str], known: Catalogue, given: Given
) -> None:
    path = _path(name)
    if find(known, path) is not None:
        given.put(path, variables[name], name)
        return
    plain_name = name.removesuffix(_FILE)
    secret_path = _path(plain_name)
    setting = find(known, secret_path) if name.endswith(_FILE) else None
    if setting is None or not setting.is_secret:
        given.problems.append(unknown_name(name, path, known))
    elif plain_name in variables:
        given.problems.append(f"{name}: {plain_name} is given too; give one of them")
    else:
        _read_secret(name, Path(variables[name].strip(_LINE_ENDS)), secret_path, given)


def _path(name: str) -> SettingPath:
    *sections, last = name.removeprefix(PREFIX).split(DELIMITER)
    path = (*(section.lower() for section in sections), last.lower())
    # The entries of a table are named by currency, which is written in capitals.
    return (*path[:-1], last) if len(path) > _DEPTH else path


_DEPTH = 2
"""Section and key; what is deeper is an entry of a table."""


def _read_secret(name: str, file: Path, path: SettingPath, given: Given) -> None:
    """Read a secret's file, and never tell its name: it may be the secret itself."""
    try:
        with file.open("rb") as stream:
            # Windows' editors begin a file with a byte order mark.
            text = stream.read(_MAX_SECRET_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        given.problems.append(f"{name}: the file that it names: {error.strerror}")
        return
    except UnicodeDecodeError:
        given.problems.append(f"{name}: the file that it names is not UTF-8 text")
        return
    if len(text) > _MAX_SECRET_BYTES:
        given.problems.append(
            f"{name}: the file that it names has more than {_MAX_SECRET_BYTES} bytes"
        )
    elif not text.strip(_LINE_ENDS):
        given.problems.append(f"{name}: the file that it names is empty")
    else:
        given.put(path, text, name)


def _read_toml(file: Path, known: Catalogue, given: Given) -> None:
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_TOML_BYTES + 1)
        if len(data) > _MAX_TOML_BYTES:
            problem = f"larger than {_MAX_TOML_BYTES} bytes"
            given.problems.append(f"{CONFIG_FILE}: {file}: {problem}")
            return
        # Amounts of money never pass through a float.
        tree = tomllib.loads(data.decode("utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        given.problems.append(f"{CONFIG_FILE}: {file}: {error.strerror}")
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        given.problems.append(f"{CONFIG_FILE}: {file}: not TOML: {error}")
        return
    for path, value in _leaves(tree, ()):
        written = f"{'.'.join(path)} in {file}"
        if find(known, path) is None:
            given.problems.append(unknown_name(written, path, known))
        else:
            given.put(path, value, written)


def _leaves(tree: Values, path: SettingPath) -> Iterator[tuple[SettingPath, Any]]:
    for key, value in tree.items():
        below = (*path, key)
        if isinstance(value, dict) and value:
            yield from _leaves(value, below)
        elif value != {}:
            yield below, value
