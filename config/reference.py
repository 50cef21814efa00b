"""Writes docs/settings.md: ``python -m orders.config.reference > docs/settings.md``."""

import sys
from collections.abc import Iterator
from itertools import groupby

from orders.config.setting_names import Setting, SettingPath, catalogue
from orders.config.settings import Settings

_HEAD = """\
# Settings

Later layers win: defaults, the TOML file that `ORDERS_CONFIG_FILE` names, the
environment, secret files. An empty variable counts as not given. Settings marked
"secret" may also be given as a file: `ORDERS_DATABASE__URL_FILE=/run/secrets/url`;
giving both is an error. In the TOML file the sections are tables and the names are
in lower case: `ORDERS_HTTP__PORT=8080` is `port = 8080` under `[http]`. A line end
around a value is left out.

A wrong or unknown name stops the start with one message that lists every error and
the nearest valid name; so does a value that can never work, such as a database URL
that libpq does not take or a file of certificates that is not there. No message quotes
a secret, and `orders config` shows `***` for each. Variables that Kubernetes adds for a
Service named `orders` are left alone.

This page is made from the sections in `config/`; a test keeps it in step.
"""
_COLUMNS = "| Name | Default | Allowed | Meaning |\n| --- | --- | --- | --- |"


def reference() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    settings = catalogue(Settings).values()
    for section, members in groupby(settings, lambda it: it.path[:-1]):
        yield f"## {_title(section)}\n"
        yield _COLUMNS
        yield from map(_row, members)
        yield ""


def _title(section: SettingPath) -> str:
    if not section:
        return "The node"
    text = Settings.model_fields[section[0]].annotation.__doc__ or section[0]
    return " ".join(text.split(".", maxsplit=1)[0].split())


def _row(setting: Setting) -> str:
    name = f"`{setting.name}{'__<currency>' if setting.is_table else ''}`"
    secret = " (secret)" if setting.is_secret else ""
    default = f"`{setting.default}`" if _is_literal(setting) else setting.default
    meaning = setting.field.description
    return f"| {name}{secret} | {default} | {setting.allowed} | {meaning} |"


def _is_literal(setting: Setting) -> bool:
    is_word = bool(setting.default) and " " not in setting.default
    return is_word and not setting.field.is_required()


if __name__ == "__main__":
    sys.stdout.write(reference())
