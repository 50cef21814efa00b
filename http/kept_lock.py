"""System calls that keep the interpreter lock.

``socket.send`` and ``socket.recv`` give the lock away, in case they wait; on a
non-blocking socket they never do. With a dozen busy threads beside the event loop each
of them cost the loop a place in the queue: half of the time of a loop turn was spent
waiting to get the lock back. See docs/decisions/0002-the-greenlet-dispatcher.md.

Anything out of the ordinary is answered with ``None``: the caller then makes the
ordinary call, which raises what there is to raise.
"""

import ctypes
import socket

_DONT_WAIT = socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)
_RECV_BYTES = 65_536

# PyDLL, unlike CDLL, calls without giving the lock away.
_libc = ctypes.PyDLL(None)
_send = _libc.send
_send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
_send.restype = ctypes.c_ssize_t
_recv = _libc.recv
_recv.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_recv.restype = ctypes.c_ssize_t

_buffer = ctypes.create_string_buffer(_RECV_BYTES)
_address = ctypes.addressof(_buffer)


def send(fd: int, data: bytes) -> int | None:
    """Send what the kernel takes at once; return how many bytes, or None."""
    sent: int = _send(fd, data, len(data), _DONT_WAIT)
    return sent if sent >= 0 else None


def receive(fd: int, size: int) -> bytes | None:
    """Return up to ``size`` bytes that are there; None where there are none.

    Event loop only: all calls share one buffer.
    """
    count: int = _recv(fd, _address, min(size, _RECV_BYTES), _DONT_WAIT)
    return ctypes.string_at(_address, count) if count > 0 else None
