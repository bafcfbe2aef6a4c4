"""The one writer of a connection."""

import math
from collections.abc import Callable

import anyio

from sidecar.asyncio_clock import make_clock
from sidecar.session.byte_stream import ByteStream, PeerCut, PeerGone

# So much of its replies a connection may hold unsent before they wait in their logs.
_ROOM_BYTES = 256 * 1024

# So much may pile up of answers that cannot wait, because the connection must go on being read: a client that asks and
# asks and never reads is cut. Well above one plain reply of the usual largest size.
_FLOOD_BYTES = 2 * 1024 * 1024

_SEND_BYTES = 256 * 1024


class Outbox:
    """Sends whole messages in the order in which they are put, at once where the connection takes them.

    A message is never cut by a cancellation: only `run`, the connection's writer task, waits to send, and where it is
    stopped the connection ends.
    """

    def __init__(
        self,
        stream: ByteStream,
        *,
        stall_seconds: float,
        heartbeat: Callable[[], bytes] = bytes,
        heartbeat_seconds: float = math.inf,
    ) -> None:
        """`heartbeat` gives what is sent after so long a silence; b"" where nobody waits for a sign of life."""
        self._stream = stream
        self._stall_seconds = stall_seconds
        self._heartbeat = heartbeat
        self._heartbeat_seconds = heartbeat_seconds
        self._pending = bytearray()
        self._has_pending = anyio.Event()
        self._has_room = anyio.Event()
        self._is_broken = False
        self._has_ended = False
        self._clock = make_clock()
        self._last_sent = self._clock()

    @property
    def is_empty(self) -> bool:
        """Whether the connection has taken everything."""
        return not self._pending

    def put(self, message: bytes) -> None:
        """Send `message` as soon as possible, without waiting and without an error: a broken connection ends `run`."""
        self._last_sent = self._clock()
        sent = 0
        if not self._pending and not self._is_broken:
            try:
                sent = self._stream.send_now(message)
            except PeerGone:
                self._is_broken = True
                self._has_pending.set()
        if sent < len(message) and not self._is_broken:
            self._pending += memoryview(message)[sent:]
            self._has_pending.set()

    def put_unread(self, message: bytes) -> None:
        """As `put`, for what cannot wait for room.

        Raises:
            PeerCut: the peer lets too much of it pile up. The caller ends the connection, without waiting for `run`.
        """
        if len(self._pending) > _FLOOD_BYTES:
            raise PeerCut("it asks and does not read")
        self.put(message)

    async def room(self) -> None:
        """Wait until the connection has taken most of what was put."""
        while len(self._pending) >= _ROOM_BYTES:
            await self._has_room.wait()

    async def flushed(self) -> None:
        """Wait until the connection has taken everything."""
        while self._pending:
            await self._has_room.wait()

    def end(self) -> None:
        """Let `run` return: everything is sent, and nothing will be put any more."""
        self._has_ended = True
        self._has_pending.set()

    async def run(self) -> None:
        """Send what had to wait, and a sign of life where nothing is sent, until `end`.

        Raises:
            PeerGone: the connection is broken.
            PeerCut: its peer read nothing for `stall_seconds`.
        """
        while not self._has_ended:
            if self._is_broken:
                raise PeerGone("the peer has gone")
            if not self._pending:
                await self._rest()
                continue
            # A copy: while a view of it exists, nothing can be appended.
            sent = await self._send_some(bytes(memoryview(self._pending)[:_SEND_BYTES]))
            del self._pending[:sent]
            self._last_sent = self._clock()
            if len(self._pending) < _ROOM_BYTES:
                self._has_room.set()
                self._has_room = anyio.Event()

    async def _rest(self) -> None:
        """Wait until something has to wait."""
        self._has_pending = anyio.Event()
        beat_at = self._last_sent + self._heartbeat_seconds
        while True:
            with anyio.CancelScope(deadline=beat_at):
                await self._has_pending.wait()
                return
            now, beat_at = self._clock(), self._last_sent + self._heartbeat_seconds
            if now >= beat_at:  # else something was put meanwhile
                if sign := self._heartbeat():
                    self.put(sign)
                beat_at = now + self._heartbeat_seconds

    async def _send_some(self, chunk: bytes) -> int:
        try:
            with anyio.fail_after(self._stall_seconds):  # around a send: the connection dies with it
                return await self._stream.send_some(chunk)
        except TimeoutError:
            raise PeerCut(f"it read nothing for {self._stall_seconds:g} s") from None
