from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from orders.config.settings import Settings, SettingsError, load_settings

URL = "postgresql://orders:geheim@db:5432/orders"
REQUIRED = {"ORDERS_DATABASE__URL": URL, "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "k:9092"}


def load(**more: str) -> Settings:
    return load_settings(REQUIRED | more)


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    return str(caught.value)


def refusal_with(**more: str) -> str:
    return refusal(REQUIRED | more)


def toml(folder: Path, text: str) -> str:
    file = folder / "orders.toml"
    file.write_text(text, "utf-8")
    return str(file)


# --- layers --------------------------------------------------------------------------


def test_defaults_hold_where_nothing_is_given() -> None:
    settings = load()

    assert (settings.http.port, settings.operations.port) == (8080, 8081)
    assert settings.kafka.group == "order-consumer-group"
    assert settings.payment.limit == Decimal(1000)


def test_the_file_wins_over_defaults(tmp_path: Path) -> None:
    settings = load(ORDERS_CONFIG_FILE=toml(tmp_path, "[http]\nport = 9000"))

    assert settings.http.port == 9000


@pytest.mark.parametrize(
    ("given", "held"),
    [("auto", "auto"), ("ANY", "any"), ("0", "0"), ("8191", "8191"), ("", "auto")],
)
def test_a_cpu_is_named_or_chosen(given: str, held: str) -> None:
    assert load(ORDERS_CPU=given).cpu == held


def test_a_cpu_may_be_a_number_in_the_file(tmp_path: Path) -> None:
    assert load(ORDERS_CONFIG_FILE=toml(tmp_path, "cpu = 1")).cpu == "1"


@pytest.mark.parametrize("given", ["8192", "-1", "1.5", "\u00b2", "all"])
def test_what_is_no_cpu_is_refused(given: str) -> None:
    problem = refusal_with(ORDERS_CPU=given)

    assert "is not the number of a CPU" in problem
    assert "allowed: auto, any or a whole number from 0 to 8191" in problem


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, '[http]\nport = 9000\nhost = "::1"')

    settings = load(ORDERS_CONFIG_FILE=file, ORDERS_HTTP__PORT="9001")

    assert (settings.http.host, settings.http.port) == ("::1", 9001)


def test_a_secret_file_wins_over_the_config_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://from-secret\n")
    file = toml(tmp_path, '[database]\nurl = "postgresql://from-toml"')

    settings = load_settings(
        {
            "ORDERS_CONFIG_FILE": file,
            "ORDERS_DATABASE__URL_FILE": str(secret),
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "k:9092",
        }
    )

    assert settings.database.url.get_secret_value() == "postgresql://from-secret"


def test_a_secret_and_its_file_together_are_an_error(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://from-secret")

    message = refusal_with(ORDERS_DATABASE__URL_FILE=str(secret))

    assert "ORDERS_DATABASE__URL_FILE: ORDERS_DATABASE__URL is given too" in message


def test_only_secrets_are_read_from_files() -> None:
    assert "ORDERS_HTTP__PORT_FILE: unknown name" in refusal_with(
        ORDERS_HTTP__PORT_FILE="/run/port"
    )


def test_an_empty_variable_counts_as_not_given() -> None:
    assert load(ORDERS_HTTP__PORT="", ORDERS_KAFKA__SSL_CA_FILE="").http.port == 8080


def test_variables_of_others_are_left_alone() -> None:
    assert load(PATH="/bin", ORDERSX="1").http.port == 8080


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORDERS_SERVICE_HOST", "10.0.0.1"),
        ("ORDERS_SERVICE_PORT_HTTP", "8080"),
        ("ORDERS_PORT", "tcp://10.0.0.1:8080"),
        ("ORDERS_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("ORDERS_HTTP_PORT", "tcp://10.0.0.1:8080"),
    ],
)
def test_what_kubernetes_adds_for_a_service_is_no_mistake(
    name: str, value: str
) -> None:
    assert load(**{name: value}).http.port == 8080


# --- errors --------------------------------------------------------------------------


def test_the_two_addresses_are_asked_for_with_a_way_to_give_them() -> None:
    message = refusal({})

    assert "ORDERS_DATABASE__URL: missing" in message
    assert "ORDERS_KAFKA__BOOTSTRAP_SERVERS: missing" in message
    assert "make run" in message


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("ORDERS_HTPP__PORT", "ORDERS_HTTP__PORT"),
        ("ORDERS_HTTP_PORT", "ORDERS_HTTP__PORT"),
        ("ORDERS_KAFKA__PARTITION", "ORDERS_KAFKA__PARTITIONS"),
        ("ORDERS_DATABASE__URL_FIEL", "ORDERS_DATABASE__URL_FILE"),
        ("ORDERS_CONFIGFILE", "ORDERS_CONFIG_FILE"),
        ("ORDERS_HTTP__PORT__X", "ORDERS_HTTP__PORT"),
    ],
)
def test_an_unknown_name_gets_the_nearest_valid_one(wrong: str, right: str) -> None:
    assert f"{wrong}: unknown name; the nearest is {right}" in refusal_with(
        **{wrong: "1"}
    )


