"""Keys are asked for wherever a stranger could connect, unless said by name."""

import pytest

from orders.config.settings import Settings, SettingsError, load_settings

REQUIRED = {
    "ORDERS_DATABASE__URL": "postgresql://db/orders",
    "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "k:9092",
}


def load(**more: str) -> Settings:
    return load_settings(REQUIRED | more)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_nobody_is_asked_for_a_key(host: str) -> None:
    assert not load(ORDERS_HTTP__HOST=host).wants_keys


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "orders.internal"])
def test_elsewhere_everybody_is_asked_for_a_key(host: str) -> None:
    assert load(ORDERS_HTTP__HOST=host).wants_keys


def test_keys_may_be_asked_for_on_loopback() -> None:
    assert load(ORDERS_AUTH__MODE="Keys").wants_keys


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "orders.internal"])
def test_an_open_listener_that_others_reach_is_refused(host: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(ORDERS_HTTP__HOST=host, ORDERS_AUTH__MODE="open")

    assert "ORDERS_AUTH__MODE=open would let everybody" in str(caught.value)
    assert "ORDERS_AUTH__ALLOW_OPEN=true" in str(caught.value)


def test_an_open_listener_is_allowed_by_name() -> None:
    settings = load(
        ORDERS_HTTP__HOST="0.0.0.0",
        ORDERS_AUTH__MODE="open",
        ORDERS_AUTH__ALLOW_OPEN="true",
    )

    assert not settings.wants_keys


def test_allowing_it_alone_opens_nothing() -> None:
    settings = load(ORDERS_HTTP__HOST="0.0.0.0", ORDERS_AUTH__ALLOW_OPEN="true")

    assert settings.wants_keys


def test_keys_must_count_for_longer_than_it_takes_to_read_them_again() -> None:
    with pytest.raises(SettingsError, match="ORDERS_AUTH__MAX_AGE_SECONDS"):
        load(ORDERS_AUTH__REFRESH_SECONDS="10", ORDERS_AUTH__MAX_AGE_SECONDS="19")
