"""How a command says that it did not work."""


class CommandError(Exception):
    """The command failed or found nothing: the text goes to stderr, exit code 1."""
