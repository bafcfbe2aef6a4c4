"""R: a relay that copies bytes between a Unix socket and the provider and understands none of them.

What it takes is what Python itself takes to carry a stream: the least that the sidecar could. It holds back a side
that is faster than the other.

    python relay.py SOCKET HOST PORT [CA]     with CA it speaks TLS to the provider, as `localhost`
"""

import asyncio
import ssl
import sys
from collections.abc import Coroutine
from functools import partial
from typing import Any, cast


class Side(asyncio.Protocol):
    """One side of a relayed connection; what it receives is written to `other`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None
        self._early = bytearray()
        """What came before the other side was there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self._early += data
        else:
            self.other.transport.write(data)

    def join(self, other: "Side") -> None:
        """Let both sides write to each other from now on."""
        self.other, other.other = other, self
        if self._early and other.transport is not None:
            other.transport.write(bytes(self._early))

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Client(Side):
    """The side on the Unix socket, which opens the other one."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._connect = partial(self._open, host, port, tls)
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opening = asyncio.get_running_loop().create_task(self._connect())

    async def _open(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        name = "localhost" if tls else None
        try:
            _, provider = await asyncio.get_running_loop().create_connection(
                Side, host, port, ssl=tls, server_hostname=name
            )
        except OSError:
            if self.transport is not None:
                self.transport.close()
            return
        if self.transport is None and provider.transport is not None:  # the client has left meanwhile
            provider.transport.close()
        else:
            self.join(provider)


async def relay(path: str, host: str, port: int, ca: str | None) -> None:
    """Relay what comes in on the socket `path`, until the process is stopped."""
    tls = ssl.create_default_context(cafile=ca) if ca else None
    server = await asyncio.get_running_loop().create_unix_server(
        lambda: Client(host, port, tls), path=path, backlog=2048
    )
    async with server:
        await server.serve_forever()


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


if __name__ == "__main__":
    socket_path, provider_host, provider_port, *authorities = sys.argv[1:]
    _run(relay(socket_path, provider_host, int(provider_port), authorities[0] if authorities else None))
