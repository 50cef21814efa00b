"""The form of an API key, and what of it is kept."""

import hashlib
import re

import pytest

from orders.domain.api_keys import digest_of, mint_key, parts_of


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


def test_a_key_is_taken_apart() -> None:
    key = mint_key()

    parts = parts_of(key.text)

    assert parts is not None
    assert (parts[0], digest_of(parts[1])) == (key.key_id, key.digest)


@pytest.mark.parametrize(
    "text", ["", "ok_", "ok_0123", "xx_0123_4567", "ok_0123_4567_89", "ok-0123-4567"]
)
def test_what_has_not_the_form_of_a_key_is_none(text: str) -> None:
    assert parts_of(text) is None


def test_the_secret_does_not_show_in_a_representation() -> None:
    key = mint_key()

    assert key.text.rpartition("_")[2] not in repr(key)
