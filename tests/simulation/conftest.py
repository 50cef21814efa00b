"""How many seeds are run, and which."""

import os

import pytest

SEEDS = 10_000
CHUNKS = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person run one seed, or more of them."""
    group = parser.getgroup("simulation")
    group.addoption("--sim-seed", type=int, help="run this seed alone")
    group.addoption(
        "--sim-seeds",
        type=int,
        help=f"run so many seeds (ORDERS_SIMULATION_SEEDS, or {SEEDS})",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Deal the seeds to as many tests as keep the cores busy."""
    if "seeds" in metafunc.fixturenames:
        chunks = _chunks(metafunc.config)
        names = [f"{c.start}-{c.stop - 1}" for c in chunks]
        metafunc.parametrize("seeds", chunks, ids=names)


def _chunks(config: pytest.Config) -> list[range]:
    # The options are unknown where pytest was started for the whole of tests.
    one = config.getoption("--sim-seed", default=None)
    if one is not None:
        return [range(one, one + 1)]
    wanted = config.getoption("--sim-seeds", default=None)
    count = wanted or int(os.environ.get("ORDERS_SIMULATION_SEEDS", SEEDS))
    size = -(-count // CHUNKS)
    return [range(at, min(at + size, count)) for at in range(0, count, size)]
