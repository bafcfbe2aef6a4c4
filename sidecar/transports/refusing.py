"""A polite no to a connection that there is no room for: at once, without waiting for anything."""

import contextlib
import socket
from collections.abc import Callable

_PEEK_BYTES = 64 * 1024


def refuse(connection: socket.socket, answer: Callable[[int | None], bytes]) -> None:
    """Send `answer` for the first byte that has come already (None: none), and close.

    What has come is read first: closing a socket with unread bytes would reset the answer away.
    """
    with connection, contextlib.suppress(OSError):
        connection.setblocking(False)
        first: int | None = None
        with contextlib.suppress(BlockingIOError):
            arrived = connection.recv(_PEEK_BYTES)
            first = arrived[0] if arrived else None
        connection.send(answer(first))
        connection.shutdown(socket.SHUT_WR)
