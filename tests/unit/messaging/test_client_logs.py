"""The client library is kept from writing keys, values and noise."""

import logging
from collections.abc import Iterator

import pytest

from orders.messaging.client_logs import NOISY_LOGGERS, quieten_client_logs


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("kafka", *NOISY_LOGGERS)]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("name", ["kafka", "kafka.producer.kafka", *NOISY_LOGGERS])
def test_no_logger_of_the_client_writes_payloads(name: str) -> None:
    logging.getLogger().setLevel(logging.WARNING)

    quieten_client_logs()

    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


@pytest.mark.parametrize("name", NOISY_LOGGERS)
def test_loggers_that_repeat_an_outage_are_silent(name: str) -> None:
    quieten_client_logs()

    assert not logging.getLogger(name).isEnabledFor(logging.ERROR)
