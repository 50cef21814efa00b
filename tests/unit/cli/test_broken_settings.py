"""Settings that can never work end the start, and no secret is in what is said."""

import os
import time
from pathlib import Path

import pytest

from orders.cli.main import main
from orders.cli.serve import serve

URL = "ORDERS_DATABASE__URL"
BROKERS = "ORDERS_KAFKA__BOOTSTRAP_SERVERS"
SECRET = "Geheim"  # noqa: S105 - a stand-in
SASL = {
    "ORDERS_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "ORDERS_KAFKA__SASL_USERNAME": "node",
    "ORDERS_KAFKA__SASL_PASSWORD": SECRET,
}
TLS = {"ORDERS_KAFKA__SECURITY_PROTOCOL": "SSL"}
HERE = str(Path(__file__))
PLACE = "postgresql://u:Geheim@127.0.0.1:1/d"

BROKEN: list[tuple[str, dict[str, str]]] = [
    # The database: tests/unit/persistence/test_address.py has more shapes of a URL.
    (URL, {URL: "postgresql://u:Geheim%zz@h/d"}),
    (URL, {URL: "postgresql://u:Geheim x@h/d"}),
    (URL, {URL: "postgresql://u:Geheim@Geheim@h/d"}),
    (URL, {URL: "postgresql://u:Geheim/Geheim@h/d"}),
    (URL, {URL: f" {PLACE}"}),
    (URL, {URL: f"{PLACE}?Geheim=1"}),
    (URL, {URL: "postgresql://u:Geheim@h:70000/d"}),
    (URL, {URL: f"{PLACE}?sslmode=Geheim"}),
    (URL, {URL: f"{PLACE}?sslrootcert=/nowhere/Geheim"}),
    (URL, {URL: "host=h password=Geheim"}),
    (URL, {URL: "mysql://u:Geheim@h/d"}),
    (f"{URL}_FILE", {URL: "", f"{URL}_FILE": PLACE}),
    (f"{URL}_FILE", {f"{URL}_FILE": "/dev/null"}),
    # Kafka's addresses and names
    (BROKERS, {BROKERS: "kafka"}),
    (BROKERS, {BROKERS: "kafka:70000"}),
    (BROKERS, {BROKERS: "kafka:0"}),
    (BROKERS, {BROKERS: "kafka:\uff19\uff10\uff19\uff12"}),
    (BROKERS, {BROKERS: "kafka:9092,"}),
    (BROKERS, {BROKERS: "::1:9092"}),
    (BROKERS, {BROKERS: "[::1::2]:9092"}),
    (BROKERS, {BROKERS: "300.1.1.1:9092"}),
    (BROKERS, {BROKERS: "kafka..example:9092"}),
    (BROKERS, {BROKERS: "SASL_SSL://node:Geheim@kafka:9092"}),
    ("ORDERS_KAFKA__GROUP", {"ORDERS_KAFKA__GROUP": "g "}),
    ("ORDERS_KAFKA__GROUP", {"ORDERS_KAFKA__GROUP": "gr\u00fcn"}),
    ("ORDERS_KAFKA__TOPIC", {"ORDERS_KAFKA__TOPIC": ".."}),
    ("ORDERS_KAFKA__TOPIC", {"ORDERS_KAFKA__TOPIC": "a b"}),
    ("ORDERS_KAFKA__TOPIC", {"ORDERS_KAFKA__TOPIC": "x" * 250}),
    ("ORDERS_KAFKA__TOPIC", {"ORDERS_KAFKA__TOPIC": "__consumer_offsets"}),
    # Kafka's credentials
    *(
        (name, {name: value})
        for name, value in SASL.items()
        if not name.endswith("PROTOCOL")
    ),
    ("ORDERS_KAFKA__SASL_MECHANISM", {"ORDERS_KAFKA__SASL_MECHANISM": "PLAIN"}),
    ("ORDERS_KAFKA__SASL_MECHANISM", {**SASL, "ORDERS_KAFKA__SASL_MECHANISM": "MD5"}),
    ("ORDERS_KAFKA__SECURITY_PROTOCOL", {"ORDERS_KAFKA__SECURITY_PROTOCOL": "TLS"}),
    ("KAFKA__SASL_PASSWORD", {**SASL, "ORDERS_KAFKA__SASL_PASSWORD": ""}),
    ("ORDERS_KAFKA__SSL_CA_FILE", {**TLS, "ORDERS_KAFKA__SSL_CA_FILE": "/nowhere"}),
    ("ORDERS_KAFKA__SSL_CA_FILE", {**TLS, "ORDERS_KAFKA__SSL_CA_FILE": HERE}),
    ("ORDERS_KAFKA__SSL_CA_FILE", {**TLS, "ORDERS_KAFKA__SSL_CA_FILE": "/tmp"}),  # noqa: S108
    ("ORDERS_KAFKA__SSL_KEY_PASSWORD", {"ORDERS_KAFKA__SSL_KEY_PASSWORD": SECRET}),
    (
        "ORDERS_KAFKA__SSL_KEY_PASSWORD",
        {**TLS, "ORDERS_KAFKA__SSL_KEY_PASSWORD": SECRET},
    ),
    *(
        (
            "ORDERS_KAFKA__SSL_CERTIFICATE_FILE and KAFKA__SSL_KEY_FILE",
            {
                **TLS,
                "ORDERS_KAFKA__SSL_CERTIFICATE_FILE": certificate,
                "ORDERS_KAFKA__SSL_KEY_FILE": HERE,
                "ORDERS_KAFKA__SSL_KEY_PASSWORD": SECRET,
            },
        )
        for certificate in ("/nowhere", HERE)
    ),
    # The listeners, numbers, names
    ("ORDERS_HTTP__HOST", {"ORDERS_HTTP__HOST": "127.0.0.1:8080"}),
    ("ORDERS_HTTP__HOST", {"ORDERS_HTTP__HOST": "a b"}),
    ("ORDERS_HTTP__HOST", {"ORDERS_HTTP__HOST": "http://0.0.0.0"}),
    ("ORDERS_OPERATIONS__HOST", {"ORDERS_OPERATIONS__HOST": "[::1"}),
    ("ORDERS_OPERATIONS__HOST", {"ORDERS_OPERATIONS__HOST": "x" * 64}),
    ("ORDERS_HTTP__PORT", {"ORDERS_HTTP__PORT": "70000"}),
    ("ORDERS_HTTP__PORT", {"ORDERS_HTTP__PORT": "\uff18\uff10"}),
    ("ORDERS_PAYMENT__LIMIT", {"ORDERS_PAYMENT__LIMIT": "\uff19\uff10"}),
    ("ORDERS_PAYMENT__LIMITS__JPY", {"ORDERS_PAYMENT__LIMITS__JPY": "\u0669"}),
    ("ORDERS_FAILPOINTS", {"ORDERS_FAILPOINTS": "nonsense"}),
    ("ORDERS_CONFIG_FILE", {"ORDERS_CONFIG_FILE": "/nowhere"}),
    ("ORDERS_DATABASE_URL", {"ORDERS_DATABASE_URL": PLACE}),
]
COMMANDS = [
    ("serve",),
    ("migrate",),
    ("check",),
    ("config", "--json"),
    ("topics",),
    ("status",),
    ("list",),
    *(
        (name, "018f0000-0000-7000-8000-000000000001")
        for name in ("show", "history", "cancel", "retry", "refund")
    ),
    ("dead-letters", "list"),
    ("dead-letters", "show", "1"),
    ("keys", "create", "--scope", "orders:read"),
    ("keys", "list"),
    ("keys", "revoke", "0123456789abcdef"),
    ("verify",),
    ("load", "--duration", "0.1"),
    ("demo",),
]
LEAKS = [settings for _, settings in BROKEN if SECRET in str(settings)]
SOME_LEAKS = LEAKS[::5]
"""For commands that read the settings in the same way as the others."""
ALL_SHAPES = {("serve",), ("check",), ("config", "--json")}


