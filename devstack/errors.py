"""What can go wrong with the embedded stack."""


class DevstackError(Exception):
    """An embedded server could not be started or stopped; the text says why."""
