"""A TCP connection as a byte stream, on a socket of our own.

Not anyio's: that one does not say whether bytes have come, which must be known before a kept connection is used again.
"""

import math
import select
import socket
from collections.abc import Callable
from typing import Protocol

import anyio
import anyio.lowlevel

from sidecar.http_pool import asyncio_readiness
from sidecar.http_pool.failures import Cut

# A record of TLS, or 50 tokens; not less: of a record that was read in part OpenSSL would keep the rest, unasked.
# Buffers of TLS grow to the largest read, and stay so.
RECEIVE_BYTES = 16 * 1024

# So many reads of one connection follow each other before others have their turn.
_READS_A_TURN = 2

Take = Callable[[bytes], bool]
"""Takes what has come, and says whether it is enough. Does not wait, and does not ask in which task it is: in none.
TimeoutError and Cut are ours to raise."""


class Stream(Protocol):
    """Bytes both ways. One task receives; one task flushes, which may be another."""

    def receive_now(self) -> bytes | None:
        """Return what has come, b"" at the end, or None where nothing has.

        Raises:
            Cut: the connection is broken.
        """

    async def receive(self, deadline: float = math.inf) -> bytes:
        """Wait for bytes and return all that have come, at most some 16 KiB; b"" at the end.

        Raises:
            Cut: the connection is broken.
            TimeoutError: none came until `deadline`. A scope around each wait would cost more than the wait.
        """

    async def receive_each(self, take: Take, deadline: Callable[[], float]) -> None:
        """Give `take` what comes, as it comes, until it has enough, or to the end, which is b"".

        On asyncio the event loop calls it, and no task is woken. The deadline may move to a later time.

        Raises:
            Cut: the connection is broken.
            TimeoutError: the deadline has passed.
        """

    def write(self, chunk: bytes) -> None:
        """Send what can be sent without waiting, and keep the rest for `flush`.

        Raises:
            Cut: the connection can take no more, and it is known already. One that just broke is not told.
        """

    @property
    def is_between(self) -> bool:
        """Whether nothing has come that can only be told once more does, as half a record of TLS."""

    @property
    def is_flushed(self) -> bool:
        """Whether all that was written is sent."""

    async def flush(self) -> None:
        """Wait until all that was written is sent. Raises Cut."""

    def close(self) -> None:
        """Close at once."""


class SocketStream:
    """A connected socket that does not block, which it owns."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._unsent = b""
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        loop = asyncio_readiness.running_loop()
        self._readiness = _Readiness(sock) if loop is None else asyncio_readiness.AsyncioReadiness(sock.fileno(), loop)

    def receive_now(self) -> bytes | None:
        try:
            return self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError as exc:
            raise Cut from exc

    async def receive(self, deadline: float = math.inf) -> bytes:
        if (chunk := self.receive_now()) is not None:
            await anyio.lowlevel.checkpoint()  # a peer that never pauses must not hold the loop
            if anyio.current_time() > deadline:
                raise TimeoutError
            return chunk
        came: list[bytes] = []

        def look() -> bool:
            if (chunk := self.receive_now()) is None:
                return False
            came.append(chunk)
            return True

        if not await self._readiness.wait(look, lambda: deadline):
            raise TimeoutError
        return came[0]

    async def receive_each(self, take: Take, deadline: Callable[[], float]) -> None:
        has_enough = False

        def look() -> bool:
            """Take what there is; True where that is enough, or may not be all: uvloop does not tell of it again."""
            nonlocal has_enough
            for _ in range(_READS_A_TURN):
                if (chunk := self.receive_now()) is None:
                    return False
                if take(chunk) or not chunk:
                    has_enough = True
                    break
                if not self._poll.poll(0):  # a read that finds nothing costs twice as much: its exception
                    return False
            return True

        while not has_enough:
            await anyio.lowlevel.checkpoint()  # a peer that never pauses must not hold the loop
            if anyio.current_time() > deadline() or not (look() or await self._readiness.wait(look, deadline)):
                raise TimeoutError

    def write(self, chunk: bytes) -> None:
        if self._unsent:
            self._unsent += chunk
            return
        try:
            sent = self._socket.send(chunk)
        except OSError:  # for whatever reason: `flush` comes upon it again
            sent = 0
        self._unsent = chunk[sent:]

    @property
    def is_between(self) -> bool:
        return True

    @property
    def is_flushed(self) -> bool:
        return not self._unsent

    async def flush(self) -> None:
        while self._unsent:
            try:
                await anyio.wait_writable(self._socket)
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                continue
            except (OSError, RuntimeError) as exc:  # the latter from uvloop, whose handle is gone with the connection
                raise Cut from exc
            self._unsent = self._unsent[sent:]

    def close(self) -> None:
        self._readiness.close()
        self._socket.close()


class _Readiness:
    """Whether bytes have come, on any event loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    async def wait(self, look: Callable[[], bool], deadline: Callable[[], float]) -> bool:
        """Call `look` when there may be something to read, until it returns True; False where `deadline` passes."""
        while True:
            with anyio.CancelScope(deadline=deadline()):
                await anyio.wait_readable(self._socket)
                if look():
                    return True
                continue
            return False

    def close(self) -> None:
        """Nothing to do: nothing is kept."""
