"""Byte streams over sockets and over pairs of descriptors. OSError is translated here and goes no further."""

import contextlib
import select
import socket
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel

from sidecar.session import PeerGone

RECEIVE_BYTES = 64 * 1024


class SocketStream:
    """A connected stream socket, which it owns."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock

    async def receive(self) -> bytes:
        # Before, not after: a cancellation must not lose bytes; and a peer that never pauses must not hold the loop.
        await anyio.lowlevel.checkpoint()
        while True:
            try:
                return self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                await self._wait(anyio.wait_readable)
            except OSError as exc:
                raise PeerGone from exc

    def send_now(self, chunk: bytes | memoryview) -> int:
        try:
            return self._socket.send(chunk)
        except BlockingIOError:
            return 0
        except OSError as exc:
            raise PeerGone from exc

    async def send_some(self, chunk: bytes | memoryview) -> int:
        while not (sent := self.send_now(chunk)):
            await self._wait(anyio.wait_writable)
        return sent

    async def _wait(self, until_ready: Callable[[socket.socket], Awaitable[None]]) -> None:
        try:
            await until_ready(self._socket)
        except (anyio.ClosedResourceError, ValueError, OSError) as exc:  # closed while or before it waited
            raise PeerGone from exc

    def is_gone(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, 0)  # POLLHUP and POLLERR are always reported
        return bool(poll.poll(0))

    def close_sending(self) -> None:
        with contextlib.suppress(OSError):  # the peer was faster
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            anyio.notify_closing(self._socket)
            self._socket.close()
