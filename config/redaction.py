"""Takes secrets out of texts that others made: drivers, libraries, a command line."""

import re

_SECRETS = re.compile(
    # Up to the last @: a password that was not percent-encoded may hold one itself,
    # or a blank.
    r"(://[^:/@\s]*:)(?:(?!://)[^\r\n])+(@)"
    r"|\b((?:\w*password|passwd|secret|token)['\"]?\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s,;'\"]+)"
    r"|(\bok_[0-9a-f]{16}_)[\w-]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return ``text`` with ``***`` for passwords and API keys.

    The last net, by shape: what is known to hold a secret is never put into a text.
    """
    return _SECRETS.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    before_password, after, name, _, key_id = match.groups()
    return f"{before_password or name or key_id}***{after or ''}"