def name_of(case: object) -> str | None:
    return ascii(case)[:60] if isinstance(case, dict) else None


@pytest.mark.parametrize(("name", "settings"), BROKEN, ids=name_of)
def test_a_setting_that_can_never_work_ends_the_start(
    name: str, settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()

    code = serve({URL: PLACE, BROKERS: "127.0.0.1:1"} | settings)

    out, err = capsys.readouterr()
    assert code == 1
    assert name in err
    assert SECRET not in out + err
    assert "Traceback" not in err
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_prints_a_secret_of_wrong_settings(
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("ORDERS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("sys.argv", ["orders", *words])
    for settings in LEAKS if words in ALL_SHAPES else SOME_LEAKS:
        with monkeypatch.context() as given:
            for name, value in ({URL: PLACE, BROKERS: "k:1"} | settings).items():
                given.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                main()

        out, err = capsys.readouterr()
        assert left.value.code not in {0, None}
        assert SECRET not in out + err, settings
        assert "Traceback" not in err, settings


@pytest.mark.parametrize("words", [("status",), ("migrate",), ("config",)])
@pytest.mark.parametrize("password", ["Geheim", "%47eheim", "Geheim%40x", "Geheim?#:"])
def test_no_command_prints_the_password_of_a_database_that_is_away(
    words: tuple[str, ...],
    password: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["orders", *words])
    monkeypatch.setenv(URL, f"postgresql://u:{password}@127.0.0.1:1/d")
    monkeypatch.setenv(BROKERS, "127.0.0.1:1")

    with pytest.raises(SystemExit):
        main()

    out, err = capsys.readouterr()
    assert out + err
    assert SECRET not in out + err
    assert password not in out + err