def test_every_error_is_in_one_message() -> None:
    message = refusal_with(
        ORDERS_HTTP__PORT="99999",
        ORDERS_KAFKA__PARTITIONS="none",
        ORDERS_PAYMENT__LIMITS__JPX="1",
        ORDERS_UNKNOWN="1",
    )

    assert message.startswith("4 settings are wrong:")
    assert (
        "ORDERS_HTTP__PORT: '99999' is not accepted; "
        "allowed: a whole number from 0 to 65535"
    ) in message
    assert "ORDERS_KAFKA__PARTITIONS: 'none'" in message
    assert "ORDERS_PAYMENT__LIMITS__JPX: 'JPX' is not an ISO 4217" in message


def test_errors_of_the_file_use_the_files_names(tmp_path: Path) -> None:
    file = toml(tmp_path, "[http]\nport = -1\n[htp]\nhost = 'x'")

    message = refusal_with(ORDERS_CONFIG_FILE=file)

    assert f"http.port in {file}: '-1' is not accepted" in message
    assert f"htp.host in {file}: unknown name; the nearest is" in message


def test_a_section_given_as_a_value_is_an_error(tmp_path: Path) -> None:
    assert "http in" in refusal_with(ORDERS_CONFIG_FILE=toml(tmp_path, "http = 1"))


@pytest.mark.parametrize("text", ["[http", "\x00"])
def test_a_file_that_is_not_toml_is_an_error(tmp_path: Path, text: str) -> None:
    assert "not TOML" in refusal_with(ORDERS_CONFIG_FILE=toml(tmp_path, text))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    message = refusal_with(ORDERS_CONFIG_FILE=str(tmp_path / "none"))

    assert f"ORDERS_CONFIG_FILE: {tmp_path / 'none'}: No such file" in message


def test_a_file_without_an_end_is_an_error() -> None:
    message = refusal_with(ORDERS_CONFIG_FILE="/dev/zero")

    assert "ORDERS_CONFIG_FILE: /dev/zero: larger than 1048576 bytes" in message


def test_a_secret_given_in_place_of_its_file_is_in_no_error() -> None:
    name = "ORDERS_KAFKA__SASL_PASSWORD_FILE"

    message = refusal(REQUIRED | {name: "geheim"})

    assert "geheim" not in message
    assert (
        "ORDERS_KAFKA__SASL_PASSWORD_FILE: the file that it names: No such" in message
    )


def test_an_empty_secret_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("\r\n")

    message = refusal_with(ORDERS_KAFKA__SASL_PASSWORD_FILE=str(file))

    assert (
        "ORDERS_KAFKA__SASL_PASSWORD_FILE: the file that it names is empty" in message
    )


def test_line_ends_and_a_byte_order_mark_are_no_part_of_a_value(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_bytes(b"\xef\xbb\xbf" + URL.encode() + b"\r\n")

    settings = load_settings(
        {
            "ORDERS_DATABASE__URL_FILE": f"{file}\n",
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "k:9092\n",
            "ORDERS_HTTP__PORT": "8081\r\n",
            "ORDERS_NODE_NAME": "\n",
            "ORDERS_CONFIG_FILE": toml(tmp_path, 'currency = """EUR\n"""') + "\n",
        }
    )

    assert settings.database.url.get_secret_value() == URL
    assert settings.kafka.bootstrap_servers == "k:9092"
    assert (settings.http.port, settings.currency) == (8081, "EUR")
    assert settings.node_name


def test_a_secret_is_in_no_error() -> None:
    message = refusal_with(ORDERS_DATABASE__URL="mysql://u:geheim@db/x")

    assert "geheim" not in message
    assert "ORDERS_DATABASE__URL: is neither a postgresql:// URL" in message


def test_a_secret_is_not_in_repr_nor_in_a_dump() -> None:
    settings = load(
        ORDERS_KAFKA__SECURITY_PROTOCOL="SASL_PLAINTEXT",
        ORDERS_KAFKA__SASL_USERNAME="node",
        ORDERS_KAFKA__SASL_PASSWORD="geheim",  # noqa: S106 - not a real one
    )

    assert "geheim" not in repr(settings) + settings.model_dump_json()


# --- values --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NODE_NAME", "a b"),
        ("NODE_NAME", "n" * 65),
        ("CURRENCY", "XYZ"),
        ("KAFKA__BOOTSTRAP_SERVERS", "nohost"),
        ("KAFKA__BOOTSTRAP_SERVERS", "a:1,,b:2"),
        ("KAFKA__BOOTSTRAP_SERVERS", "a:99999"),
        ("KAFKA__TOPIC", "a b"),
        ("PAYMENT__LIMIT", "NaN"),
        ("PAYMENT__LIMIT", "Infinity"),
        ("PAYMENT__LIMIT", "0"),
        ("SHUTDOWN__GRACE_SECONDS", "inf"),
        ("SHUTDOWN__GRACE_SECONDS", "nan"),
        ("LOG__FORMAT", "xml"),
        ("DATABASE__MIGRATE_AT_START", "maybe"),
    ],
)
def test_values_out_of_bounds_are_refused(name: str, value: str) -> None:
    assert f"ORDERS_{name}: " in refusal_with(**{f"ORDERS_{name}": value})


