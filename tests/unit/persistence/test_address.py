"""Which database URLs are refused before anything connects, and in which words."""

import re
from pathlib import Path

import pytest

from orders.persistence.address import AddressError, check_address, read_address

PIECE = "Geheim"
"""Is in every password here, twice where a character parts it; in no error."""

MALFORMED = {
    "a percent sign": "postgresql://u:Geheim%zzGeheim@h/d",
    "a blank": "postgresql://u:Geheim Geheim@h/d",
    "an @": "postgresql://u:Geheim@Geheim@h/d",
    "two @": "postgresql://u:Geheim@@Geheim@h/d",
    "a slash": "postgresql://u:Geheim/Geheim@h/d",
    "a port and a slash": "postgresql://u:12/Geheim@h/d",
    "a slash and a question mark": "postgresql://u:12/Geheim?Geheim@h/d",
    "a slash and a parameter": "postgresql://u:12/x?user=Geheim@h/d",
    "a bracket": "postgresql://u:Geheim@[Geheim@h/d",
    "a line end": "postgresql://u:Geheim\nGeheim@h/d",
    "a tab": "postgresql://u:Geheim\tGeheim@h/d",
    "a zero byte": "postgresql://u:Geheim%00Geheim@h/d",
    "no UTF-8": "postgresql://u:Geheim\udcff@h/d",
    "percent-encoded no UTF-8": "postgresql://u:Geheim%ff@h/d",
    "a leading blank": " postgresql://u:Geheim@h/d",
    "a trailing blank": "postgresql://u:Geheim@h/d ",
    "quotes": "'postgresql://u:Geheim@h/d'",
    "an unknown parameter": "postgresql://u:Geheim@h/d?Geheim=1",
    "port 70000": "postgresql://u:Geheim@h:70000/d",
    "port 0": "postgresql://u:Geheim@h:0/d",
    "a port in words": "postgresql://u:Geheim@h:Geheim/d",
    "a port of another script": "postgresql://u:Geheim@h:\uff15\uff14/d",
    "an open bracket": "postgresql://u:Geheim@[::1/d",
    "no such IPv6": "postgresql://u:Geheim@[::1::2]/d",
    "no such IPv4": "postgresql://u:Geheim@999.1.1.1/d",
    "a host of blanks": "postgresql://u:Geheim@%20/d",
    "a hostaddr that is a name": "postgresql://u:Geheim@h/d?hostaddr=Geheim",
    "more ports than hosts": "postgresql://u:Geheim@h,i/d?port=1,2,3",
    "sslmode": "postgresql://u:Geheim@h/d?sslmode=Geheim",
    "sslmode in capitals": "postgresql://u:Geheim@h/d?sslmode=Require",
    "target_session_attrs": "postgresql://u:Geheim@h/d?target_session_attrs=Geheim",
    "a standby": "postgresql://u:Geheim@h/d?target_session_attrs=standby",
    "connect_timeout": "postgresql://u:Geheim@h/d?connect_timeout=Geheim",
    "keepalives": "postgresql://u:Geheim@h/d?keepalives=yes",
    "channel_binding": "postgresql://u:Geheim@h/d?channel_binding=Geheim",
    "a service": "postgresql://u:Geheim@h/d?service=nobody-has-it",
    "sslrootcert": "postgresql://u:Geheim@h/d?sslrootcert=/nowhere/Geheim.pem",
    "sslcert": "postgresql://u:Geheim@h/d?sslcert=/nowhere/Geheim.pem",
    "weak sslmode": "postgresql://u:Geheim@h/d?sslrootcert=system&sslmode=prefer",
}
ACCEPTED = [
    "postgresql://",
    "postgres:///d",
    "postgresql://u:a%40b%2Fc%25d%20e@h/d",
    "postgresql://u:p?a#s:s@h/d",
    "postgresql://u@[::1]:5432/d",
    "postgresql://u@h,i:1/d",
    "postgresql://u@h:1,i:2/d?target_session_attrs=primary",
    "postgresql://u@%2Fvar%2Frun/d",
    "postgresql:///d?host=/var/run",
    "postgresql:///d?hostaddr=192.0.2.1",
    "postgresql://u@db_1.example./d?sslmode=verify-full&sslrootcert=system",
    "postgresql://u@h/d?connect_timeout=3&application_name=a%20b",
]


@pytest.mark.parametrize("url", MALFORMED.values(), ids=MALFORMED)
def test_what_can_never_connect_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(AddressError) as refused:
        check_address(url)

    assert PIECE not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("url", ACCEPTED)
def test_what_may_connect_is_accepted(url: str) -> None:
    check_address(url)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sslmode", "refused by libpq for its sslmode"),
        ("target_session_attrs", "refused by libpq for its target_session_attrs"),
        ("connect_timeout", "a connect_timeout that is not a whole number"),
        ("sslrootcert", "an sslrootcert that cannot be read: No such file"),
        ("port 70000", "a port that is not a number from 1 to 65535"),
        ("an unknown parameter", "a parameter that libpq does not know"),
        ("a percent sign", "% is %25"),
    ],
)
def test_the_error_names_what_is_wrong(name: str, words: str) -> None:
    with pytest.raises(AddressError, match=re.escape(words)):
        check_address(MALFORMED[name])


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")

    with pytest.raises(AddressError, match="sslrootcert that holds no certificate"):
        check_address(f"postgresql://u@h/d?sslrootcert={file}")


@pytest.mark.parametrize("name", ["PGHOSTADDR", "PGHOST"])
def test_a_host_of_the_environment_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "127.0.0.1,127.0.0.1")
    monkeypatch.setenv("PGPORT", "1,2")

    check_address("postgresql:///d")


def test_a_variable_of_libpq_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "nonsense")

    with pytest.raises(AddressError, match=r"its sslmode, or for a PG\* variable"):
        check_address("postgresql://u@h/d")


def test_the_parameters_are_those_of_libpq() -> None:
    assert read_address("postgresql://u:a%40b@h:1/d?sslmode=require") == {
        "user": "u",
        "password": "a@b",
        "host": "h",
        "port": "1",
        "dbname": "d",
        "sslmode": "require",
    }
