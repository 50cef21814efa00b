"""Asks a broker whether it serves, in the Kafka protocol's own bytes.

A listening port is not enough: the broker opens it before it has registered with
its controller. A Metadata answer that lists a broker says that it has.
See https://kafka.apache.org/protocol#The_Messages_Metadata (version 1).
"""

import socket
import struct

_METADATA_KEY = 3
_VERSION = 1
_CORRELATION = 1
_NO_TOPICS = 0
_TIMEOUT_SECONDS = 2.0
_LARGEST_ANSWER_BYTES = 1 << 20

# size, api key, api version, correlation id, client id (null), topic count
_REQUEST = struct.pack(
    ">ihhihi", 14, _METADATA_KEY, _VERSION, _CORRELATION, -1, _NO_TOPICS
)

# of the answer: correlation id, broker count
_HEAD = struct.Struct(">ii")


def is_serving(host: str, port: int) -> bool:
    """Tell whether the broker at ``host:port`` answers that a broker is alive.

    Takes at most a few seconds; any failure to talk counts as no.
    """
    try:
        with socket.create_connection((host, port), _TIMEOUT_SECONDS) as connection:
            connection.settimeout(_TIMEOUT_SECONDS)
            connection.sendall(_REQUEST)
            (size,) = struct.unpack(">i", _read(connection, 4))
            if not _HEAD.size <= size <= _LARGEST_ANSWER_BYTES:
                return False
            answer = _read(connection, size)
    except OSError:
        return False
    _, broker_count = _HEAD.unpack_from(answer)
    return bool(broker_count > 0)


def _read(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionError("the broker closed the connection")
        data += chunk
    return bytes(data)