@pytest.mark.parametrize("section", ["HTTP", "OPERATIONS"])
def test_port_zero_asks_for_a_free_one(section: str) -> None:
    load(**{f"ORDERS_{section}__PORT": "0"})


def test_both_servers_may_be_embedded() -> None:
    settings = load(
        ORDERS_DATABASE__URL="embedded", ORDERS_KAFKA__BOOTSTRAP_SERVERS="embedded"
    )

    assert settings.wants_embedded_database
    assert settings.wants_embedded_kafka


def test_given_addresses_are_not_embedded() -> None:
    settings = load()

    assert not settings.wants_embedded_database
    assert not settings.wants_embedded_kafka


def test_a_currency_may_have_a_limit_of_its_own() -> None:
    settings = load(ORDERS_PAYMENT__LIMITS__JPY="150000")

    assert dict(settings.payment.limits) == {"JPY": Decimal(150_000)}


def test_amounts_in_the_file_never_pass_through_a_float(tmp_path: Path) -> None:
    file = toml(tmp_path, "[payment.limits]\nEUR = 0.1000000000000000055")

    settings = load(ORDERS_CONFIG_FILE=file)

    assert settings.payment.limits["EUR"] == Decimal("0.1000000000000000055")


def test_the_node_is_named_by_itself() -> None:
    assert load().node_name == load().node_name != ""


def test_log_words_may_be_in_capitals() -> None:
    settings = load(ORDERS_LOG__LEVEL="INFO", ORDERS_LOG__FORMAT="JSON")

    assert (settings.log.level, settings.log.format) == ("info", "json")


# --- between settings ----------------------------------------------------------------


def test_an_event_is_not_abandoned_while_its_producer_still_tries() -> None:
    message = refusal_with(ORDERS_SWEEPER__ABANDONED_AFTER_SECONDS="119")

    assert "ORDERS_SWEEPER__ABANDONED_AFTER_SECONDS is less than twice" in message


def test_the_delay_leaves_time_to_drain_in() -> None:
    message = refusal_with(
        ORDERS_SHUTDOWN__DELAY_SECONDS="20", ORDERS_SHUTDOWN__GRACE_SECONDS="20"
    )

    assert "ORDERS_SHUTDOWN__DELAY_SECONDS is not below" in message


def test_more_replicas_cannot_be_in_sync_than_there_are() -> None:
    message = refusal_with(ORDERS_KAFKA__MIN_INSYNC_REPLICAS="2")

    assert "ORDERS_KAFKA__MIN_INSYNC_REPLICAS is larger than" in message


def test_sasl_needs_a_user() -> None:
    message = refusal_with(ORDERS_KAFKA__SECURITY_PROTOCOL="SASL_SSL")

    assert "KAFKA__SASL_USERNAME" in message


def test_a_certificate_needs_its_key() -> None:
    message = refusal_with(
        ORDERS_KAFKA__SECURITY_PROTOCOL="SSL", ORDERS_KAFKA__SSL_KEY_FILE="/k.pem"
    )

    assert "go together" in message


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ("[::1]", "::1"),
        ("::", "::"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("a_b.", "a_b."),
    ],
)
def test_a_host_is_a_name_or_an_address(given: str, held: str) -> None:
    assert load(ORDERS_HTTP__HOST=given).http.host == held


@pytest.mark.parametrize("host", ["[::1]", "::1", "127.0.0.2", "localhost"])
def test_who_listens_on_loopback_alone_needs_no_keys(host: str) -> None:
    assert not load(ORDERS_HTTP__HOST=host).wants_keys


# --- the object ----------------------------------------------------------------------


def test_settings_cannot_be_changed() -> None:
    settings = load()

    with pytest.raises(ValidationError, match="frozen"):
        settings.http.port = 1  # type: ignore[misc]


def test_the_environment_is_read_when_asked_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORDERS_HTTP__PORT", "9999")

    assert load().http.port == 8080


def test_a_secret_of_a_wrong_kind_is_in_no_error(tmp_path: Path) -> None:
    file = toml(tmp_path, "[kafka]\nsasl_password = 12345678")

    message = refusal_with(ORDERS_CONFIG_FILE=file)

    assert "kafka.sasl_password in" in message
    assert "12345678" not in message
