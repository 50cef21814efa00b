"""Reads the settings, and has the parsers that will use them look at them."""

from collections.abc import Mapping

from orders.config.settings import Settings, SettingsError, load_settings
from orders.persistence.address import AddressError, check_address


def given_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of ``environ``; those that can never work are refused.

    Raises:
        SettingsError: one message; it quotes no secret, nor a piece of one.

    """
    settings = load_settings(environ)
    if not settings.wants_embedded_database:
        try:
            check_address(settings.database.url.get_secret_value())
        except AddressError as error:
            raise SettingsError([f"ORDERS_DATABASE__URL: {error}"]) from None
    return settings
