"""Files of TLS, loaded at start; those in tls/ are for these tests alone."""

from pathlib import Path

import pytest

from orders.config.settings import Settings, SettingsError, load_settings

TLS = Path(__file__).with_name("tls")
CERTIFICATE = str(TLS / "certificate.pem")


def load(**kafka: str) -> Settings:
    return load_settings(
        {
            "ORDERS_DATABASE__URL": "postgresql://u@h/d",
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "k:9092",
            "ORDERS_KAFKA__SECURITY_PROTOCOL": "SSL",
            **{f"ORDERS_KAFKA__SSL_{name}": value for name, value in kafka.items()},
        }
    )


def refusal(**kafka: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load(**kafka)
    return str(refused.value)


def own(key: str, password: str = "") -> dict[str, str]:
    return {
        "CERTIFICATE_FILE": CERTIFICATE,
        "KEY_FILE": str(TLS / key),
        "KEY_PASSWORD": password,
    }


def test_files_that_can_be_loaded_are_taken() -> None:
    kafka = load(CA_FILE=CERTIFICATE, **own("key.pem")).kafka

    assert kafka.ssl_ca_file == kafka.ssl_certificate_file == Path(CERTIFICATE)


def test_a_key_is_opened_with_its_password() -> None:
    kafka = load(**own("key_with_password.pem", "Geheim")).kafka

    assert kafka.ssl_key_password is not None


@pytest.mark.parametrize(
    "files",
    [
        own("key_with_password.pem", "falsch"),
        own("key_with_password.pem"),
        own("key_of_another.pem"),
        own("certificate.pem"),
        own("nothing.pem"),
        own("."),
    ],
)
def test_a_key_that_does_not_fit_is_named(files: dict[str, str]) -> None:
    message = refusal(**files)

    assert "ORDERS_KAFKA__SSL_CERTIFICATE_FILE and KAFKA__SSL_KEY_FILE: " in message
    assert "falsch" not in message


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("key.pem", "holds no certificate in PEM"),
        ("nothing.pem", "cannot be read: No such file"),
        (".", "cannot be read: Is a directory"),
    ],
)
def test_authorities_that_cannot_be_loaded_are_named(file: str, why: str) -> None:
    message = refusal(CA_FILE=str(TLS / file))

    assert "ORDERS_KAFKA__SSL_CA_FILE: " in message
    assert why in message


def test_a_key_given_in_place_of_its_file_is_not_shown() -> None:
    key = (TLS / "key.pem").read_text("ascii")

    message = refusal(CERTIFICATE_FILE=CERTIFICATE, KEY_FILE=key)

    assert "the file of the key cannot be read" in message
    assert key.splitlines()[1] not in message
