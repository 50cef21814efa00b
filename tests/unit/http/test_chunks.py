import pytest

from orders.http.body import BodyBuffer
from orders.http.chunks import StrictChunks

WHOLE = b"3\r\nabc\r\nA;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"


@pytest.fixture
def chunks():
    return StrictChunks(BodyBuffer())


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(WHOLE)])
def test_chunks_are_put_together_however_they_come(chunks, size):
    for start in range(0, len(WHOLE), size):
        chunks.received(WHOLE[start : start + size])

    assert (chunks.completed, chunks.error) == (True, None)
    assert chunks.getfile().read() == b"abc0123456789"


def test_what_comes_after_the_body_is_left(chunks):
    assert chunks.received(WHOLE + b"GET /") == len(WHOLE)


@pytest.mark.parametrize(
    "sent",
    [
        b"3\n\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"\r\n3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc",
        b"+3\r\nabc",
        b"-3\r\nabc",
        b" 3\r\nabc",
        b"3_0\r\nabc",
        b"3 3\r\nabc",
        b"\xef\xbc\x93\r\nabc",
        b"fffffffff\r\n",
        b"f" * 5000,
        b"3;" + b"x" * 5000,
        b"3;a=\x00\r\nabc",
        b"3;a\rb\r\nabc",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nab\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc\r\r\n",
        b"0\r\nGET / HTTP/1.1\r\nno field\r\n\r\n",
        b"0\r\nA: b\n\r\n",
        b"0\r\n folded\r\n\r\n",
        b"0\r\n" + b"A: b\r\n" * 65 + b"\r\n",
    ],
)
def test_what_two_servers_could_read_differently_is_an_error(chunks, sent):
    chunks.received(sent)

    assert chunks.error is not None
    assert chunks.error.code == 400
