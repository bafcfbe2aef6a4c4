"""The accept loop. Ours, because anyio's ends the whole server on EMFILE or on one escaped exception."""

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable, Iterator

import anyio
import anyio.lowlevel

from sidecar.observability import Seldom

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

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Do without it for as long as the block takes."""
        self.close()
        try:
            yield
        finally:
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
    complaint = Seldom()
    pause = 0.0
    try:
        while True:
            await anyio.wait_readable(listener)
            try:
                for _ in range(_BATCH):
                    reason = _accept_one(listener, reserve, welcome=welcome, refuse=refuse)
                    if reason is not None and complaint.is_due():
                        logger.warning("accept fails, refusing connections: %s", reason.strerror)
                    pause = 0.0
            except (BlockingIOError, ConnectionAbortedError):  # nobody is there, or not any more
                pause = 0.0
            except OSError as exc:
                if complaint.is_due():
                    logger.warning("accept fails, trying again: %s", exc.strerror)
                pause = min(max(pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
                await anyio.sleep(pause)
            await anyio.lowlevel.checkpoint()
    finally:
        reserve.close()


def _accept_one(
    listener: socket.socket,
    reserve: _Reserve,
    *,
    welcome: Callable[[socket.socket], object],
    refuse: Callable[[socket.socket], object],
) -> OSError | None:
    """Accept one connection and return why it had to be refused, if so."""
    try:
        connection, _ = listener.accept()
    except OSError as exc:
        if exc.errno not in _NO_DESCRIPTOR:
            raise
        with reserve.lent():
            # Linux looks for a descriptor before it looks for a connection: there may be none.
            connection, _ = listener.accept()
            with connection:
                refuse(connection)
        return exc
    welcome(connection)
    return None
