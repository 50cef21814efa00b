"""The room map: each folder at the root is imported as ``orders.<folder>``.

``http`` has no ``__init__.py`` on purpose, so that it can never hide the
standard library's ``http`` (docs/decisions/0001-a-folder-named-http.md).
A new room needs three things: its name here, a symlink in ``typings/orders``
and ``make install``.
"""

from pathlib import Path

from setuptools import find_namespace_packages, setup

ROOMS = (
    "domain",
    "failpoints",
    "actors",
    "messaging",
    "http",
    "contract",
    "persistence",
    "observability",
    "config",
    "verification",
    "load",
    "cli",
    "devstack",
    "chaos",
)


def requirements(name: str) -> list[str]:
    """Return the direct dependencies listed in ``requirements/<name>.in``."""
    lines = Path("requirements", f"{name}.in").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


folders = find_namespace_packages(
    include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")],
    exclude=["*.sql", "*.schema"],
)
setup(
    name="orders",
    version="0.1.0",
    description="Takes orders over HTTP and settles each of them exactly once.",
    license="MIT",
    python_requires=">=3.11",
    packages=[f"orders.{folder}" for folder in folders],
    package_dir={f"orders.{room}": room for room in ROOMS},
    package_data={
        "orders.persistence": ["sql/*.sql", "schema/*.sql"],
        "orders.devstack": ["*.lock.toml", "*.lock"],
        "*": ["py.typed"],
    },
    install_requires=requirements("service"),
    extras_require={
        "embedded": requirements("embedded"),
        "dev": requirements("dev"),
    },
    entry_points={"console_scripts": ["orders = orders.cli.main:main"]},
    zip_safe=False,
)
