"""``orders config``."""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from orders.cli.output import AsJson, print_json, print_table
from orders.cli.target import read_settings

if TYPE_CHECKING:
    from orders.config.setting_names import SettingPath
    from orders.config.settings import Settings

NOT_SHOWN = "***"
_DEFAULT = "default"
_DATABASE_URL = ("database", "url")


class Effective(NamedTuple):
    """One setting as it holds, written as in the environment; secrets left out."""

    name: str
    value: str
    given_by: str
    """The variable, or the key and its file; ``default`` where nothing is given."""


def config(as_json: AsJson = False) -> None:
    """Print the settings that hold here, without secrets, and who gave each.

    Example: orders config | grep KAFKA
    """
    effective = list(effective_settings(read_settings(), os.environ))
    if as_json:
        print_json([setting._asdict() for setting in effective])
        return
    rows = [(it.name, it.value or None, it.given_by) for it in effective]
    print_table(("NAME", "VALUE", "GIVEN BY"), rows)


def effective_settings(
    settings: "Settings", environ: Mapping[str, str]
) -> Iterator[Effective]:
    """Go through every setting, in the order of the reference."""
    from orders.config.layers import read_given  # noqa: PLC0415
    from orders.config.setting_names import (  # noqa: PLC0415
        catalogue,
        environment_name,
    )

    known = catalogue(type(settings))
    written_as = read_given(environ, known).written_as
    for setting in known.values():
        value = _value_at(settings, setting.path)
        members: Mapping[SettingPath, object] = (
            {(*setting.path, key): member for key, member in _entries(value)}
            if setting.is_table
            else {setting.path: value}
        )
        for path, member in members.items():
            given_by = written_as.get(path, _DEFAULT)
            text = _secret(settings, path) if setting.is_secret else _shown(member)
            yield Effective(environment_name(path), text, given_by)


def _secret(settings: "Settings", path: "SettingPath") -> str:
    """Return what may be said of a secret: whether it is given, or embedded."""
    if path == _DATABASE_URL and settings.wants_embedded_database:
        return "embedded"
    return "" if _value_at(settings, path) is None else NOT_SHOWN


def _value_at(settings: object, path: "SettingPath") -> object:
    value = settings
    for name in path:
        value = getattr(value, name)
    return value


def _entries(table: object) -> Iterator[tuple[str, object]]:
    if isinstance(table, Mapping):
        yield from table.items()


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
