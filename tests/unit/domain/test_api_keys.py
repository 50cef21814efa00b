"""The form of an API key, and what of it is kept."""

import hashlib
import re

import pytest

from orders.domain.api_keys import KEY_PATTERN, digest_of, mint_key


def test_a_key_has_a_public_id_and_256_random_bits() -> None:
    key = mint_key()

    assert re.fullmatch(r"ok_[0-9a-f]{16}_[0-9a-f]{64}", key.text)
    assert key.text.startswith(f"ok_{key.key_id}_")


def test_no_two_keys_are_alike() -> None:
    keys = [mint_key() for _ in range(100)]

    assert len({key.key_id for key in keys}) == len({k.digest for k in keys}) == 100


def test_what_is_kept_is_the_sha_256_of_the_secret() -> None:
    key = mint_key()
    secret = key.text.rpartition("_")[2]

    assert key.digest == hashlib.sha256(secret.encode()).digest() == digest_of(secret)


def test_a_key_is_told_by_its_form() -> None:
    key = mint_key()

    match = re.fullmatch(KEY_PATTERN, key.text)

    assert match is not None
    assert (match[1], digest_of(match[2])) == (key.key_id, key.digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok_",
        "ok_0123456789abcdef_",
        "ok_0123456789abcdef_" + "0" * 63,
        "ok_0123456789abcdef_" + "0" * 65,
        "ok_0123456789ABCDEF_" + "0" * 64,
        "xx_0123456789abcdef_" + "0" * 64,
        "ok_0123456789abcdef_" + "0" * 64 + "\n",
        "ok_0123456789abcdef_" + "\u0660" * 64,
    ],
)
def test_what_has_not_the_form_of_a_key_is_none(text: str) -> None:
    assert re.fullmatch(KEY_PATTERN, text) is None


def test_the_secret_does_not_show_in_a_representation() -> None:
    key = mint_key()

    assert key.text.rpartition("_")[2] not in repr(key)
