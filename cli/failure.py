"""How a command says that it did not work."""

from orders.config.redaction import redact


class CommandError(Exception):
    """The command failed or found nothing: the text goes to stderr, exit code 1."""


def reason_of(error: Exception) -> str:
    """Return the text of ``error`` for a terminal.

    What a server or its library said becomes one line; our own lines stay lines.
    """
    text = redact(str(error))
    return text if isinstance(error, CommandError) else " ".join(text.split())
