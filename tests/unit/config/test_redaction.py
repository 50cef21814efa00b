import pytest

from orders.config.redaction import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no key ok_0123456789abcdef_Ge-heim", "no key ok_0123456789abcdef_***"),
        ("at postgresql://u:a@b@h/d", "at postgresql://u:***@h/d"),
        ("at postgresql://u:a/b@h/d", "at postgresql://u:***@h/d"),
        ("at postgresql://u:a b@h/d", "at postgresql://u:***@h/d"),
        ("http://h/a@b", "http://h/a@b"),
        ("ORDERS_KAFKA__SASL_PASSWORD=x y", "ORDERS_KAFKA__SASL_PASSWORD=*** y"),
        ("{'password': 'a b'}", "{'password': ***}"),
    ],
)
def test_secrets_are_known_by_their_shape(text: str, shown: str) -> None:
    assert redact(text) == shown
