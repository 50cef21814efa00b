from pathlib import Path

from orders.cli.commands.config import NOT_SHOWN, Effective, effective_settings
from orders.config.settings import load_settings

GIVEN = {
    "ORDERS_DATABASE__URL": "postgresql://orders:hush@db/orders",
    "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "broker:9092",
}


def effective(**more: str) -> dict[str, Effective]:
    environ = {**GIVEN, **more}
    settings = load_settings(environ)
    return {it.name: it for it in effective_settings(settings, environ)}


def test_no_secret_is_shown() -> None:
    found = effective(
        ORDERS_KAFKA__SECURITY_PROTOCOL="SASL_SSL",
        ORDERS_KAFKA__SASL_USERNAME="node",
        ORDERS_KAFKA__SASL_PASSWORD="hush",  # noqa: S106 - a stand-in
    )

    assert "hush" not in str(found)
    assert found["ORDERS_DATABASE__URL"].value == NOT_SHOWN
    assert found["ORDERS_KAFKA__SASL_PASSWORD"].value == NOT_SHOWN
    assert found["ORDERS_KAFKA__SSL_KEY_PASSWORD"].value == ""


def test_an_embedded_database_is_no_secret() -> None:
    found = effective(ORDERS_DATABASE__URL="embedded")

    assert found["ORDERS_DATABASE__URL"].value == "embedded"


def test_every_value_says_who_gave_it(tmp_path: Path) -> None:
    file = tmp_path / "orders.toml"
    file.write_text("[http]\nport = 9000\n")

    found = effective(ORDERS_CONFIG_FILE=str(file), ORDERS_KAFKA__CONSUMERS="3")

    assert found["ORDERS_HTTP__PORT"][1:] == ("9000", f"http.port in {file}")
    assert found["ORDERS_KAFKA__CONSUMERS"][1:] == ("3", "ORDERS_KAFKA__CONSUMERS")
    assert found["ORDERS_KAFKA__PARTITIONS"].given_by == "default"


def test_each_entry_of_a_table_is_a_setting() -> None:
    found = effective(ORDERS_PAYMENT__LIMITS__JPY="150000")

    assert found["ORDERS_PAYMENT__LIMITS__JPY"].value == "150000"


def test_values_are_written_as_in_the_environment() -> None:
    found = effective()

    assert found["ORDERS_DATABASE__MIGRATE_AT_START"].value == "true"
    assert found["ORDERS_SHUTDOWN__GRACE_SECONDS"].value == "20"
