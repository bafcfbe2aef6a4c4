"""The accept loop. Ours, because anyio's ends the whole server on EMFILE or on one escaped exception."""

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable

import anyio
import anyio.lowlevel

logger = logging.getLogger(__name__)

# What the kernel keeps for us while we are busy; it takes the smaller of this and its own limit.
BACKLOG = 4096

# So many are accepted before everyone else has a turn.
_BATCH = 64

# A failing accept is tried again after so long, doubled each time.
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 1.0

_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


class _Reserve:
    """A spare descriptor: given up, it lets one more connection in, only to be told that there is no room."""

    def __init__(self) -> None:
        self._fd: int | None = None
        self._open()

    def lend(self, listener: socket.socket) -> socket.socket | None:
        """Accept one connection in place of the spare; None where even that fails. Close it, then `take_back`."""
        self.close()
        with contextlib.suppress(OSError):
            return listener.accept()[0]
        return None

    def take_back(self) -> None:
        self._open()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            self._fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


async def accept(
    listener: socket.socket,
    *,
    welcome: Callable[[socket.socket], object],
    refuse: Callable[[socket.socket], object],
) -> None:
    """Accept connections until cancelled. The listener must not block, and is the caller's to close.

    `welcome` owns the connection that it is given and returns at once; `refuse` says a word, at once too, to one that
    there is no descriptor for, and does not keep it.
    """
    reserve = _Reserve()
    pause = 0.0
    try:
        while True:
            await anyio.wait_readable(listener)
            try:
                for _ in range(_BATCH):
                    _accept_one(listener, welcome=welcome, refuse=refuse, reserve=reserve)
                    pause = 0.0
            except BlockingIOError:
                pause = 0.0
            except OSError as exc:
                if not pause:  # once for a row of failures
                    logger.warning("accept fails, trying again: %s", exc.strerror)
                pause = min(max(pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
                await anyio.sleep(pause)
            await anyio.lowlevel.checkpoint()
    finally:
        reserve.close()


def _accept_one(
    listener: socket.socket,
    *,
    welcome: Callable[[socket.socket], object],
    refuse: Callable[[socket.socket], object],
    reserve: _Reserve,
) -> None:
    try:
        connection, _ = listener.accept()
    except ConnectionAbortedError:
        return  # its peer has left before we came to it
    except OSError as exc:
        if exc.errno not in _NO_DESCRIPTOR or not _refuse_one(listener, refuse, reserve):
            raise
    else:
        welcome(connection)


def _refuse_one(listener: socket.socket, refuse: Callable[[socket.socket], object], reserve: _Reserve) -> bool:
    connection = reserve.lend(listener)
    if connection is not None:
        with connection:
            refuse(connection)
    reserve.take_back()
    return connection is not None
