"""Asks without a running sidecar: the same service in this process, behind the same session, for one connection."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from sidecar.assembly import assemble
from sidecar.providers.choosing import choose_provider
from sidecar.session import ByteStream, Peer
from sidecar.settings import Settings
from sidecar.transports.streams import SocketStream


@asynccontextmanager
async def open_here(settings: Settings) -> AsyncIterator[ByteStream]:
    """Give the client's end of a connection to a service that lives as long as the block.

    Raises:
        SettingsError: the provider lacks a setting.
    """
    ours, theirs = socket.socketpair()
    async with AsyncExitStack() as stack:
        client = SocketStream(ours)
        stack.callback(client.close)
        server = SocketStream(theirs)
        stack.callback(server.close)
        parts = await stack.enter_async_context(assemble(settings, choose_provider(settings), is_child=True))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(parts.connections.serve, server, Peer(name="this process"))
            yield client
            client.close()  # by which the session ends, and with it what still runs
