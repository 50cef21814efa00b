"""Loads the files of TLS at start, so that a wrong one is no fault of the broker's."""

import ssl
from pathlib import Path

from pydantic import SecretStr


def check_authorities(file: Path | None) -> Path | None:
    """Accept a file of certificates to trust, by loading it as a client does."""
    if file is None:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError as error:
        raise ValueError(_why(error, "holds no certificate in PEM")) from None
    return file


def check_own_certificate(
    certificate: Path, key: Path, password: SecretStr | None
) -> None:
    """Accept a certificate with its key, by loading them as a client does.

    Raises:
        ValueError: says which of the files cannot be used, and why.

    """
    secret = "" if password is None else password.get_secret_value()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Named, not quoted: whoever gives the key in place of its file gives a secret.
    for name, file in (("certificate", certificate), ("key", key)):
        try:
            file.open("rb").close()
        except OSError as error:
            raise ValueError(f"the file of the {name} {_why(error, '')}") from None
    try:
        # A callable: without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, lambda: secret)
    except (OSError, ValueError) as error:
        what = "hold no certificate and key in PEM that fit each other, with its"
        raise ValueError(f"{what} password where the key has one") from error


def _why(error: OSError, not_pem: str) -> str:
    """Return what is wrong with a file; OpenSSL's own words help few people."""
    is_content = isinstance(error, ssl.SSLError)
    return not_pem if is_content else f"cannot be read: {error.strerror}"
