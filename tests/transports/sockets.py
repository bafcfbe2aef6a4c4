"""Pairs of connected sockets, and a listener that fails as it is told."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class FlakyListener(socket.socket):
    """A TCP listener on loopback. Its next accepts raise `failures`, in their order; where None is, nothing."""

    def __init__(self) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self.failures: list[OSError | None] = []
        self.calls = 0
        self.bind(("127.0.0.1", 0))
        self.listen(128)
        self.setblocking(False)

    def accept(self) -> tuple[socket.socket, object]:
        self.calls += 1
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        return super().accept()

    def connect_one(self) -> socket.socket:
        """Return a connection that waits to be accepted."""
        return socket.create_connection(self.getsockname(), 5)


def reset(sock: socket.socket) -> None:
    """Close so that the peer of a TCP connection gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    sock.close()


@contextmanager
def tcp_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as ours:
        theirs, _ = listener.accept()
        with theirs:
            yield ours, theirs


@contextmanager
def unix_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs
