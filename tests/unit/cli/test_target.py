import pytest

from orders.cli.target import local_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("shop.example", "http://shop.example:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
    ],
)
def test_a_node_on_every_address_is_reached_on_the_loopback(
    host: str, url: str
) -> None:
    assert local_url(host, 80) == url
