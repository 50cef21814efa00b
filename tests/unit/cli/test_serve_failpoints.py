from collections.abc import Iterator

import pytest

from orders.cli.serve import serve
from orders.config.exit_codes import START_FAILED
from orders.failpoints.registry import arm, failpoint

ADDRESSES = {
    "ORDERS_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/orders",
    "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
}


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(())


def test_an_unknown_failpoint_ends_the_start_with_all_names(capsys) -> None:
    code = serve({**ADDRESSES, "ORDERS_FAILPOINTS": "settle.never:1:exit"})

    err = capsys.readouterr().err
    assert code == START_FAILED
    assert err.startswith("1 setting is wrong:\n  ORDERS_FAILPOINTS: 'settle.never'")
    assert "settle.before_commit" in err


def test_a_refused_specification_arms_nothing() -> None:
    serve({**ADDRESSES, "ORDERS_FAILPOINTS": "sweep.after_tick:1:exit,x"})

    assert failpoint("sweep.after_tick") is None
