"""``orders version``."""

import platform
from importlib.metadata import version as version_of

from orders.cli.output import AsJson, print_json


def version(as_json: AsJson = False) -> None:
    """Print the version of this program.

    Example: orders version --json
    """
    release = version_of("orders")
    if as_json:
        print_json({"version": release, "python": platform.python_version()})
        return
    print(f"orders {release} (Python {platform.python_version()})")
