"""One message for everything that is wrong with the settings."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orders.config.redaction import redact
from orders.config.setting_names import (
    CONFIG_FILE,
    Catalogue,
    Setting,
    SettingPath,
    environment_name,
    find,
)

_HOW_TO_START = (
    "Give both ORDERS_DATABASE__URL and ORDERS_KAFKA__BOOTSTRAP_SERVERS, for example\n"
    "  ORDERS_DATABASE__URL=postgresql://orders@127.0.0.1:5432/orders\n"
    "  ORDERS_KAFKA__BOOTSTRAP_SERVERS=127.0.0.1:9092\n"
    "or use `make run`, which brings a PostgreSQL and a Kafka of its own; a command\n"
    "beside it finds these when both are given as `embedded`."
)
_MAX_SHOWN = 60
_WRONG_BY_RULE = "value_error"
_KEY = "[key]"
"""How the library marks that the name of a table's entry is wrong."""


class SettingsError(Exception):
    """The settings cannot be used; the text lists every problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 setting is wrong:" if count == 1 else f"{count} settings are wrong:"
        lines = [head, *(f"  {problem}" for problem in self.problems)]
        if any(": missing" in problem for problem in self.problems):
            lines += ["", _HOW_TO_START]
        super().__init__("\n".join(lines))


def unknown_name(written: str, path: SettingPath, known: Catalogue) -> str:
    """Return the problem of a name that no setting has, with the nearest one."""
    names = [setting.name for setting in known.values() if not setting.is_table]
    names += [f"{setting.name}_FILE" for setting in known.values() if setting.is_secret]
    candidates = [*names, CONFIG_FILE]
    near = difflib.get_close_matches(environment_name(path), candidates, 1, cutoff=0.0)
    return f"{written}: unknown name; the nearest is {near[0]}"


def describe(
    error: ValidationError, known: Catalogue, written_as: Mapping[SettingPath, str]
) -> list[str]:
    """Return the problems of values, each under the name that was written."""
    return list(_describe(error.errors(include_url=False), known, written_as))


def _describe(
    details: Iterable[ErrorDetails],
    known: Catalogue,
    written_as: Mapping[SettingPath, str],
) -> Iterable[str]:
    for detail in details:
        path = tuple(str(part) for part in detail["loc"] if part != _KEY)
        if detail["type"] == "missing":
            yield from _missing(path, known)
            continue
        setting = known.get(path) or find(known, path)
        if setting is None:
            yield _rule(detail)
        else:
            written = written_as.get(path, environment_name(path))
            yield f"{written}: {_wrong(detail, setting)}; allowed: {setting.allowed}"


def _missing(path: SettingPath, known: Catalogue) -> Iterable[str]:
    """A missing section stands for each of its required settings."""
    for setting in known.values():
        is_below = setting.path[: len(path)] == path
        if is_below and setting.field.is_required():
            yield f"{setting.name}: missing; allowed: {setting.allowed}"


def _rule(detail: ErrorDetails) -> str:
    """Between settings the rule names them itself."""
    return "ORDERS_" + detail["msg"].removeprefix("Value error, ")


def _wrong(detail: ErrorDetails, setting: Setting) -> str:
    if detail["type"] == _WRONG_BY_RULE:
        what = detail["msg"].removeprefix("Value error, ")
        return what if setting.is_secret else f"{_shown(detail)} {what}"
    if setting.is_secret:
        return "not accepted"
    return f"{_shown(detail)} is not accepted"


def _shown(detail: ErrorDetails) -> str:
    # No secret by its name, but a URL with a password may have been put here.
    text = repr(redact(str(detail["input"])))
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
