"""Which settings exist, what they are called and what they allow.

Read off the settings classes, so that error messages, the reference page and the
classes cannot differ.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

PREFIX = "ORDERS_"
DELIMITER = "__"
CONFIG_FILE = "ORDERS_CONFIG_FILE"

SettingPath = tuple[str, ...]

_WORDS: dict[SettingPath, str] = {
    ("node_name",): "1 to 64 of A-Z a-z 0-9 _ . -",
    ("currency",): "an ISO 4217 code such as USD",
    ("cpu",): "auto, any or a whole number from 0 to 8191",
    ("failpoints",): "name:nth:action,...",
    ("database", "url"): "postgresql://user@host:port/database, or embedded",
    ("kafka", "bootstrap_servers"): "host:port,host:port,... or embedded",
    ("kafka", "topic"): "1 to 249 of A-Z a-z 0-9 . _ -; not . or ..",
    ("kafka", "group"): "1 to 255 printable ASCII characters, no blank",
    ("http", "host"): "a host name or address",
    ("operations", "host"): "a host name or address",
    ("payment", "limits"): "an ISO 4217 code in the name, a number above 0 as value",
}
_DEFAULT_WORDS: dict[SettingPath, str] = {
    ("node_name",): "host name and process id",
    ("auth", "mode"): "open where HTTP__HOST is loopback, else keys",
    ("log", "format"): "console on a terminal, else json",
}


class Setting(NamedTuple):
    """One setting as a person sees it."""

    path: SettingPath
    field: FieldInfo
    is_secret: bool
    is_table: bool
    """Its name goes on: ``ORDERS_PAYMENT__LIMITS__JPY``."""

    @property
    def name(self) -> str:
        """The environment variable."""
        return environment_name(self.path)

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        return _WORDS.get(self.path) or _allowed(self.field)

    @property
    def default(self) -> str:
        """What holds when nothing is given, in words; empty for none."""
        if self.path in _DEFAULT_WORDS:
            return _DEFAULT_WORDS[self.path]
        if self.field.is_required():
            return "required"
        return _shown(self.field.get_default(call_default_factory=True))


Catalogue = Mapping[SettingPath, Setting]


def environment_name(path: SettingPath) -> str:
    """Return the environment variable of a setting's path."""
    return PREFIX + DELIMITER.join(path).upper()


def catalogue(settings_class: type[BaseModel]) -> Catalogue:
    """Return every setting below ``settings_class`` by its path."""
    return {setting.path: setting for setting in _settings(settings_class, ())}


def find(known: Catalogue, path: SettingPath) -> Setting | None:
    """Return the setting at ``path``, or the table that ``path`` is an entry of."""
    setting = known.get(path)
    if setting is not None:
        return None if setting.is_table else setting
    table = known.get(path[:-1])
    return table if table is not None and table.is_table else None


def _settings(model: type[BaseModel], path: SettingPath) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        below = (*path, name)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(kind, below)
        else:
            is_secret = SecretStr in _kinds(kind)
            yield Setting(below, field, is_secret, _is_mapping(kind))


def _is_mapping(kind: object) -> bool:
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _kinds(kind: object) -> tuple[object, ...]:
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


def _shown(value: object) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _allowed(field: FieldInfo) -> str:
    kind = _kinds(field.annotation)[0]
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    if kind is bool:
        return "true or false"
    if kind is Path:
        return "a path"
    if kind in {str, SecretStr}:
        return "text"
    return _allowed_number(kind, field)


def _allowed_number(kind: object, field: FieldInfo) -> str:
    noun = "a whole number" if kind is int else "a number"
    bounds: dict[type, object] = {}
    for mark in field.metadata:
        match mark:
            case Ge(ge=bound) | Gt(gt=bound) | Le(le=bound):
                bounds[type(mark)] = bound
    low, high = bounds.get(Ge), bounds.get(Le)
    if low is None:
        return f"{noun} above {bounds.get(Gt)}, up to {high}"
    return f"{noun} from {low} to {high}"
