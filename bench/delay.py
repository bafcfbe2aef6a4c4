"""A relay that makes the way to the provider longer: what one side sends reaches the other half a round trip later.

A connection to it is open at once, because the kernel takes it. So the first bytes on each wait for one round trip
more, which is what the hand-shake of TCP takes on a real way; whoever keeps a connection pays for it once, as there.

    python -m bench.delay PORT MILLISECONDS     relays to PORT of 127.0.0.1, prints its own port, runs until stopped
"""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import cast

import uvloop


class _Side(asyncio.Protocol):
    """One side of a connection; what it receives is written to `other`, later."""

    def __init__(self, delay: float, other: "_Side | None" = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay = delay
        self._not_before = 0.0
        self.other = other
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def hold_until(self, time: float) -> None:
        """Let nothing of this side arrive before `time`."""
        self._not_before = time

    def data_received(self, data: bytes) -> None:
        self._later(partial(self._pass_on, data))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._later(self._end)

    def _later(self, what: Callable[[], None]) -> None:
        self._loop.call_at(max(self._loop.time() + self._delay, self._not_before), what)

    def _pass_on(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def _end(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class _Client(_Side):
    """The side that connects to the relay; the other one is opened at once, and its bytes wait."""

    def __init__(self, delay: float, port: int) -> None:
        super().__init__(delay, _Side(delay))
        self._port = port
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.hold_until(self._loop.time() + 3 * self._delay)  # a round trip for TCP, and half of one for the bytes
        self._opening = self._loop.create_task(self._open())

    async def _open(self) -> None:
        other = self.other
        assert other is not None
        other.other = self
        await self._loop.create_connection(lambda: other, "127.0.0.1", self._port)


async def serve(port: int, delay: float) -> None:
    """Relay to `port`, with half a round trip of `delay` seconds each way, until the process is stopped."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(delay, port), "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 2000))
